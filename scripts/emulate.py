"""Emulate a range of batches of a dataset; batches already finished are kept."""

import argparse
import logging
from pathlib import Path

from fewtomany import cli, config, provenance, store
from fewtomany.emulator import archive, batches

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    options.add_argument("--model", required=True, help="its model (HDF5)")
    options.add_argument("--start", type=int, required=True, help="first batch")
    options.add_argument("--stop", type=int, required=True, help="batch after the last")
    options.add_argument("--batches", required=True, help="folder of the finished batches")
    options.add_argument("--output", required=True, help="manifest of the range (JSON)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated")
    plan = batches.dataset_plan(campaign, dataset.name)
    cli.check_range(arguments, len(plan), f"batches of {dataset.name}")
    from fewtomany.emulator import device

    device.configure()
    from fewtomany.emulator.descent import Sampler
    from fewtomany.emulator.model import load

    model = load(arguments.model, campaign.emulator)
    fingerprint = model.fingerprint()
    sampler = Sampler(model, campaign.seed, dataset.name)
    entries = []
    for batch in range(arguments.start, arguments.stop):
        key = archive.batch_key(fingerprint, campaign.seed, dataset.name, plan, batch)
        path = archive.batch_path(arguments.batches, batch)
        if archive.is_finished(path, key):
            logger.info("batch %d: finished before", batch)
        else:
            target, index = int(plan.target[batch]), int(plan.index[batch])
            logger.info("batch %d: target %d, its batch %d", batch, target, index)
            facts = provenance.record(
                campaign=campaign.name,
                seed=campaign.seed,
                seed_key=["start", dataset.name, target, index],
            )
            checkpoint = archive.Checkpoint(archive.checkpoint_path(path), key, facts)
            report = _progress(campaign, batch)
            result = sampler.run(dataset.strategy, target, index, report, checkpoint)
            _log_end(batch, result)
            facts |= {"seconds": round(result.seconds, 2), "evaluations": result.evaluations}
            archive.write_batch(path, result.maps, result.losses, key, facts)
            checkpoint.remove()
        file = str(path.relative_to(Path(arguments.batches).parent))
        entries.append({"batch": batch, "file": file, "key": key})
    store.write_json(arguments.output, {"dataset": dataset.name, "batches": entries})


def _progress(campaign: config.Campaign, batch: int):
    def report(step: int, loss: float) -> None:
        logger.info(
            "batch %d: step %d of %d, loss %.3g", batch, step, campaign.emulator.n_steps, loss
        )

    return report


def _log_end(batch: int, result) -> None:
    taken, loss = len(result.losses) - 1, result.losses[-1].sum()
    early = {"plateau": "at a plateau", "stalled": "no descent left at this precision"}
    note = f" ({early[result.ending]})" if result.ending in early else ""
    logger.info(
        "batch %d: ends at step %d%s, loss %.3g, %.0f s",
        batch,
        taken,
        note,
        loss,
        result.seconds,
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
