"""Find the pixels that all of the user's maps have, and that those of a simulation have too."""

import argparse
import logging
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.config import products, sources
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.maps import ingest
from fewtomany.maps.sky import Sky

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="observed pixels (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    found = {}
    for name in products.surveyed(campaign):
        of_maps = sources.of_campaign(campaign, name)
        found[name] = ingest.observed(**{k: v for k, v in of_maps.items() if k != "flat"})
        logger.info("%s: %d pixels", name, found[name].n_pix)
    sky = observed.common(found)
    if campaign.simulation is not None:
        _check_simulated(campaign, found, sky)
    observed.check(campaign, sky)
    logger.info("all of them: %d pixels of %d", sky.n_pix, sky.n_whole)
    about = provenance.record(**campaign.identity)
    with store.create(arguments.output, kind="sky", provenance=about, **sky.attributes()) as file:
        store.write_sky(file, sky)


def _check_simulated(campaign: config.Campaign, found: dict[str, Sky], sky: Sky) -> None:
    """UserError unless the simulation's maps have the pixels that the user's have."""
    simulated = observed.simulated(campaign)
    if not np.array_equal(simulated.indices, sky.indices):
        counts = ", ".join(f"{name} {own.n_pix}" for name, own in found.items())
        raise UserError(
            f"maps.mask: leaves {simulated.n_pix} pixels of simulated maps, the user's maps have "
            f"others ({counts}); expected a mask of those {sky.n_pix} that all have"
        )


if __name__ == "__main__":
    cli.run(main, get_parser())
