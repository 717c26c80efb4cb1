#!/usr/bin/env bash
# snakemake 9.27.1: exchanging the values of two params runs nothing again.
#
# Guess: params are compared name by name.
# Seen: what is kept of a job's params is the sorted list of their values, without names. A rule with
# low=1, high=2 that becomes low=2, high=1 is "nothing to be done"; low=1, high=3 runs again. One
# param that holds names and values (a dictionary, JSON) is seen whole.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q snakemake==9.27.1
cd "$work"
cat > Snakefile <<'RULE'
rule band:
    output:
        "band.txt",
    params:
        low=config["low"],
        high=config["high"],
    shell:
        "echo {params.low} {params.high} > {output}"
RULE
run() { env/bin/snakemake --cores 1 --quiet all --config "$@" > /dev/null 2>&1; cat band.txt; }
first=$(run low=1 high=2)
exchanged=$(run low=2 high=1)
changed=$(run low=1 high=3)
echo "low=1 high=2: $first; low=2 high=1: $exchanged; low=1 high=3: $changed"
[ "$first" = "1 2" ] && [ "$exchanged" = "1 2" ] && [ "$changed" = "1 3" ]
