"""Measure the angular power spectra of the maps of one file."""

import argparse

from fewtomany import cli, config, provenance, spectra, store


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="spectra (HDF5, K^2)")
    options.add_argument("maps", metavar="MAPFILE", help="map file")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    source = store.read_maps(arguments.maps, campaign.maps.stokes)
    spectra.write(
        arguments.output,
        spectra.measure(source.maps, source.stokes),
        source,
        provenance.record(**campaign.identity, iterations=spectra.ITERATIONS),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
