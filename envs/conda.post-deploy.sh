#!/usr/bin/env bash
# Snakemake runs this in the new environment, in the folder the workflow was started in.
# The checksum changes with the lock, so that another lock makes another environment.
set -euo pipefail
echo "86d4dccdccecbed7237c1c1eec01d664eb6d4ff59acc9f7e3b183298d762ee01  envs/cpu.lock" | sha256sum --check --quiet
pip install --quiet --require-hashes -r envs/cpu.lock
