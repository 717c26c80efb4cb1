#!/usr/bin/env bash
# snakemake-executor-plugin-cluster-generic 1.0.9: after a killed Snakemake a job runs twice at once.
#
# Guess: its job is found again by the number that was kept ("Resuming incomplete job").
# Seen: with --rerun-incomplete, without which Snakemake refuses to go on, the job that still
# runs is started a second time beside it, at the same output.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q snakemake==9.27.1 snakemake-executor-plugin-cluster-generic==1.0.9
cd "$work"
cat > Snakefile <<'SNAKEFILE'
rule wait:
    output: "output.txt"
    shell: "echo begun >> begun.txt; for i in $(seq 600); do test -e go && break; sleep 0.1; done;"
        " echo ended >> ended.txt; echo 1 > {output}"
SNAKEFILE
cat > submit <<'SUBMIT'
#!/bin/sh
setsid sh "$1" >/dev/null 2>&1 &
echo $!
SUBMIT
cat > status <<'STATUS'
#!/bin/sh
kill -0 "$1" 2>/dev/null && echo running || echo success
STATUS
chmod +x submit status
run() {
    PATH="$work/env/bin:$PATH" exec "$work/env/bin/snakemake" --jobs 2 output.txt \
        --executor cluster-generic --cluster-generic-submit-cmd ./submit \
        --cluster-generic-status-cmd ./status "$@"
}
begun() { for _ in $(seq 600); do test "$(wc -l 2>/dev/null < begun.txt)" = "$1" && return; sleep 0.1; done; }

(run > first.txt 2>&1) &
begun 1
kill -KILL $! && { wait $! || true; } 2>/dev/null
(run --unlock > unlock.txt 2>&1)
(run --rerun-incomplete > second.txt 2>&1) &
begun 2
echo "begun $(wc -l < begun.txt) times, ended $(cat ended.txt 2>/dev/null | wc -l) times"
test "$(wc -l < begun.txt)" = 2 && test ! -e ended.txt
touch go
wait $!
