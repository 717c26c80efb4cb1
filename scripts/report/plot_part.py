"""Draw a figure from a part of the judgement (PNG, and PDF beside it)."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany.figures import baselines, descent, diversity, equivalent, parameter, style, trust
from fewtomany.jobs import cli
from fewtomany.validation import parts

FIGURES = {
    "equivalent": equivalent,
    "baselines": baselines,
    "trust": trust,
    "parameter": parameter,
    "diversity": diversity,
    "descent": descent,
}


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--figure", choices=FIGURES, required=True, help="which one")
    options.add_argument("--output", required=True, help="figure (PNG)")
    options.add_argument("part", metavar="PART", help="part of the judgement (JSON)")
    return options


def main(arguments: argparse.Namespace) -> None:
    part = parts.read(arguments.part)
    figure = FIGURES[arguments.figure]
    style.save(figure.draw(part), arguments.output, figure.TITLE, figure.caption(part))


if __name__ == "__main__":
    cli.run(main, get_parser())
