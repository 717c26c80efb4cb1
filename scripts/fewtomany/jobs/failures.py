"""What failed jobs said, as the last lines on the terminal.

A program ends a mistake of the user with one line of its own, in the log of its rule. Snakemake
writes much after that, or with ``quiet: [rules]`` nothing of it. The Snakefile calls :func:`watch`
in the main process and :func:`tell` where the workflow failed; the lines then come when Snakemake
itself has said everything.
"""

import atexit
import logging
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

OURS = re.compile(r"^\w+\.py: error: ", re.MULTILINE)
"""How a line of :func:`fewtomany.jobs.cli.run` begins."""

MOST = 8
"""Lines told at most; others are counted."""


class FailedLogs(logging.Handler):
    """A handler of Snakemake's logger that keeps the logs of jobs that failed and did not recover.

    Attributes
    ----------
    logs : by the job's number: the files that its rule names as logs
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.logs: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        event = str(getattr(record, "event", None)).rpartition(".")[2].lower()
        job = getattr(record, "jobid", getattr(record, "job_id", None))
        if event == "job_error":
            self.logs[job] = [str(path) for path in getattr(record, "log", None) or []]
        elif event == "job_finished":
            self.logs.pop(job, None)


def watch() -> FailedLogs:
    """Begin to listen to Snakemake's logger."""
    logger = logging.getLogger("snakemake.logging")
    for other in [one for one in logger.handlers if isinstance(one, FailedLogs)]:
        logger.removeHandler(other)  # of a workflow that ran before in this process
    handler = FailedLogs()
    logger.addHandler(handler)
    return handler


def tell(found: FailedLogs) -> None:
    """Write the lines of the jobs that failed when this process ends, after everything else."""
    lines = list(dict.fromkeys(line for logs in found.logs.values() for line in said(logs)))
    if lines:
        atexit.register(_write, lines)


def said(logs: Iterable[str]) -> Iterator[str]:
    """The lines of our own errors in the first log there is; of another error its last line."""
    for path in logs:
        try:
            lines = Path(path).read_text(errors="replace").strip().splitlines()
        except OSError:
            continue
        ours = [line for line in lines if OURS.match(line)]
        if ours:
            yield from ours
            return
        if lines:
            yield f"{lines[-1].strip()} (the last line of {path})"
            return


def _write(lines: list[str]) -> None:
    sys.stdout.flush()
    shown = lines[:MOST]
    if len(lines) > MOST:
        shown.insert(0, f"({len(lines) - MOST} more messages of failed jobs are in their logs)")
    sys.stderr.write("\n".join(["", *shown, ""]))
    sys.stderr.flush()
