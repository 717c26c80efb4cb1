"""Judge covariances of the systematic by what they do to r and to the reionization bump."""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.covariance import shrinkage
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.validation import datasets, likelihood, parameter, parts
from fewtomany.validation.likelihood import LowRank
from fewtomany.validation.recommend import WITHOUT

RECOMMENDED = "recommended"

TOLERANCE = 0.1
"""How far the error that a parameter claims may be from its true scatter."""


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    options.add_argument("--inputs", nargs="+", required=True, metavar="MAPFILE", help="its inputs")
    options.add_argument("--symmetry", required=True, help="best covariance without emulation")
    options.add_argument("--emulated", required=True, help="covariance of the emulated maps")
    options.add_argument("--recommended", required=True, help="recommended covariance")
    options.add_argument("--truth", required=True, help="true covariance")
    options.add_argument("--output", required=True, help="part of the judgement (JSON)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated")
    read = datasets.flat(datasets.reader(campaign, {dataset.input: arguments.inputs}))
    inputs = read(dataset.input).astype(np.float64)
    settings = campaign.validation.parameter
    variance = inputs.var(axis=0, ddof=1)
    truth = covariance.load(arguments.truth)
    setting = likelihood.make(
        campaign.maps.nside,
        r=settings.r,
        noise_uk_arcmin=settings.noise_uk_arcmin,
        observed=truth.sky.expand(np.ones(truth.sky.n_pix), 0.0) > 0,
        large_scales=settings.large_scales and min(settings.large_scales, 2 * truth.nside),
    )
    models = {
        "raw": LowRank.of_maps(inputs),
        "ledoit-wolf": LowRank.of_maps(inputs, shrinkage.ledoit_wolf(inputs), variance.mean()),
        WITHOUT: lambda: covariance.load(arguments.symmetry).model,
        dataset.name: lambda: covariance.load(arguments.emulated).model,
        RECOMMENDED: lambda: covariance.load(arguments.recommended).model,
    }
    compared = parameter.compare(setting, models, truth.model, settings.amplitudes, campaign.seed)
    sample = {"n_maps": dataset.n_maps, "n_inputs": len(inputs)}
    entries = parameter.entries(dataset, compared, RECOMMENDED, tolerance=TOLERANCE, **sample)
    for name in ("raw", "ledoit-wolf", WITHOUT, dataset.name):
        entries += parameter.entries(dataset, compared, name, label=name, **sample)
    parts.write(arguments.output, entries, provenance.record(**campaign.identity), **compared)


if __name__ == "__main__":
    cli.run(main, get_parser())
