"""What a failed job said is the last thing on the terminal."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from fewtomany.jobs import failures

ROOT = Path(__file__).parents[2]
SNAKEFILE = """
import sys
sys.path.insert(0, {scripts!r})
from fewtomany.jobs import failures
failed = failures.watch()
onerror:
    failures.tell(failed)
rule all:
    input: "a.txt", "b.txt"
rule a:
    output: "a.txt"
    log: "logs/a.log"
    shell: "echo 'import_maps.py: error: m.fits: unit is Jy; expected K' > {{log}}; exit 2"
rule b:
    output: "b.txt"
    log: "logs/b.log"
    retries: 1
    shell: "mkdir once || touch {{output}}; echo 'b.py: error: lost' > {{log}}; test -e b.txt"
"""


def test_the_last_line_is_that_of_the_job_that_failed(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(scripts=str(ROOT / "scripts")))
    profile = ["--quiet", "rules", "host", "--show-failed-logs", "--keep-going", "--cores", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *profile],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last == "import_maps.py: error: m.fits: unit is Jy; expected K"
    assert (tmp_path / "b.txt").exists()
    assert "lost" not in done.stderr.partition("At least one job")[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "10:00 INFO read\nemulate.py: error: a: 1; expected 2\n",
            ["emulate.py: error: a: 1; expected 2"],
        ),
        ("Traceback\nValueError: no\n", ["ValueError: no (the last line of {path})"]),
        ("", []),
    ],
)
def test_what_a_log_says(tmp_path, text, expected):
    path = tmp_path / "job.log"
    path.write_text(text)
    found = list(failures.said([str(tmp_path / "none.log"), str(path)]))
    assert found == [line.format(path=path) for line in expected]


def test_a_job_that_recovers_is_not_told_of():
    watch = failures.FailedLogs()

    def say(event, **facts):
        record = logging.LogRecord("x", logging.INFO, "", 0, "", (), None)
        record.__dict__.update(event=event, **facts)
        watch.emit(record)

    say("LogEvent.JOB_ERROR", jobid=1, log=["a.log"])
    say("LogEvent.JOB_ERROR", jobid=2, log=["b.log"])
    say("LogEvent.JOB_FINISHED", job_id=1)
    assert watch.logs == {2: ["b.log"]}
