"""Cross-validate an emulated dataset: do held-out inputs prefer what the emulation gives?"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.validation import datasets, parts
from fewtomany.validation.trust import verdict


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    many = {"nargs": "+", "required": True}
    options.add_argument("--inputs", **many, metavar="MAPFILE", help="its inputs, in order")
    options.add_argument("--folds", **many, metavar="NAME=FILE", help="maps of its folds")
    options.add_argument("--learnt", **many, metavar="NAME=FILE", help="learnt from its folds")
    options.add_argument("--truth", help="true covariance, to compare the verdict with")
    options.add_argument("--output", required=True, help="part of the judgement (JSON)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated")
    files = {dataset.input: arguments.inputs, **cli.named_files(arguments.folds)}
    learnt = cli.named_files(arguments.learnt)
    read = datasets.reader(campaign, files)
    truth = covariance.load(arguments.truth) if arguments.truth else None
    entries, numbers = verdict.cross_validate(
        campaign,
        dataset,
        read(dataset.input),
        {fold.name: read(fold.name).maps for fold in campaign.folds_of(dataset.name)},
        {name: covariance.load(file) for name, (file,) in learnt.items()},
        truth,
    )
    about = provenance.record(**campaign.identity)
    parts.write(arguments.output, entries, about, **numbers)


if __name__ == "__main__":
    cli.run(main, get_parser())
