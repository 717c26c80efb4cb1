"""Draw a range of maps of an invented field of a plane or a line."""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, seeds
from fewtomany.errors import UserError
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.maps import textures
from fewtomany.maps.ingest import lattice


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="reference, or an input dataset")
    options.add_argument("--start", type=int, required=True, help="first map")
    options.add_argument("--stop", type=int, required=True, help="map after the last")
    options.add_argument("--output", required=True, help="map file (HDF5, float32)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "reference", "input")
    if not dataset.texture:
        raise UserError(f"{dataset.name}: is no texture")
    cli.check_range(arguments, dataset.n_maps, f"maps of {dataset.name}")
    whole, mask, key = campaign.maps.flat, campaign.maps.mask, ("texture", dataset.name)
    flat = lattice.read_mask(mask, whole) if mask else whole
    maps = [
        textures.draw(dataset.texture, whole, seeds.generator(campaign.seed, *key, index)).ravel()
        for index in range(arguments.start, arguments.stop)
    ]
    store.write_maps(
        arguments.output,
        store.MapSet(
            maps=flat.restrict(np.array(maps, np.float32)[:, None]),
            stokes=campaign.maps.stokes,
            dataset=dataset.name,
            first=arguments.start,
            unit=flat.unit,
            frame=campaign.maps.frame,
            sky=flat,
            provenance=provenance.record(**campaign.identity, seed_key=[*key, "index"]),
        ),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
