"""Emulate a range of batches of a dataset; batches already finished are kept.

Under an MPI launcher the ranks share the batches: mpiexec -n 4 python scripts/emulate.py
--ranks 4 ...
"""

import argparse
import logging
from pathlib import Path

from fewtomany import cli, config, parallel, provenance
from fewtomany.emulator import archive, batches, device

logger = logging.getLogger(__name__)

EARLY = {"plateau": "at a plateau", "stalled": "no descent is left at this precision"}


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    options.add_argument("--model", required=True, help="its model (HDF5)")
    options.add_argument("--start", type=int, required=True, help="first batch")
    options.add_argument("--stop", type=int, required=True, help="batch after the last")
    options.add_argument("--batches", required=True, help="folder of the finished batches")
    options.add_argument("--output", required=True, help="manifest of the range (JSON)")
    options.add_argument("--device", choices=device.DEVICES, default="cpu", help="of each rank")
    cli.add_ranks(options)
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated", "fold")
    plan = batches.dataset_plan(campaign, dataset.name)
    cli.check_range(arguments, len(plan), f"batches of {dataset.name}")
    with parallel.ranks(arguments.ranks) as mine:
        device_name = device.configure(arguments.device, mine.local)
        logger.info("rank %d of %d: %s", mine.rank, mine.size, device_name)
        from fewtomany.emulator.descent import Sampler
        from fewtomany.emulator.model import load

        model = load(arguments.model, campaign.emulator)
        fingerprint = model.fingerprint()
        sampler = Sampler(model, campaign.seed, dataset.name)
        numbers = range(arguments.start, arguments.stop)
        keys = {
            batch: archive.batch_key(fingerprint, campaign.seed, dataset.name, plan, batch)
            for batch in numbers
        }
        folder = Path(arguments.batches)
        shard = f"{arguments.start}-{arguments.stop}"
        for batch in parallel.share(mine, numbers, folder.parent, shard):
            path = archive.batch_path(folder, batch)
            if archive.is_finished(path, keys[batch]):
                logger.info("batch %d: finished before", batch)
                continue
            target, index = int(plan.target[batch]), int(plan.index[batch])
            logger.info("batch %d: target %d, its batch %d", batch, target, index)
            facts = provenance.record(
                **campaign.identity,
                seed_key=["start", dataset.name, target, index],
                device=device_name,
                rank=f"{mine.rank} of {mine.size}",
            )
            checkpoint = archive.Checkpoint(archive.checkpoint_path(path), keys[batch], facts)
            report = _progress(campaign, batch)
            result = sampler.run(dataset.strategy, target, index, report, checkpoint)
            _log_end(batch, result)
            facts |= {"wall_s": round(result.seconds, 2), "evaluations": result.evaluations}
            archive.write_batch(path, result.maps, result.losses, keys[batch], facts)
            checkpoint.remove()
        if mine.first:
            archive.write_manifest(arguments.output, dataset.name, folder, keys)


def _progress(campaign: config.Campaign, batch: int):
    def report(step: int, loss: float) -> None:
        logger.info(
            "batch %d: step %d of %d, loss %.3g", batch, step, campaign.emulator.n_steps, loss
        )

    return report


def _log_end(batch: int, result) -> None:
    taken, loss = len(result.losses) - 1, result.losses[-1].sum()
    why = f" ({EARLY[result.ending]})" if result.ending in EARLY else ""
    logger.info(
        "batch %d: ends at step %d%s, loss %.3g, %.0f s", batch, taken, why, loss, result.seconds
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
