"""Put a range of emulated maps together from their batches."""

import argparse
import dataclasses
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.emulator import archive, batches
from fewtomany.files import provenance, store
from fewtomany.jobs import cli


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    options.add_argument("--start", type=int, required=True, help="first map")
    options.add_argument("--stop", type=int, required=True, help="map after the last")
    options.add_argument("--like", required=True, help="map file of its inputs")
    options.add_argument("--output", required=True, help="map file (HDF5, float32)")
    options.add_argument("manifests", nargs="+", metavar="MANIFEST", help="of the maps' batches")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated", "fold")
    cli.check_range(arguments, dataset.n_maps, f"maps of {dataset.name}")
    plan = batches.dataset_plan(campaign, dataset.name)
    entries = archive.read_manifests(arguments.manifests)
    maps = archive.collect(plan, entries, arguments.start, arguments.stop)
    inputs = store.read_maps(arguments.like, campaign.maps.stokes)
    store.write_maps(
        arguments.output,
        dataclasses.replace(  # the components, pixels, frame and unit of the inputs
            inputs,
            maps=maps,
            dataset=dataset.name,
            first=arguments.start,
            provenance=provenance.record(
                **campaign.identity,
                seed_key=["start", dataset.name, "target", "index"],
                strategy=dataset.strategy,
            ),
        ),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
