"""Show where a product comes from, and write the campaign file it was made with."""

import argparse
import json
import logging
import sys

import yaml

from fewtomany import config
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.jobs import cli

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("product", help="any product of a campaign (HDF5)")
    options.add_argument("--campaign", help="campaign file to write (YAML)")
    options.add_argument("--quiet", action="store_true", help="log warnings and errors only")
    return options


def main(arguments: argparse.Namespace) -> None:
    facts = store.read_provenance(arguments.product)
    if arguments.campaign is None:
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
        return
    if "configuration" not in facts:
        raise UserError(f"{arguments.product}: its provenance holds no configuration")
    campaign = config.parse(facts["configuration"])
    with store.atomic_path(arguments.campaign) as temporary:
        temporary.write_text(yaml.safe_dump(campaign.sections, sort_keys=False))
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    logger.info("made by fewtomany %s with %s", facts["code"], packages)


if __name__ == "__main__":
    cli.run(main, get_parser())
