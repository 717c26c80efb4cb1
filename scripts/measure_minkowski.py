"""Measure mean and scatter of the SO(3) Minkowski functionals of the maps of one file."""

import argparse

import numpy as np

from fewtomany import cli, config, provenance, store
from fewtomany.errors import UserError
from fewtomany.validation import minkowski, moments


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="moments of V0 to V3 (HDF5)")
    options.add_argument("maps", metavar="MAPFILE", help="map file")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    source = store.read_maps(arguments.maps, campaign.maps.stokes)
    wanted = campaign.validation.minkowski_maps
    if source.first >= wanted:
        raise UserError(
            f"{arguments.maps}: begins at map {source.first}, expected one of the "
            f"validation.minkowski_maps = {wanted} first"
        )
    maps = source.maps[: wanted - source.first]
    found = moments.of(np.array([minkowski.measure(sky) for sky in maps]))
    about = provenance.record(**campaign.identity, thresholds=minkowski.THRESHOLDS.tolist())
    moments.write(arguments.output, found, "minkowski", source, about)


if __name__ == "__main__":
    cli.run(main, get_parser())
