"""Bring a range of the user's own maps into the campaign's form: K, RING, COSMO, its frame."""

import argparse

from fewtomany import config
from fewtomany.config import sources
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.maps import ingest


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="input dataset, or reference")
    options.add_argument("--start", type=int, required=True, help="first map")
    options.add_argument("--stop", type=int, required=True, help="map after the last")
    options.add_argument("--output", required=True, help="map file (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    found = ingest.load(
        **sources.of_campaign(campaign.sections, arguments.dataset),
        start=arguments.start,
        stop=arguments.stop,
        provenance=provenance.record(**campaign.identity),
    )
    store.write_maps(arguments.output, found)


if __name__ == "__main__":
    cli.run(main, get_parser())
