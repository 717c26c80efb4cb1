"""Estimate the mean and covariance of a dataset from its map files."""

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.datasets import observed
from fewtomany.files import provenance, store
from fewtomany.jobs import cli

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="name of the dataset")
    options.add_argument("--output", required=True, help="covariance (HDF5)")
    options.add_argument("maps", nargs="+", metavar="MAPFILE", help="its map files, in order")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset)

    def maps():
        parts = store.iterate_maps(
            arguments.maps,
            campaign.maps.stokes,
            dataset.n_maps,
            dataset=dataset.name,
            **campaign.maps.facts,
            channels=campaign.components.channels,
            first=0,
        )
        return (observed.cut(part, campaign) for part in parts)

    found = covariance.of_maps(maps, dataset.name)
    if not found.is_dense:
        logger.info("%d modes hold %.4f of the variance", len(found.modes), found.held)
    covariance.write(
        arguments.output,
        found,
        provenance.record(**campaign.identity, dataset=dataset.name),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
