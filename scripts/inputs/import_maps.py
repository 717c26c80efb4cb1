"""Bring a range of the user's own maps into the campaign's form: K, RING, COSMO, its frame."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.config import sources
from fewtomany.datasets import observed
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.maps import ingest


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="input dataset, or reference")
    options.add_argument("--start", type=int, required=True, help="first map")
    options.add_argument("--stop", type=int, required=True, help="map after the last")
    options.add_argument("--sky", help="pixels that all of the user's maps have (HDF5)")
    options.add_argument("--output", required=True, help="map file (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    found = ingest.load(
        **sources.of_campaign(campaign, arguments.dataset),
        start=arguments.start,
        stop=arguments.stop,
        sky=store.read_sky_of(arguments.sky) if arguments.sky else None,
        provenance=provenance.record(**campaign.identity),
    )
    if campaign.maps.kind == "sphere":
        observed.check(campaign, found.sky)
    store.write_maps(arguments.output, found)


if __name__ == "__main__":
    cli.run(main, get_parser())
