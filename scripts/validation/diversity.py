"""Measure how diverse emulated maps are: nearest neighbours, batches, effective number."""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.emulator import batches
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.spectra import spectra
from fewtomany.validation import datasets, diversity, parts


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    many = {"nargs": "+", "required": True, "metavar": "NAME=FILE"}
    options.add_argument("--maps", **many, help="maps of emulations, inputs and any reference")
    options.add_argument("--spectra", **many, help="spectra of the same")
    options.add_argument("--output", required=True, help="part of the judgement (JSON)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    components = campaign.components
    measured = cli.named_files(arguments.spectra)
    read = datasets.reader(campaign, cli.named_files(arguments.maps))

    from fewtomany.emulator import device

    device.configure()
    from fewtomany.validation.measure import scattering

    keys = ("n_scales", "n_orientations", "kernel_size")
    wavelets = {key: getattr(campaign.emulator, key) for key in keys}

    def statistics(name: str) -> dict:
        content = read(name)
        first = content.sky.first_bin
        found = spectra.read(measured.get(name, []), name, components)[..., first:]
        maps = content.maps[: diversity.N_MAPS]
        values = scattering.coefficients(maps, components, **wavelets, sky=content.sky)
        by_name = {f"{name} spectra": found[:, k] for k, name in enumerate(components.spectra)}
        return by_name | diversity.scattering_families(*values)

    def batch_of(name: str):
        return batches.dataset_plan(campaign, name).batch_of_map

    def rows(name: str) -> np.ndarray:
        content = read(name)
        maps = content.maps
        if content.sky.is_homogeneous:  # all have one mean, which is no likeness
            maps = maps - maps.mean(axis=2, keepdims=True)
        return maps.reshape(len(maps), -1)

    entries, numbers = diversity.judge_diversity(campaign, rows, statistics, batch_of)
    sky = campaign.maps.flat
    if sky is not None:  # its bins are no multipoles
        numbers |= {"axis": sky.axis, "wave_numbers": sky.bins[sky.first_bin :]}
    parts.write(
        arguments.output,
        entries,
        provenance.record(**campaign.identity, **wavelets),
        **numbers,
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
