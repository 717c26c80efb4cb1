"""Snakemake's SLURM executor with job arrays that are safe, and without orphans.

The executor plugin (snakemake-executor-plugin-slurm 2.8) submits arrays, but each of its
tasks also checks, and on failure deletes, the output of the array's first job, and it
submits nothing as long as ``jobs`` is below the number of ready jobs. Here an array's script
holds one command per task, the very command of a job submitted alone, and whatever is ready
is submitted after a few seconds. What squeue says of a job is judged by
:mod:`fewtomany.jobs.squeue`: the plugin waits for ever for jobs that were preempted, forgotten or
held. The plugin's other bookkeeping (retries, cancelling, logs, sacct) stays as it is.

A run that was killed leaves its jobs in the queue. The next run of the campaign in the same
folder cancels them before it submits any, so that no two jobs work at one product.

The Snakefile calls :func:`install`; nothing else in the package knows of SLURM.
"""

import asyncio
import os
import shlex
import socket
import subprocess
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import snakemake_executor_plugin_slurm as plugin
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string
from snakemake_executor_plugin_slurm.validation import validate_or_get_slurm_job_id
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

from fewtomany.jobs import squeue

GATHER_S = 5
"""How long jobs that may be in arrays wait for others, at most: one look at the queue finds the
jobs that ended one after the other, and what follows from each is ready at once."""

MAX_SCRIPT_BYTES = 3_000_000
"""Of one array's script; SLURM's own limit is 4 MiB unless its administrator changed it."""

ORPHANS_GONE_S = 300
"""How long to wait for cancelled jobs to leave the nodes (SLURM's KillWait is 30 s)."""


def install(campaign: str) -> None:
    """Let the executor "slurm" be this one, for the runs of a campaign."""
    slurm = ExecutorPluginRegistry().get_plugin("slurm")
    slurm.executor = type("Executor", (Executor,), {"campaign": campaign})


class Executor(plugin.Executor):
    """The plugin's executor with the differences that the module describes."""

    campaign: str

    def __post_init__(self, test_mode: bool = False):
        self._ready, self._lock = [], threading.Lock()
        self._watch = QueueWatch()
        super().__post_init__(test_mode)
        if self.array_jobs and self.get_status_command() != "squeue":
            raise WorkflowError(
                "slurm-array-jobs needs slurm-status-command: squeue; "
                "the plugin mistakes the states of array tasks in sacct's tables"
            )
        self.run_uuid = str(RunName(self.campaign, socket.gethostname(), os.getpid()))
        self.logger.info(f"Name of this run's jobs: {self.run_uuid}")
        end_orphans(self.campaign, self.workflow.workdir_init, self.logger)

    def run_jobs(self, jobs):
        """Take the jobs that are ready; those that may be in arrays are gathered first."""
        for job in jobs:
            self.run_job_pre(job)
            if job.is_group() or not {job.rule.name, "all"} & self.array_jobs:
                self._job_submission_executor.submit(self.run_job, job)
                continue
            with self._lock:
                self._ready.append(job)
                if len(self._ready) == 1:
                    wait = min(GATHER_S, self._seconds_between_looks())
                    threading.Timer(wait, self._submit_ready).start()

    async def sleep(self):
        """Until the next look at the queue; the plugin's waits grow up to three minutes."""
        await asyncio.sleep(self._seconds_between_looks())

    def _seconds_between_looks(self) -> float:
        return self.workflow.executor_settings.init_seconds_before_status_checks

    async def check_active_jobs(self, active_jobs: Sequence[SubmittedJobInfo]):
        """Report the jobs that ended; yield those that SLURM still has to do with.

        With sacct the plugin's own check.
        """
        if self.get_status_command() != "squeue":
            async for job in super().check_active_jobs(active_jobs):
                yield job
            return
        if not active_jobs:  # the first call comes before the executor is whole
            return
        async with self.status_rate_limiter:
            answers = await asyncio.to_thread(
                self._watch.look,
                self.run_uuid,
                {info.external_jobid: info.job.output for info in active_jobs},
            )
        for line in squeue.lines(
            (info.job.rule.name, info.external_jobid, answers[info.external_jobid])
            for info in active_jobs
        ):
            self.logger.warning(line)
        for info in active_jobs:
            found = answers[info.external_jobid]
            if found.fate == "wait":
                yield info
            elif found.fate == "done":
                self.report_job_success(info)
                if not self.workflow.executor_settings.keep_successful_logs:
                    Path(info.aux["slurm_logfile"]).unlink(missing_ok=True)
            else:
                self._end(info, found)

    def _end(self, info: SubmittedJobInfo, found: squeue.Outcome) -> None:
        """Report a job as failed; Snakemake starts it again while it has attempts left."""
        job = info.job
        if found.fate == "preempted":
            job.attempt -= 1  # what Snakemake counts is failures of the job's own
        if found.fate == "ended":
            job.attempt = job.restart_times + 1
            subprocess.run(["scancel", info.external_jobid], check=False, timeout=60)
        self.report_job_error(
            info, msg=f"{found.words}.\n", aux_logs=[str(info.aux["slurm_logfile"])]
        )

    def _submit_ready(self):
        """Submit what has been gathered: alike jobs as arrays, single ones alone."""
        with self._lock:
            jobs, self._ready = self._ready, []
        try:
            chunks = self._arrays(jobs)
        except (WorkflowError, OSError) as error:
            self._report_errors(jobs, error)
            return
        for chunk in chunks:
            if len(chunk) == 1:
                self._job_submission_executor.submit(self.run_job, chunk[0])
            else:
                self._job_submission_executor.submit(self.run_array_jobs, chunk)

    def _report_errors(self, jobs, error):
        for job in jobs:
            self._report_job_error_threadsafe(SubmittedJobInfo(job), str(error))

    def shutdown(self):
        """End; what is gathered but not submitted stays undone."""
        with self._lock:
            self._ready = []
        super().shutdown()

    def run_array_jobs(self, jobs):
        """Submit one array; its n-th task is the n-th job."""
        try:
            script = array_script([self.format_job_exec(job) for job in jobs])
            call = f"{self._sbatch(jobs[0])} --array=1-{len(jobs)} /dev/stdin"
            self._logs(jobs[0]).mkdir(parents=True, exist_ok=True)
            done = subprocess.run(
                call, shell=True, input=script, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise WorkflowError(f"sbatch: {done.stderr.strip()}\n    {call}")
            number = validate_or_get_slurm_job_id(done.stdout.strip().split(";")[0], done.stdout)
        except (WorkflowError, OSError) as error:
            self._report_errors(jobs, error)
            return
        for task, job in enumerate(jobs, 1):
            log = self._logs(job) / f"{number}_{task}.log"
            self._report_job_submission_threadsafe(
                SubmittedJobInfo(job, external_jobid=f"{number}_{task}", aux={"slurm_logfile": log})
            )
        self.logger.info(
            f"{len(jobs)} jobs of {jobs[0].rule.name} have been submitted as SLURM array {number}."
        )

    def _arrays(self, jobs: Sequence) -> list[Sequence]:
        """Jobs that ask for the same, together, within SLURM's limits for one array."""
        alike = defaultdict(list)
        for job in jobs:
            alike[self._sbatch(job)].append(job)
        chunks = []
        for same in alike.values():
            length = len(self.format_job_exec(same[0])) + 1000  # their wildcards differ a little
            size = max(min(self.max_array_size, MAX_SCRIPT_BYTES // length), 1)
            chunks += [same[start : start + size] for start in range(0, len(same), size)]
        return chunks

    def _logs(self, job) -> Path:
        return self.slurm_logdir / f"rule_{job.rule.name}"

    def _sbatch(self, job) -> str:
        """The call of sbatch without the script; the same for all jobs of one array."""
        facts = {
            "run_uuid": self.run_uuid,
            "slurm_logfile": self._logs(job) / "%A_%a.log",
            "comment_str": f"rule_{job.rule.name}",
            "account": next(self.get_account_arg(job)),
            "partition": self.get_partition_arg(job),
            "workdir": self.workflow.workdir_init,
        }
        plugin.validate_slurm_extra(job)
        settings = self.workflow.executor_settings
        call = get_submit_command(job, facts, settings=settings, failed_nodes=self._failed_nodes)
        return call + set_gres_string(job)


class QueueWatch:
    """The queue as it was seen before: since when each job's line is what it is."""

    def __init__(self):
        self._since: dict[str, tuple[squeue.Entry | None, float]] = {}
        self._first: dict[str, float] = {}
        self._said: dict[str, str] = {}
        self._answered = time.monotonic()

    def look(self, run: str, outputs: Mapping[str, Sequence[str]]) -> dict[str, squeue.Outcome]:
        """The answers for some jobs; words that were said at the look before are not repeated.

        Parameters
        ----------
        run : name of the run's jobs
        outputs : the files that each job makes, by the job's number
        """
        now = time.monotonic()
        try:
            queue = squeue.look(run)
        except squeue.Unanswered as error:
            return {number: self._unanswered(number, error, now) for number in outputs}
        self._answered = now
        found = {}
        for number, files in outputs.items():
            self._first.setdefault(number, time.time())
            entry = queue.get(number)
            if number not in self._since or self._since[number][0] != entry:
                self._since[number] = (entry, now)
            whole = entry is None and _made_since(files, self._first[number])
            answer = squeue.answer(number, queue, now - self._since[number][1], whole)
            found[number] = self._once(number, answer)
        return found

    def _unanswered(self, number: str, error: Exception, now: float) -> squeue.Outcome:
        silent = now - self._answered > squeue.SILENT_S
        words = f"squeue has not answered for ten minutes: {error}" if silent else ""
        return self._once("queue", squeue.Outcome("wait", words))

    def _once(self, about: str, answer: squeue.Outcome) -> squeue.Outcome:
        if answer.fate != "wait":
            return answer
        said = self._said.get(about)
        self._said[about] = answer.words
        return squeue.Outcome("wait") if answer.words == said else answer


CLOCKS_S = 300
"""How far the clocks of nodes may be apart."""


def _made_since(files: Sequence[str], seconds: float) -> bool:
    """Whether all files are there and not older than a point in time, as clocks go."""
    try:
        return all(os.path.getmtime(file) > seconds - CLOCKS_S for file in files)
    except OSError:
        return False


def array_script(commands: Sequence[str]) -> str:
    """Shell script of an array whose n-th task is the n-th command."""
    cases = [f"{task}) {command} ;;" for task, command in enumerate(commands, 1)]
    return "\n".join(["#!/bin/sh", 'case "$SLURM_ARRAY_TASK_ID" in', *cases, "esac", ""])


class RunName(NamedTuple):
    """Name of all jobs of one run of Snakemake: who submitted them."""

    campaign: str
    host: str
    pid: int
    unique: str = ""

    def __str__(self) -> str:
        return ":".join([*map(str, self[:3]), self.unique or uuid.uuid4().hex[:8]])

    @classmethod
    def parse(cls, name: str) -> "RunName | None":
        """The parts of a job's name; None if it is no job of a campaign."""
        parts = name.split(":")
        if len(parts) != 4 or not parts[2].isdigit():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3])

    def is_alive(self) -> bool:
        """Whether that run goes on; only its own host can tell."""
        try:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return False
        return b"snakemake" in words


def queued_runs(campaign: str, folder: str | Path) -> set[RunName]:
    """The runs of a campaign in a folder that have jobs in the queue."""
    user = ["--user", str(os.getuid())]
    table = subprocess.run(
        ["squeue", "--noheader", *user, "--format=%j|%Z"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    found = set()
    for line in table.splitlines():
        name, _, where = line.partition("|")
        run = RunName.parse(name.strip())
        if run and run.campaign == campaign and Path(where).resolve() == Path(folder).resolve():
            found.add(run)
    return found


def end_orphans(campaign: str, folder: str | Path, logger) -> None:
    """Cancel the jobs of runs that were killed, and return when they are gone.

    Raises
    ------
    WorkflowError : when they do not go, or when a run on another host may be alive
    """
    here = socket.gethostname()
    for run in queued_runs(campaign, folder):
        cancel = f"scancel --name {shlex.quote(str(run))}"
        if run.host != here:
            raise WorkflowError(
                f"the queue holds jobs of a run on {run.host} (process {run.pid}); wait for it, "
                f"or if it is dead cancel them there or here: {cancel}"
            )
        if run.is_alive():
            continue
        logger.warning(f"Cancelling the jobs of a run that was killed: {cancel}")
        subprocess.run(shlex.split(cancel), check=True, timeout=60)
        until = time.monotonic() + ORPHANS_GONE_S
        while run in queued_runs(campaign, folder):
            if time.monotonic() > until:
                raise WorkflowError(f"jobs of a run that was killed do not end: {cancel}")
            time.sleep(1)
