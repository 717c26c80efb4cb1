"""What squeue says of the jobs of a run, and what becomes of each.

The executor plugin (2.8) goes on waiting for a job whose state is PREEMPTED, for one that SLURM has
forgotten and for one that is held, without a word and without an end. Here each look at the queue
gives every job one of five answers (:class:`Outcome`): wait; done; lost (it goes again with more
memory and time, as often as the profile's ``retries``); preempted (it goes again as it was, however
often); or ended (it shall not go again: somebody decided so).
"""

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

HELD_S = 600
"""How long a job may be held before it is given up."""

FORGOTTEN_S = 60
"""How long a job may be missing from the queue: SLURM lists new ones late when it is busy."""

SILENT_S = 600
"""How long squeue may fail before it is said."""

GOING = frozenset(
    """
    PENDING CONFIGURING RUNNING COMPLETING SUSPENDED STOPPED REQUEUED REQUEUE_FED REQUEUE_HOLD
    RESIZING RESV_DEL_HOLD SIGNALING SPECIAL_EXIT STAGE_OUT
    """.split()  # noqa: SIM905 (shorter than the list)
)
"""States of jobs that SLURM still has to do with; every other but COMPLETED is an end without
success (slurm's squeue(1), JOB STATE CODES)."""

HELD = ("JobHeldAdmin", "JobHeldUser", "JobHoldMaxRequeue", "requeued_held", "requeued held")
NEVER = ("BadConstraints", "DependencyNeverSatisfied", "PartitionTimeLimit", "AccountNotAllowed")
UNAVAILABLE = ("ReqNodeNotAvail", "DOWN, DRAINED", "PartitionDown", "PartitionInactive", "NodeDown")


@dataclass(frozen=True)
class Entry:
    """A job's line in the queue: its state, and why it waits."""

    state: str
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """What becomes of a job, and the words for it (empty: nothing to say)."""

    fate: Literal["wait", "done", "lost", "preempted", "ended"]
    words: str = ""


class Unanswered(Exception):
    """squeue failed or did not answer."""


def look(run: str) -> dict[str, Entry]:
    """The jobs of a run by their numbers, tasks of arrays as ``job_task``; those that ended too.

    Raises
    ------
    Unanswered : with squeue's own words
    """
    call = ["squeue", "--array", "--noheader", "--states=all", f"--name={run}", "--format=%i|%T|%r"]
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=True)
    except subprocess.CalledProcessError as error:
        raise Unanswered(
            error.stderr.strip() or f"squeue: exit status {error.returncode}"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unanswered(str(error)) from None
    rows = (line.strip().split("|", 2) for line in done.stdout.splitlines() if line.strip())
    return {number: Entry(state, reason) for number, state, reason in rows}


def answer(number: str, queue: Mapping[str, Entry], seconds: float, outputs: bool) -> Outcome:
    """What becomes of a job.

    Parameters
    ----------
    number : as SLURM names it, ``job`` or ``job_task``
    queue : see :func:`look`
    seconds : since the job's line has been what it is, or since it has been missing
    outputs : whether everything that the job makes is there and was written since its submission
    """
    entry = queue.get(number)
    if entry is None:
        if seconds < FORGOTTEN_S:
            return Outcome("wait")
        if outputs:
            return Outcome("done", f"SLURM has forgotten job {number}; what it makes is there")
        return Outcome("lost", f"SLURM has forgotten job {number} and what it makes is not there")
    if entry.state == "COMPLETED":
        return Outcome("done")
    if entry.state not in GOING:
        fate = "preempted" if entry.state == "PREEMPTED" else "lost"
        return Outcome(fate, f"SLURM ended job {number}: {entry.state}{_because(entry)}")
    if any(word in entry.reason for word in (*HELD, *NEVER)):
        if seconds < HELD_S:
            return Outcome("wait", f"job {number} is held: {entry.reason}; {_cure(number, entry)}")
        return Outcome(
            "ended", f"job {number} was held for {HELD_S // 60} minutes: {entry.reason}; given up"
        )
    if any(word in entry.reason for word in UNAVAILABLE):
        return Outcome("wait", f"job {number} waits for nodes that are away: {entry.reason}")
    return Outcome("wait")


def _because(entry: Entry) -> str:
    return f" ({entry.reason})" if entry.reason not in ("", "None") else ""


def _cure(number: str, entry: Entry) -> str:
    if any(word in entry.reason for word in NEVER):
        return "SLURM will never start it as it was asked for: see the resources in your profile"
    return f"scontrol release {number}, or ask who holds it"


def lines(said: Iterable[tuple[str, str, Outcome]]) -> list[str]:
    """What people read of jobs that go on or are done: one line for those of a rule that are alike.

    Parameters
    ----------
    said : rule, number and outcome of every job
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for rule, number, outcome in said:
        if outcome.words and outcome.fate in ("wait", "done"):
            alike.setdefault((rule, outcome.words.replace(number, "")), []).append(outcome.words)
    return [
        f"{rule}: {first}" + (f" (and {len(others)} jobs more)" if others else "")
        for (rule, _), (first, *others) in alike.items()
    ]
