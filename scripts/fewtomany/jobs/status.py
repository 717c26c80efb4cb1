"""Where a campaign stands: from its files, Snakemake's plan and the queue of SLURM.

A job is done if it has a benchmark file. It runs if SLURM says so or, without SLURM, if its log
grew lately. It failed if it left a log and no benchmark, and does not run. A dry run of Snakemake
tells what is still to do.
"""

import dataclasses
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from fewtomany.config.campaign import Campaign
from fewtomany.emulator import archive
from fewtomany.errors import UserError
from fewtomany.figures.report import read_costs
from fewtomany.files import integrity, store
from fewtomany.jobs import discarded

ROOT = Path(__file__).resolve().parents[3]
PRODUCTS = (".h5", ".json", *integrity.CHECKS)
"""Suffixes of what a campaign makes and :func:`check` reads."""

RECENT_S = 600
"""A log that grew within these seconds belongs to a job that runs; older leftovers of killed
jobs are nobody's."""

LAST_BATCHES = 20
"""As many batches tell how long one takes now, on these machines."""


@dataclasses.dataclass(frozen=True)
class RuleJobs:
    """The jobs of one rule.

    Attributes
    ----------
    to_do : jobs that are still to be done, those that run or failed among them
    left_s : time left, one job after the other (s): of `emulate` from its batches, see
        :func:`emulation_left`; else from the mean of the finished jobs, None before the first
    """

    rule: str
    done: int
    to_do: int
    running: int
    failed: int
    left_s: float | None


def stages(
    campaign: Campaign, config: str, running: dict[str, int] | None, emulation_s: float | None
) -> list[RuleJobs]:
    """All stages with anything done or to do, in the order of Snakemake's plan.

    Parameters
    ----------
    config : the campaign file
    running : jobs in SLURM by rule; None without SLURM
    emulation_s : time left for all batches, see :func:`emulation_left`
    """
    benchmarks = Path("benchmarks") / campaign.name
    costs = {cost.rule: cost for cost in read_costs(benchmarks)} if benchmarks.is_dir() else {}
    to_do = planned_jobs(config)
    unfinished = unfinished_logs(campaign)
    found = []
    for rule in sorted(costs.keys() | to_do.keys(), key=list([*costs, *to_do]).index):
        logs = unfinished.get(rule, [])
        grows = sum(time.time() - path.stat().st_mtime < RECENT_S for path in logs)
        runs = grows if running is None else running.get(rule, 0)
        cost = costs.get(rule)
        jobs = to_do.get(rule, 0)
        left = cost.wall_s / cost.n_jobs * jobs if cost else None
        if rule == "emulate":
            left = emulation_s
        found.append(
            RuleJobs(
                rule=rule,
                done=cost.n_jobs if cost else 0,
                to_do=jobs,
                running=runs,
                failed=min(max(len(logs) - runs, 0), jobs),
                left_s=left if jobs else 0.0,
            )
        )
    return found


def planned_jobs(config: str) -> dict[str, int]:
    """Jobs to do by rule, as Snakemake plans them."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    done = subprocess.run(
        [*command, "--dry-run", "--quiet", "rules", "--rerun-incomplete", "--configfile", config],
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    if done.returncode != 0:
        raise UserError(f"Snakemake has no plan: {output.strip().splitlines()[-1]}")
    table = output.partition("Job stats:")[2].partition("\n\n")[0]
    counts = re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)
    return {rule: int(count) for rule, count in counts if rule not in ("all", "total")}


def unfinished_logs(campaign: Campaign) -> dict[str, list[Path]]:
    """Logs of jobs by rule that have no benchmark as new as the log."""
    logs = Path("logs") / campaign.name
    found: dict[str, list[Path]] = {}
    for path in sorted(logs.rglob("*.log")):
        name = path.relative_to(logs)
        benchmark = Path("benchmarks") / campaign.name / name.with_suffix(".tsv")
        if not benchmark.exists() or benchmark.stat().st_mtime < path.stat().st_mtime - RECENT_S:
            found.setdefault(name.parts[0].removesuffix(".log"), []).append(path)
    return found


def slurm_jobs(campaign: Campaign) -> dict[str, dict[str, int]] | None:
    """Jobs of this folder's campaign in SLURM's queue, by state and rule; None without SLURM."""
    if shutil.which("squeue") is None:
        return None
    words = ["squeue", "--array", "--noheader", f"--user={os.getuid()}", "--format=%j|%T|%Z|%k"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        return None
    states: dict[str, Counter] = {}
    for line in done.stdout.splitlines():
        name, state, folder, comment = line.strip().split("|", 3)
        if name.startswith(f"{campaign.name}:") and Path(folder).resolve() == Path.cwd():
            rule = comment.removeprefix("rule_").partition("_wildcards_")[0]
            states.setdefault(state, Counter())[rule] += 1
    return states


@dataclasses.dataclass(frozen=True)
class Descent:
    """The batches of one emulated dataset: finished, and on their way with their steps.

    Attributes
    ----------
    seconds : median wall-clock time of the batches that were finished last; None before the first
    """

    dataset: str
    n_batches: int
    finished: int
    steps: dict[str, int]
    seconds: float | None


def descents(campaign: Campaign, n_batches: dict[str, int]) -> list[Descent]:
    """How far the emulation is; ``n_batches`` is the plan of every emulated dataset.

    Batches of a larger campaign than the planned one do not count.
    """
    found = []
    for dataset, count in n_batches.items():
        folder = Path("results") / campaign.name / "emulation" / dataset / "batches"
        checkpoints = {}
        planned = {archive.batch_path(folder, batch) for batch in range(count)}
        begun = {archive.checkpoint_path(path) for path in planned}
        for path in sorted(begun.intersection(folder.rglob("batch-*.checkpoint.h5"))):
            try:
                state = store.read(path, archive.CHECKPOINT_KIND, "step", finite=False)
            except UserError:  # finished or renamed meanwhile
                continue
            checkpoints[path.name.partition(".")[0]] = int(state["step"])
        finished = list(planned.intersection(folder.rglob("batch-???????.h5")))
        seconds = _batch_seconds(finished)
        found.append(Descent(dataset, count, len(finished), checkpoints, seconds))
    return found


def _batch_seconds(finished: list[Path]) -> float | None:
    """Median of what the last batches took, as they say themselves."""
    last = sorted(finished, key=lambda path: path.stat().st_mtime)[-LAST_BATCHES:]
    took = [store.read_attributes(path, archive.KIND)["provenance"].get("wall_s") for path in last]
    known = [seconds for seconds in took if seconds is not None]
    return statistics.median(known) if known else None


def emulation_left(found: list[Descent], n_steps: int) -> float | None:
    """Time left for all batches, one after the other (s); None before the first is finished.

    A dataset without a finished batch counts with the mean time of the others' batches. A job
    that goes on after a kill has most of its batches already, so jobs would tell less.
    """
    known = [descent.seconds for descent in found if descent.seconds is not None]
    if not known:
        return None
    left = 0.0
    for descent in found:
        begun = sum(descent.steps.values()) / n_steps
        seconds = statistics.mean(known) if descent.seconds is None else descent.seconds
        left += max(descent.n_batches - descent.finished - begun, 0) * seconds
    return left


@dataclasses.dataclass
class Check:
    """What :func:`check` finds.

    Attributes
    ----------
    damaged : products and what is wrong with them
    checked : number of products that carry digests, and were checked by them
    unsigned : products of earlier versions, without digests; all that is known of them is that
        they can be read
    """

    damaged: dict[Path, str] = dataclasses.field(default_factory=dict)
    checked: int = 0
    unsigned: list[Path] = dataclasses.field(default_factory=list)


def check(campaign: Campaign) -> Check:
    """Read every product of a campaign whole.

    A manifest of batches is damaged when a batch that it names is missing or damaged. Of exported
    FITS files the whole folder is named, since it is the product.
    """
    results = Path("results") / campaign.name
    found = Check()
    for path in sorted(results.rglob("*")):
        if path.suffix not in PRODUCTS or path.name.startswith(".") or not path.is_file():
            continue
        try:
            signed = store.verify(path)
        except UserError as error:
            fault = str(error).removeprefix(f"{path}: ")
            if path.suffix == ".fits":
                path, fault = path.parent, f"{path.name}: {fault}"
            found.damaged[path] = fault
            continue
        found.checked += signed
        if not signed:
            found.unsigned.append(path)
    for path in sorted(results.rglob("shards/*.json")):
        if path not in found.damaged:
            files = [entry["file"] for entry in archive.read_manifests([path]).values()]
            lost = [file.name for file in files if file in found.damaged or not file.exists()]
            if lost:
                found.damaged[path] = f"names {', '.join(lost)}"
    return found


def leftovers(campaign: Campaign) -> list[Path]:
    """Temporary files and claims that killed jobs have left."""
    results = Path("results") / campaign.name
    candidates = [*results.rglob(".*.part*"), *results.rglob("claims-*")]
    return sorted(path for path in candidates if time.time() - path.stat().st_mtime > RECENT_S)


def discard(campaign: Campaign, damaged: Iterable[Path], left: Iterable[Path]) -> None:
    """Remove damaged products, which the next run then makes again, and what jobs have left."""
    discarded.add(campaign, damaged)
    for path in [*damaged, *left]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
