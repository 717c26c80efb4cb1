"""Show what of a campaign is done, running and failed, and how much time is left."""

import argparse
import datetime
import sys

from fewtomany import config
from fewtomany.emulator import batches
from fewtomany.errors import UserError
from fewtomany.jobs import cli, status


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument(
        "--jobs", type=int, help="jobs at once, for the time left; those that run by default"
    )
    options.add_argument("--check", action="store_true", help="read every product, and name damage")
    options.add_argument(
        "--discard",
        action="store_true",
        help="with --check: remove what is damaged, so that the next run makes it again",
    )
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    if arguments.discard and not arguments.check:
        raise UserError("--discard needs --check")
    queue = status.slurm_jobs(campaign)
    if arguments.check:
        lines = _check(campaign, arguments.discard, queue)
    else:
        lines = _report(campaign, arguments.config, queue, arguments.jobs)
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _report(campaign, file, queue, jobs):
    running = queue.get("RUNNING", {}) if queue else None
    plans = {
        d.name: len(batches.dataset_plan(campaign, d.name))
        for d in campaign.by_role("emulated", "fold")
    }
    descents = status.descents(campaign, plans)
    emulation_s = status.emulation_left(descents, campaign.emulator.n_steps)
    stages = status.stages(campaign, file, running, emulation_s)
    yield f"{'stage':24} {'done':>7} {'to do':>7} {'running':>7} {'failed':>7} {'left':>12}"
    for stage in stages:
        left = "?" if stage.left_s is None else _duration(stage.left_s)
        counts = f"{stage.done:7} {stage.to_do:7} {stage.running:7} {stage.failed:7}"
        yield f"{stage.rule:24} {counts} {left if stage.to_do else '':>12}"
    if queue:
        totals = {state: sum(rules.values()) for state, rules in queue.items()}
        yield "SLURM: " + ", ".join(f"{count} {state.lower()}" for state, count in totals.items())
    for descent in descents:
        way = ", ".join(f"{name} at step {step}" for name, step in descent.steps.items())
        yield (
            f"{descent.dataset}: {descent.finished} of {descent.n_batches} batches"
            + (f", {descent.seconds:.0f} s each" if descent.seconds is not None else "")
            + (f"; on their way: {way}" if way else "")
        )
    if not any(stage.to_do for stage in stages):
        yield "finished: nothing to be done"
        return
    known = sum(stage.left_s or 0 for stage in stages)
    unknown = [stage.rule for stage in stages if stage.left_s is None]
    slots = jobs or max(sum(stage.running for stage in stages), 1)
    note = f", besides {', '.join(unknown)}, of which no job has ended yet" if unknown else ""
    yield f"time left: about {_duration(known / slots)} with {slots} jobs at once{note}"


def _check(campaign, discard, queue):
    if discard and queue:
        raise UserError("jobs of this campaign are in SLURM's queue; --discard needs it at rest")
    found = status.check(campaign)
    for path, fault in found.damaged.items():
        yield f"damaged: {path}: {fault}"
    left = status.leftovers(campaign)
    yield from (f"left by a killed job: {path}" for path in left)
    if found.unsigned:
        yield (
            f"{len(found.unsigned)} products of earlier versions carry no digest (the first is "
            f"{found.unsigned[0]}): they can be read, a changed value would not be noticed"
        )
    if discard:
        status.discard(campaign, found.damaged, left)
        count = len(found.damaged) + len(left)
        yield f"removed {count}; run the campaign again to make what is missing"
    elif not found.damaged:
        yield f"every product can be read; {found.checked} are what was written, by their digests"


def _duration(seconds: float) -> str:
    return str(datetime.timedelta(seconds=round(seconds)))


if __name__ == "__main__":
    cli.run(main, get_parser())
