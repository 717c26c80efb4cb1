"""Measure the angular power spectra of the maps of one file."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.datasets import observed
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.spectra import spectra


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="spectra (HDF5, K^2)")
    options.add_argument("maps", metavar="MAPFILE", help="map file")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    source = observed.read_maps(arguments.maps, campaign)
    spectra.write(
        arguments.output,
        spectra.measure(source.maps, source.components, source.sky),
        source,
        provenance.record(**campaign.identity, iterations=spectra.ITERATIONS),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
