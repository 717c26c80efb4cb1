"""Draw the cost of emulation against resolution beside the paper's (PNG, and PDF beside it)."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany.figures import cost, style
from fewtomany.jobs import cli


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="figure (PNG)")
    return options


def main(arguments: argparse.Namespace) -> None:
    measured = cost.load()
    style.save(cost.draw(measured), arguments.output, cost.TITLE, cost.caption(measured))


if __name__ == "__main__":
    cli.run(main, get_parser())
