"""Pick maps of the original dataset for the reference or an input dataset."""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.datasets import observed, picked
from fewtomany.errors import UserError
from fewtomany.files import provenance, store
from fewtomany.jobs import cli


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="reference, or an input dataset")
    options.add_argument("--start", type=int, required=True, help="first map of the dataset")
    options.add_argument("--stop", type=int, required=True, help="map after the last")
    options.add_argument("--output", required=True, help="map file (HDF5, float32)")
    options.add_argument(
        "originals", nargs="+", metavar="MAPFILE", help="original maps that hold them, in order"
    )
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "reference", "input")
    cli.check_range(arguments, dataset.n_maps, f"maps of {dataset.name}")
    if dataset.picked is None:
        raise UserError(f"{dataset.name}: its maps are none of the original dataset")
    originals = (
        observed.cut(part, campaign)
        for part in store.iterate_maps(
            arguments.originals,
            campaign.maps.stokes,
            dataset="original",
            nside=campaign.maps.nside,
        )
    )
    first, last = (dataset.picked + number for number in (arguments.start, arguments.stop))
    found = picked.pick(originals, first, last)
    store.write_maps(
        arguments.output,
        dataclasses.replace(
            found,
            maps=found.maps.astype(np.float32, copy=False),
            dataset=dataset.name,
            first=arguments.start,
            provenance=provenance.record(**campaign.identity, originals=[first, last]),
        ),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
