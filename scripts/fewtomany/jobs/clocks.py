"""Nodes whose clocks differ: jobs leave the times of files to the main process.

Snakemake (9.27) touches what a job has made and then wants it newer than what the job was made of;
first in the job, on its node, and once more in the main process. Where a file system keeps the
times that its clients write, a node whose clock is behind fails every job whose inputs are younger
than its lag. The main process gives all files times of one clock and looks at their order, so that
nothing is lost where jobs do not look.
"""

from snakemake.dag import DAG


def leave_to_main() -> None:
    """Let this process not compare the times of a job's output and input."""
    DAG.check_output_mtime = _unchecked


async def _unchecked(dag: DAG, job: object, expanded_output: object) -> None:
    """In place of ``DAG.check_output_mtime``."""
