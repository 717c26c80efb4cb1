"""Merge the parts of a pass into the response."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany.files import provenance
from fewtomany.jobs import cli
from fewtomany.simulation import onepass


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    cli.add_surrogate(options)
    options.add_argument("--output", required=True, help="response (HDF5)")
    options.add_argument("parts", nargs="+", metavar="PART", help="parts, in any order")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = cli.campaign_of(arguments)
    record = provenance.record(**campaign.identity)
    onepass.write_response(arguments.output, campaign, arguments.parts, record)


if __name__ == "__main__":
    cli.run(main, get_parser())
