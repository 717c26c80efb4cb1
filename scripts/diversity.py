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
    read = compare.reader(campaign, cli.named_files(arguments.maps))

    from fewtomany.emulator import device

    device.configure()
    from fewtomany.validation import scattering

    keys = ("n_scales", "n_orientations", "kernel_size")
    wavelets = {key: getattr(campaign.emulator, key) for key in keys}

    def statistics(name: str) -> dict:
        found = spectra.read(measured.get(name, []), name, stokes)[..., LMIN:]
        maps = read(name)[: diversity.N_MAPS]
        maps = maps.reshape(len(maps), len(stokes), -1)
        coefficients = scattering.coefficients(maps, stokes, **wavelets)
        by_name = {f"{spectrum} spectra": found[:, k] for k, spectrum in enumerate(names)}
        return by_name | diversity.scattering_families(*coefficients)

    def batch_of(name: str):
        return batches.dataset_plan(campaign, name).batch_of_map

    entries, numbers = diversity.judge_diversity(campaign, read, statistics, batch_of)
    parts.write(
        arguments.output,
        entries,
        provenance.record(**campaign.identity, **wavelets),
        **numbers,
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
