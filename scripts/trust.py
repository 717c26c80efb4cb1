"""Cross-validate an emulated dataset: do held-out inputs prefer what the emulation gives?"""

import argparse

from fewtomany import cli, config, covariance, provenance
from fewtomany.validation import compare, parts, trust


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="emulated dataset")
    many = {"nargs": "+", "required": True}
    options.add_argument("--inputs", **many, metavar="MAPFILE", help="its inputs, in order")
    options.add_argument("--folds", **many, metavar="NAME=FILE", help="maps of its folds")
    options.add_argument("--truth", help="true covariance, to compare the verdict with")
    options.add_argument("--output", required=True, help="part of the judgement (JSON)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated")
    files = {dataset.input: arguments.inputs, **cli.named_files(arguments.folds)}
    read = compare.reader(campaign, files)

    def maps(name: str):
        return read(name).reshape(-1, len(campaign.maps.stokes), 12 * campaign.maps.nside**2)

    truth = covariance.read(arguments.truth).covariance if arguments.truth else None
    entries, numbers = trust.cross_validate(
        campaign,
        dataset,
        maps(dataset.input),
        {fold.name: maps(fold.name) for fold in campaign.folds_of(dataset.name)},
        truth,
    )
    about = provenance.record(**campaign.identity)
    parts.write(arguments.output, entries, about, **numbers)


if __name__ == "__main__":
    cli.run(main, get_parser())
