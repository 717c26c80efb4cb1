"""Measure mean and scatter of the SO(3) Minkowski functionals of the maps of one file."""

import argparse

import numpy as np

from fewtomany import config
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.validation.measure import minkowski, moments


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="moments of V0 to V3 (HDF5)")
    options.add_argument("maps", metavar="MAPFILE", help="map file")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    source = observed.read_maps(arguments.maps, campaign)
    components = source.components
    if not components.spins:
        raise UserError(f"{arguments.maps}: holds Stokes {source.stokes}, expected Q and U")
    wanted = campaign.validation.minkowski_maps
    if source.first >= wanted:
        raise UserError(
            f"{arguments.maps}: begins at map {source.first}, expected one of the "
            f"validation.minkowski_maps = {wanted} first"
        )
    maps = source.maps[: wanted - source.first]
    values = [minkowski.measure_all(one, components, source.sky) for one in maps]
    found, labels = moments.of(np.array(values)), minkowski.labels(components)
    about = provenance.record(**campaign.identity, thresholds=minkowski.THRESHOLDS.tolist())
    moments.write(arguments.output, found, "minkowski", source, about, labels)


if __name__ == "__main__":
    cli.run(main, get_parser())
