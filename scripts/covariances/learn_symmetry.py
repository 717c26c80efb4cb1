"""Learn the best covariance without emulation from the inputs of a dataset."""

import argparse
import dataclasses
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.covariance import learn, surrogate
from fewtomany.files import provenance, store
from fewtomany.jobs import cli

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="input dataset, or a fold of one")
    options.add_argument("--output", required=True, help="covariance in parts (HDF5)")
    options.add_argument("--surrogate", help="rows of the surrogate (HDF5), if there is one")
    options.add_argument("inputs", nargs="+", metavar="MAPFILE", help="map files of the inputs")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "input", "fold")
    source = campaign.datasets[dataset.input or dataset.name]
    inputs = store.read_dataset(
        arguments.inputs,
        campaign.maps.stokes,
        n_maps=source.n_maps,
        dataset=source.name,
        nside=campaign.maps.nside,
        first=0,
    )
    if dataset.selection:
        inputs = dataclasses.replace(inputs, maps=inputs.maps[list(dataset.selection)])
    centre = campaign.emulator.mean == "inputs"
    found = None
    if arguments.surrogate:
        found = surrogate.read(arguments.surrogate, inputs.sky, inputs.components)
    learnt = learn.learn(inputs, campaign.symmetry, campaign.seed, centre, found)
    for name, value in learnt.evidence.items():
        logger.info("%s: %s", name, value)
    learnt = dataclasses.replace(learnt, dataset=dataset.name)
    covariance.write(arguments.output, learnt, provenance.record(**campaign.identity))


if __name__ == "__main__":
    cli.run(main, get_parser())
