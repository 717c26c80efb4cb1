"""Measure how diverse emulated maps are: nearest neighbours, batches, effective number."""

import argparse

from fewtomany import cli, config, provenance, spectra
from fewtomany.emulator import batches
from fewtomany.validation import compare, diversity, parts
from fewtomany.validation.harmonic import LMIN


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    many = {"nargs": "+", "required": True, "metavar": "NAME=FILE"}
    options.add_argument("--maps", **many, help="maps of emulations, their inputs, reference")
    options.add_argument("--spectra", **many, help="spectra of emulations and reference")
    options.add_argument("--output", required=True, help="part of the judgement (JSON)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    stokes = campaign.maps.stokes
    measured = cli.named_files(arguments.spectra)
    names = spectra.names(stokes)

    def statistics(name: str) -> dict:
        found = spectra.read(measured.get(name, []), name, stokes)[..., LMIN:]
        return {f"{spectrum} spectra": found[:, k] for k, spectrum in enumerate(names)}

    def batch_of(name: str):
        return batches.dataset_plan(campaign, name).batch_of_map

    read = compare.reader(campaign, cli.named_files(arguments.maps))
    entries, numbers = diversity.judge_diversity(campaign, read, statistics, batch_of)
    parts.write(
        arguments.output,
        entries,
        provenance.record(**campaign.identity),
        **numbers,
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
