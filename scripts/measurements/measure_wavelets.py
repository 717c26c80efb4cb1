"""Measure the wavelets: their shapes on the sphere and their transfer functions."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.files import provenance, store
from fewtomany.jobs import cli


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="shapes and transfer functions (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    from fewtomany.emulator import device

    device.configure()
    from fewtomany.validation.measure import wavelets

    emulator = campaign.emulator
    settings = (campaign.maps.nside, emulator.n_scales, emulator.n_orientations)
    arrays = {"shapes": wavelets.shapes(*settings, emulator.kernel_size)}
    for size in wavelets.KERNEL_SIZES:
        arrays[f"transfer/{size}"] = wavelets.transfer_functions(*settings, size)
    store.write(
        arguments.output,
        arrays,
        kind="wavelets",
        provenance=provenance.record(**campaign.identity),
        kernel_size=emulator.kernel_size,
        n_places=wavelets.N_PLACES,
        place_deg=(wavelets.LONGITUDE_DEG, wavelets.LATITUDE_DEG),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
