#!/usr/bin/env bash
# Snakemake runs this in the new environment, in the folder the workflow was started in.
# The checksum changes with the lock, so that another lock makes another environment.
set -euo pipefail
echo "fe3142f1cfac1b3f59d7cc5ff4447f97475a390ed077b4a420c0c3c9b8265e81  envs/cpu.lock" | sha256sum --check --quiet
pip install --quiet --require-hashes -r envs/cpu.lock
