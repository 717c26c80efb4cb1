#!/usr/bin/env bash
# Snakemake runs this in the new environment, in the folder the workflow was started in.
# The checksum changes with the lock, so that another lock makes another environment.
set -euo pipefail
echo "32ece4a6d415ff03afb0795fff280d64b6f7b75ba16803068a508f1f24b6c8ad  envs/cpu.lock" | sha256sum --check --quiet
pip install --quiet --require-hashes -r envs/cpu.lock
