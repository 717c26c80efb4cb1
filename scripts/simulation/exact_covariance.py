"""Compute the exact covariance of the original dataset from the gain response."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.datasets import observed
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.maps.sky import Sky
from fewtomany.simulation import response


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--response", required=True, help="gain response (HDF5)")
    options.add_argument("--output", required=True, help="covariance (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    maps, sky = campaign.maps, Sky(campaign.maps.nside)
    if maps.mask is not None:
        sky = observed.read_mask(maps.mask, maps.nside, maps.frame)
    found = response.exact(campaign, response.read(campaign, arguments.response), sky)
    covariance.write(arguments.output, found, provenance.record(**campaign.identity))


if __name__ == "__main__":
    cli.run(main, get_parser())
