"""Measure mean and scatter of the distribution of pixel values of the maps of one file."""

import argparse

from fewtomany import config, covariance
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.validation.measure import distribution, moments


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument(
        "--truth", required=True, help="the true covariance, or that of the inputs (HDF5)"
    )
    options.add_argument("--output", required=True, help="moments of the histograms (HDF5)")
    options.add_argument("maps", metavar="MAPFILE", help="map file")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    source = observed.read_maps(arguments.maps, campaign)
    truth = covariance.load(arguments.truth)
    centre, deviation = distribution.unit(truth)
    if deviation.shape != source.maps.shape[1:]:
        raise UserError(
            f"{arguments.truth}: standard deviations of shape {deviation.shape}, expected "
            f"{source.maps.shape[1:]} as the maps have"
        )
    maps = source.maps - centre if source.sky.is_homogeneous else source.maps
    found = distribution.measure(maps, deviation)
    about = provenance.record(**campaign.identity, truth=truth.dataset)
    moments.write(arguments.output, found, "distribution", source, about)


if __name__ == "__main__":
    cli.run(main, get_parser())
