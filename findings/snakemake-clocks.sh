#!/usr/bin/env bash
# Snakemake 9.27.1: a job that ended well fails where its input has a time of a clock that is ahead.
#
# Guess: the output is newer than the input once Snakemake has touched it, or it is made again later.
# Seen: "Output … has older modification time than input …" fails the job and removes what it made.
# On file systems that keep the times which their clients write, every job fails so on a node whose
# clock is behind by more than its inputs are old, and a local run where an input came from a node
# that is ahead. Once its input is old enough the same job is done.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q snakemake==9.27.1
cd "$work"
cat > Snakefile <<'SNAKEFILE'
rule copy:
    input: "input.txt"
    output: "output.txt"
    shell: "cp {input} {output}"
SNAKEFILE
run() { "$work/env/bin/snakemake" --cores 1 output.txt 2>&1; }

echo 1 > input.txt
touch -d "now + 90 seconds" input.txt
if run > said.txt; then echo "the job was done"; exit 1; fi
grep -o "has older modification time" said.txt
grep -o "clock skew" said.txt
test ! -e output.txt && echo "and its output is gone"

touch input.txt
run > said.txt
test -e output.txt && echo "with an input of now it is done"
