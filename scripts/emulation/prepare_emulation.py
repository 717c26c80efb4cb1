"""Learn the scattering-covariance model of an emulated dataset from its input maps."""

import argparse
import dataclasses
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.files import provenance, store
from fewtomany.jobs import cli


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    options.add_argument("--symmetry", help="best covariance without emulation, where it is used")
    options.add_argument("--output", required=True, help="model file (HDF5)")
    options.add_argument("inputs", nargs="+", metavar="MAPFILE", help="map files of its inputs")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated", "fold")
    inputs = store.read_dataset(
        arguments.inputs,
        campaign.maps.stokes,
        n_maps=campaign.datasets[dataset.input].n_maps,
        dataset=dataset.input,
        **campaign.maps.facts,
        first=0,
    )
    chosen = list(campaign.inputs_of(dataset.name))
    inputs = dataclasses.replace(inputs, maps=inputs.maps[chosen])
    learnt = covariance.load(arguments.symmetry) if arguments.symmetry else None
    from fewtomany.emulator import device

    device.configure()
    from fewtomany.emulator import scales

    scales.save(
        arguments.output,
        scales.prepare(inputs, campaign.emulator, learnt),
        provenance.record(**campaign.identity),
        dataset=dataset.name,
        n_inputs=len(inputs),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
