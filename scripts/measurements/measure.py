"""Measure mean and scatter of a statistic over the maps of one file."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.config.statistics import STATISTICS, n_measured
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.validation import measure
from fewtomany.validation.measure import moments


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--statistic", choices=STATISTICS, required=True, help="which one")
    options.add_argument(
        "--truth",
        help="the covariance that is its unit: the true one, or that of the inputs (HDF5)",
    )
    options.add_argument("--output", required=True, help="its moments (HDF5)")
    options.add_argument("maps", metavar="MAPFILE", help="map file")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    name, path = arguments.statistic, arguments.maps
    statistic = STATISTICS[name]
    if statistic.unit != (arguments.truth is not None):
        expected = "a covariance" if statistic.unit else "none"
        raise UserError(f"--truth: {arguments.truth} for {name}; expected {expected}")
    source = observed.read_maps(path, campaign)
    if statistic.polarized and not source.components.spins:
        raise UserError(f"{path}: holds Stokes {source.stokes}, expected Q and U")
    stop = n_measured(campaign, name, source.first + len(source))
    if stop <= source.first:
        raise UserError(
            f"{path}: begins at map {source.first}, expected one of the "
            f"validation.minkowski_maps = {stop} first"
        )
    source = replace(source, maps=source.maps[: stop - source.first])
    if statistic.tensorflow:
        from fewtomany.emulator import device

        device.configure()
    unit = covariance.load(arguments.truth) if statistic.unit else None
    try:
        found, labels, facts = measure.module(name).of_maps(source, campaign, unit)
    except UserError as error:
        raise UserError(f"{arguments.truth or path}: {error}") from None
    about = provenance.record(**campaign.identity, **facts)
    moments.write(arguments.output, found, name, source, about, labels)


if __name__ == "__main__":
    cli.run(main, get_parser())
