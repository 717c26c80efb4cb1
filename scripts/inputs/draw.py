"""Draw Gaussian maps: of the reference covariance, isotropic ones like the inputs, or of the
best covariance without emulation."""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.covariance import linear
from fewtomany.errors import UserError
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.spectra import isotropic


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="reference, or an input or gaussian one")
    options.add_argument("--start", type=int, required=True, help="first realization")
    options.add_argument("--stop", type=int, required=True, help="realization after the last")
    options.add_argument("--output", required=True, help="map file (HDF5, float32)")
    model = options.add_mutually_exclusive_group(required=True)
    model.add_argument("--factor", help="factor of the reference covariance (reference, input)")
    model.add_argument(
        "--inputs", nargs="+", metavar="MAPFILE", help="map files of the inputs (gaussian)"
    )
    options.add_argument("--symmetry", help="best covariance without emulation (gaussian, learnt)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "reference", "input", "gaussian")
    cli.check_range(arguments, dataset.n_maps, f"maps of {dataset.name}")
    if (dataset.role == "gaussian") != (arguments.inputs is not None):
        wanted = "--inputs" if dataset.role == "gaussian" else "--factor"
        raise UserError(f"{dataset.name} is a {dataset.role} dataset: it needs {wanted}")
    if (dataset.model == "learnt") != (arguments.symmetry is not None):
        needed = "missing" if dataset.model == "learnt" else "not used"
        raise UserError(f"--symmetry is {needed}: the model of {dataset.name} is {dataset.model}")
    key = ("draw", dataset.name)
    stokes, nside = campaign.maps.stokes, campaign.maps.nside
    if arguments.inputs:
        inputs = store.read_dataset(
            arguments.inputs,
            stokes,
            n_maps=campaign.datasets[dataset.input].n_maps,
            dataset=dataset.input,
            **campaign.maps.facts,
            first=0,
        )
        sky, span = inputs.sky, (arguments.start, arguments.stop)
        if arguments.symmetry:
            mean = inputs.maps.mean(axis=0) if campaign.emulator.mean == "inputs" else 0
            learnt = covariance.load(arguments.symmetry)
            maps = mean + learnt.draw(campaign.seed, key, *span)
        else:
            maps = isotropic.draw(inputs.maps, inputs.components, campaign.seed, key, *span, sky)
        about = {"channels": inputs.channels, "frame": inputs.frame, "sky": sky}
        about["unit"] = inputs.unit
    else:
        root, sky, frame = covariance.read_factor(arguments.factor, stokes, nside)
        maps = linear.draw(root, campaign.seed, key, arguments.start, arguments.stop)
        about = {"frame": frame, "sky": sky}
    store.write_maps(
        arguments.output,
        store.MapSet(
            maps=maps.astype(np.float32, copy=False),
            stokes=stokes,
            dataset=dataset.name,
            first=arguments.start,
            provenance=provenance.record(**campaign.identity, seed_key=[*key, "index"]),
            **about,
        ),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
