"""Means of inputs with the surrogate's realizations of the same numbers as control variates."""

import argparse
import logging
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.config import products
from fewtomany.datasets import paired
from fewtomany.errors import UserError
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.simulation import response
from fewtomany.validation import parts
from fewtomany.validation.entries import entry

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="input dataset")
    options.add_argument("--response", required=True, help="response of the surrogate (HDF5)")
    options.add_argument("--output", required=True, help="means, errors and slopes (HDF5)")
    options.add_argument("--part", required=True, help="part of the judgement (JSON)")
    options.add_argument("inputs", nargs="+", metavar="MAPFILE", help="map files of the inputs")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    if reason := products.unpaired(campaign):
        raise UserError(f"no control variates: {reason}")
    dataset = campaign.dataset(arguments.dataset, "input")
    inputs = store.read_dataset(
        arguments.inputs,
        campaign.maps.stokes,
        n_maps=dataset.n_maps,
        dataset=dataset.name,
        nside=campaign.maps.nside,
        first=0,
    )
    cheap = campaign.simplified
    columns = response.read(cheap, arguments.response)

    def realizations(start: int, stop: int) -> np.ndarray:
        maps = response.realizations(cheap, columns, start, stop)
        chosen = maps[:, ["TQU".index(letter) for letter in campaign.maps.stokes]]
        return inputs.sky.restrict(chosen)

    found = paired.measure(
        inputs.maps,
        realizations(dataset.picked, dataset.picked + dataset.n_maps),
        realizations(paired.FIRST_OTHER, paired.FIRST_OTHER + paired.N_OTHERS),
        inputs.components,
        inputs.sky,
    )
    about = provenance.record(**campaign.identity)
    with store.create(
        arguments.output,
        kind="control",
        provenance=about,
        dataset=dataset.name,
        spectra=",".join(inputs.components.spectra),
        first_multipole=2,
    ) as file:
        for name, mean in found.items():
            for key, values in mean.arrays().items():
                file[f"{name}/{key}"] = values
        store.write_sky(file, inputs.sky)
    sample = {"n_maps": dataset.n_maps, "n_others": paired.N_OTHERS}
    entries = []
    for name, mean in found.items():
        logger.info("%s: %.3g", paired.TITLES[name], mean.reduction)
        title = paired.TITLES[name]
        entries.append(entry(f"control:{name}", dataset, mean.reduction, text=title, sample=sample))
    parts.write(arguments.part, entries, about)


if __name__ == "__main__":
    cli.run(main, get_parser())
