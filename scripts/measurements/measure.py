"""Measure statistics of the maps of one file: spectra map by map, of others mean and scatter.

An output that is there already is kept if it follows from the same maps, settings and unit.
"""

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.config.statistics import SPECTRA, STATISTICS, n_measured
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.spectra import spectra
from fewtomany.validation import measure
from fewtomany.validation.measure import moments

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    many = {"nargs": "+", "required": True}
    options.add_argument("--statistic", **many, choices=(SPECTRA, *STATISTICS), help="which")
    options.add_argument(
        "--truth",
        help="the covariance that is the unit of some: the true one, or that of the inputs (HDF5)",
    )
    options.add_argument("--output", **many, help="one for each (HDF5): spectra (K^2), or moments")
    options.add_argument("maps", metavar="MAPFILE", help="map file")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    wanted = cli.paired(arguments.statistic, arguments.output)
    units = {name for name in wanted if name != SPECTRA and STATISTICS[name].unit}
    if bool(units) != (arguments.truth is not None):
        expected = "a covariance" if units else "none"
        names = ", ".join(units or wanted)
        raise UserError(f"--truth: {arguments.truth} for {names}; expected {expected}")
    source = observed.read_maps(arguments.maps, campaign)
    unit = covariance.load(arguments.truth) if units else None
    for name, output in wanted.items():
        files = [arguments.maps, *([arguments.truth] if name in units else [])]
        key = measure.key(campaign, name, files)
        if store.has_key(output, key):
            logger.info("%s: measured before", name)
            continue
        about = provenance.record(**campaign.identity)
        if name == SPECTRA:
            cl = spectra.measure(source.maps, source.components, source.sky)
            about["iterations"] = spectra.ITERATIONS
            spectra.write(output, cl, source, about, key)
            continue
        try:
            some = _first(source, campaign, name)
            if STATISTICS[name].tensorflow:
                from fewtomany.emulator import device

                device.configure()
            found, labels, facts = measure.module(name).of_maps(some, campaign, unit)
        except UserError as error:
            raise UserError(f"{files[-1]}: {error}") from None
        moments.write(output, found, name, some, about | facts, labels, key)


def _first(source: store.MapSet, campaign: config.Campaign, name: str) -> store.MapSet:
    """The maps of a file on which a statistic is measured."""
    if STATISTICS[name].polarized and not source.components.spins:
        raise UserError(f"holds Stokes {source.stokes}, expected Q and U")
    stop = n_measured(campaign, name, source.first + len(source))
    if stop <= source.first:
        raise UserError(
            f"begins at map {source.first}, expected one of the "
            f"validation.minkowski_maps = {stop} first"
        )
    return replace(source, maps=source.maps[: stop - source.first])


if __name__ == "__main__":
    cli.run(main, get_parser())
