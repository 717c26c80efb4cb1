"""Write the table of configuration keys into config/README.md, and the schema of campaign files."""

import argparse
from pathlib import Path

from fewtomany.config import reference as config_reference
from fewtomany.jobs import cli


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, type=Path, help="page to bring up to date")
    parser.add_argument("--schema", type=Path, help="JSON schema of a campaign file (YAML)")
    parser.add_argument("--quiet", action="store_true", help="log warnings and errors only")
    return parser


def main(arguments: argparse.Namespace) -> None:
    page = arguments.output.read_text()
    arguments.output.write_text(config_reference.updated(page))
    if arguments.schema:
        arguments.schema.write_text(config_reference.schema_file())


if __name__ == "__main__":
    cli.run(main, get_parser())
