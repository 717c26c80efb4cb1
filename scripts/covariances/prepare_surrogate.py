"""Bring a surrogate, a simplified simulation, a covariance or maps, into one form."""

import argparse
import logging
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.config import sources
from fewtomany.covariance import Covariance, surrogate
from fewtomany.covariance.factor import Factor
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.maps import ingest
from fewtomany.maps.sky import Sky
from fewtomany.simulation import response

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--response", help="response of the surrogate's simulation (HDF5)")
    options.add_argument("--like", required=True, help="map file of the inputs: their pixels")
    options.add_argument("--output", required=True, help="rows of the surrogate (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    if campaign.surrogate is None:
        raise UserError(f"{arguments.config}: missing key surrogate")
    if (arguments.response is None) != (campaign.simplified is None):
        raise UserError("--response is wanted if and only if there is a surrogate.simulation")
    found = _load(campaign, arguments.response, observed.read_maps(arguments.like, campaign).sky)
    logger.info(
        "%d rows hold %.4f of the pixel variances", len(found.maps), 1 - np.mean(found.rest**2)
    )
    content = Covariance(found, dataset="surrogate", frame=campaign.maps.frame)
    covariance.write(arguments.output, content, provenance.record(**campaign.identity))


def _load(campaign: config.Campaign, path: str | None, sky: Sky) -> Factor:
    """The surrogate on the pixels of the inputs."""
    maps, source, components = campaign.maps, campaign.surrogate, campaign.components
    if source.source is not None:
        found = ingest.load(**sources.of_campaign(campaign, "surrogate"))
        mean = found.maps.mean(axis=0) if campaign.emulator.mean == "inputs" else 0
        rows = surrogate.on_pixels(sky, found.sky, found.maps - mean, "surrogate.files")
        return surrogate.of_rows(components, sky, rows)
    if source.covariance is not None:
        found = covariance.read(source.covariance)
        if found.frame != maps.frame:
            raise UserError(
                f"surrogate.covariance: frame is {found.frame}; expected maps.frame = {maps.frame}"
            )
        return surrogate.of_covariance(found, sky, components)
    rows = response.factor(campaign.simplified, response.read(campaign.simplified, path))
    return surrogate.of_rows(components, sky, sky.restrict(rows))


if __name__ == "__main__":
    cli.run(main, get_parser())
