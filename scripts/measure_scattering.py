"""Measure mean and scatter of the scattering coefficients of the maps of one file."""

import argparse

from fewtomany import config
from fewtomany.datasets import observed
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.validation.measure import moments


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="moments of S1 to S4 (HDF5)")
    options.add_argument("maps", metavar="MAPFILE", help="map file")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    source = observed.read_maps(arguments.maps, campaign)

    from fewtomany.emulator import device

    device.configure()
    from fewtomany.validation.measure import scattering

    keys = ("n_scales", "n_orientations", "kernel_size")
    wavelets = {key: getattr(campaign.emulator, key) for key in keys}
    found, labels = scattering.measure(source.maps, source.components, **wavelets, sky=source.sky)
    about = provenance.record(**campaign.identity, **wavelets)
    moments.write(arguments.output, found, "scattering", source, about, labels)


if __name__ == "__main__":
    cli.run(main, get_parser())
