"""Export every map of map files as a FITS file that healpy reads; planes and lines as NumPy."""

import argparse

from fewtomany import config
from fewtomany.files import store
from fewtomany.jobs import cli
from fewtomany.maps import export


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="folder of the files")
    options.add_argument("maps", nargs="+", metavar="MAPFILE", help="map files (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    config.load(arguments.config)
    for path in arguments.maps:
        export.write(arguments.output, store.read_maps(path))


if __name__ == "__main__":
    cli.run(main, get_parser())
