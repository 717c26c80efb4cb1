"""Shrink the covariance of the inputs toward that of their emulation, from maps alone."""

import argparse
import dataclasses
import logging

from fewtomany import cli, config, covariance, provenance
from fewtomany.validation import baselines, datasets

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    many = {"nargs": "+", "required": True, "metavar": "MAPFILE"}
    options.add_argument("--inputs", **many, help="map files of its inputs, in order")
    options.add_argument("--emulated", **many, help="its own map files, in order")
    options.add_argument("--covariances", nargs=2, required=True, help="of inputs and emulation")
    options.add_argument("--output", required=True, help="covariance (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated")
    files = {dataset.input: arguments.inputs, dataset.name: arguments.emulated}
    read = datasets.flat(datasets.reader(campaign, files))
    inputs, emulated = read(dataset.input), read(dataset.name)
    n_modes = campaign.validation.n_modes
    directions = baselines.random_directions(campaign.seed, n_modes, inputs.shape[1])
    recipe = baselines.recipe(inputs, emulated, directions)
    logger.info("intensity %.2f, scale %.3f", recipe.intensity, recipe.scale)

    sample, target = (covariance.load(path) for path in arguments.covariances)
    mixed = sample.mixed(1 - recipe.intensity, target, recipe.intensity * recipe.scale)
    recommended = dataclasses.replace(
        mixed, n_maps=target.n_maps, dataset=f"recommended-{dataset.name}"
    )
    covariance.write(
        arguments.output,
        recommended,
        provenance.record(
            **campaign.identity,
            covariances=[sample.dataset, target.dataset],
            intensity=recipe.intensity,
            scale=recipe.scale,
            n_directions=recipe.n_directions,
        ),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
