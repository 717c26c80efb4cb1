"""Emulate a range of batches of a dataset; batches already finished are kept.

Under an MPI launcher the ranks share the batches: mpiexec -n 4 python
scripts/emulation/emulate.py --ranks 4 ... On a GPU several batches descend side by side in one
program.
"""

import argparse
import logging
import sys
from math import ceil
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.emulator import archive, batches, device
from fewtomany.errors import UserError
from fewtomany.files import provenance, store
from fewtomany.jobs import cli, parallel, resources

logger = logging.getLogger(__name__)

MEMORY_SHARE = 0.8
"""Of a GPU's free memory, for batches."""

EARLY = {
    "near": "as near to its target as is wanted",
    "stalled": "no descent is left at this precision",
}


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    options.add_argument("--model", required=True, help="its model (HDF5)")
    options.add_argument(
        "--given", nargs="+", metavar="MAPFILE", help="maps of the channels that are given"
    )
    options.add_argument("--start", type=int, required=True, help="first batch")
    options.add_argument("--stop", type=int, required=True, help="batch after the last")
    options.add_argument("--batches", required=True, help="folder of the finished batches")
    options.add_argument("--output", required=True, help="manifest of the range (JSON)")
    options.add_argument("--device", choices=device.DEVICES, default="cpu", help="of each rank")
    options.add_argument(
        "--at-once",
        type=int,
        help="batches that descend side by side (default: one on a cpu; on a gpu a rank's share "
        "of them, or what the free memory holds)",
    )
    cli.add_ranks(options)
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated", "fold")
    plan = batches.dataset_plan(campaign, dataset.name)
    cli.check_range(arguments, len(plan), f"batches of {dataset.name}")
    if arguments.at_once is not None and arguments.at_once < 1:
        raise UserError(f"--at-once {arguments.at_once} is not allowed; expected at least 1")
    if bool(arguments.given) != (dataset.given is not None):
        expected = f"maps of {dataset.given.dataset}" if dataset.given else "none"
        raise UserError(f"--given: not as {dataset.name} is configured; expected {expected}")
    with parallel.ranks(arguments.ranks) as mine:
        device_name = device.configure(arguments.device, mine.local)
        logger.info("rank %d of %d: %s", mine.rank, mine.size, device_name)
        from fewtomany.emulator import scales
        from fewtomany.emulator.descent import Task
        from fewtomany.emulator.given import kept

        model = scales.load(arguments.model, campaign.emulator)
        fingerprint = model.fingerprint()
        given, digest = None, ""
        if dataset.given:
            maps = _given_maps(campaign, dataset.given, arguments.given)
            given = kept(maps, dataset.given.channels, model)
            digest = given.digest()
        sampler = scales.sampler(model, campaign.seed, dataset.name, dataset.strategy, given)
        numbers = range(arguments.start, arguments.stop)
        keys = {
            batch: archive.batch_key(
                *(fingerprint, campaign.seed, dataset.name, dataset.strategy),
                *(plan, batch, digest),
            )
            for batch in numbers
        }
        folder = Path(arguments.batches)

        def task(batch: int) -> Task:
            target, index = int(plan.target[batch]), int(plan.index[batch])
            logger.info("batch %d: target %d, its batch %d", batch, target, index)
            facts = provenance.record(
                **campaign.identity,
                seed_key=["start", dataset.name, target, index],
                device=device_name,
                rank=f"{mine.rank} of {mine.size}",
            )
            path = archive.checkpoint_path(archive.batch_path(folder, batch))
            return Task(target, index, archive.Checkpoint(path, keys[batch], facts))

        at_once = mine.least(arguments.at_once or _at_once(campaign, arguments))
        groups = [numbers[first : first + at_once] for first in range(0, len(numbers), at_once)]
        shard = f"{arguments.start}-{arguments.stop}"
        for group in parallel.share(mine, groups, folder.parent, shard):
            work = {
                batch: task(batch)
                for batch in group
                if not archive.is_finished(archive.batch_path(folder, batch), keys[batch])
            }
            if not work:
                logger.info("batches %d to %d: finished before", group[0], group[-1])
                continue
            report = _progress(campaign, list(work))
            made = sampler.run(list(work.values()), report)
            for batch, result in zip(work, made, strict=True):
                _log_end(batch, result)
                checkpoint = work[batch].checkpoint
                facts = {"wall_s": round(result.seconds, 2), "evaluations": result.evaluations}
                archive.write_batch(
                    archive.batch_path(folder, batch),
                    *(result.maps, result.losses, keys[batch], checkpoint.provenance | facts),
                )
                checkpoint.remove()
        if mine.first:
            archive.write_manifest(arguments.output, dataset.name, folder, keys)


def _given_maps(
    campaign: config.Campaign, given: config.Condition, files: list[str]
) -> store.MapSet:
    """The maps of the dataset that is given."""
    return store.read_dataset(
        files,
        campaign.maps.stokes,
        n_maps=campaign.find(given.dataset).n_maps,
        dataset=given.dataset,
        frame=campaign.maps.frame,
        first=0,
    )


def _at_once(campaign: config.Campaign, arguments: argparse.Namespace) -> int:
    """Batches side by side: they gain a CPU nothing; of a GPU, what the free memory holds."""
    if arguments.device == "cpu" or campaign.emulator.refinement is not None:
        return 1
    share = ceil((arguments.stop - arguments.start) / arguments.ranks)
    free = device.free_memory()
    if free is None:
        logger.warning("the GPU's free memory is not known: one batch at once; see --at-once")
        return 1
    fitting = int(MEMORY_SHARE * free / resources.descent_bytes(campaign, on_gpu=True))
    logger.info("%.1f GB of the GPU are free: room for %d batches", free / 1e9, fitting)
    return max(min(fitting, share), 1)


def _progress(campaign: config.Campaign, group: list[int]):
    def report(number: int, step: int, loss: float) -> None:
        n_steps = campaign.emulator.n_steps
        logger.info("batch %d: step %d of %d, loss %.3g", group[number], step, n_steps, loss)

    return report


def _log_end(batch: int, result) -> None:
    taken, loss = len(result.losses) - 1, result.losses[-1].sum()
    why = f" ({EARLY[result.ending]})" if result.ending in EARLY else ""
    logger.info(
        "batch %d: ends at step %d%s, loss %.3g, %.0f s", batch, taken, why, loss, result.seconds
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
