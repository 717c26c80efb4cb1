"""Hold covariance models against the truth: distances, baselines, equivalent numbers."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.validation import datasets, parts
from fewtomany.validation.compare import models


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--truth", required=True, help="covariance: exact, or the reference's")
    options.add_argument(
        "--maps", nargs="+", required=True, metavar="NAME=FILE", help="maps of all datasets"
    )
    options.add_argument(
        "--learnt", nargs="+", required=True, metavar="NAME=FILE", help="learnt from each input"
    )
    options.add_argument(
        "--recommended", nargs="+", required=True, metavar="NAME=FILE", help="of each emulation"
    )
    options.add_argument("--output", required=True, help="part of the judgement (JSON)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    files = cli.named_files(arguments.maps)
    read = datasets.flat(datasets.reader(campaign, files))
    learnt = cli.named_files(arguments.learnt)
    known = models.Known(
        {name: covariance.load(file) for name, (file,) in learnt.items()},
        {name: file for name, (file,) in cli.named_files(arguments.recommended).items()},
    )
    entries, numbers = models.compare(campaign, arguments.truth, read, known)
    about = provenance.record(**campaign.identity)
    parts.write(arguments.output, entries, about, **numbers)


if __name__ == "__main__":
    cli.run(main, get_parser())
