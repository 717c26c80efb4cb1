"""Mix the best covariance without emulation and the emulated one, by held-out inputs."""

import argparse
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.validation import datasets, recommend

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    many = {"nargs": "+", "metavar": "FILE"}
    options.add_argument("--symmetry", required=True, help="best covariance without emulation")
    options.add_argument("--emulated", **many, required=True, help="its map files, in order")
    options.add_argument("--inputs", **many, help="map files of its inputs, to weigh by folds")
    options.add_argument("--folds", **many, default=[], help="NAME=FILE of maps of its folds")
    options.add_argument("--learnt", **many, default=[], help="NAME=FILE learnt from folds")
    options.add_argument("--output", required=True, help="covariance (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated")
    files = {dataset.name: arguments.emulated, **cli.named_files(arguments.folds)}
    if arguments.inputs:
        files[dataset.input] = arguments.inputs
    read = datasets.reader(campaign, files)
    weighed = recommend.UNJUDGED
    evidence = {"weights": weighed.fit.weights, "n_folds": 0}
    if arguments.folds:
        inputs, learnt_of = read(dataset.input).maps, cli.named_files(arguments.learnt)

        def folds() -> Iterator[recommend.FoldMaps]:
            """One after the other: not all of them are in memory."""
            for fold in campaign.folds_of(dataset.name):
                held = np.delete(inputs, list(fold.selection), axis=0)
                learnt = covariance.load(learnt_of[fold.name][0])
                yield recommend.FoldMaps(
                    fold.name, held, learnt, read(fold.name).maps, campaign.seed
                )

        weighed = recommend.weigh([recommend.ballot(fold) for fold in folds()])
        seen = [recommend.see(fold, weighed) for fold in folds()]
        evidence = {"n_folds": len(seen), **recommend.evidence(weighed, seen)}
    for name, weight in weighed.fit.weights.items():
        logger.info("weight of %s: %.3f", name, weight)
    if weighed.small:
        logger.info("small scales are those of: %s", weighed.small)
    emulated, learnt = read(dataset.name), covariance.load(arguments.symmetry)
    parts = recommend.Parts.of(learnt, emulated.maps, campaign.seed, dataset.name)
    found, inflation = parts.join(weighed)
    name, evidence["inflation"] = f"recommended-{dataset.name}", inflation
    covariance.write(
        arguments.output,
        recommend.product(found, emulated, name, campaign.seed, evidence),
        provenance.record(**campaign.identity),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
