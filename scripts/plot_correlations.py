"""Draw the correlation matrices of every dataset, whole and enlarged (PNG, and PDF beside it)."""

import argparse

from fewtomany import cli
from fewtomany.figures import correlations, style
from fewtomany.validation import comparison


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--comparison", required=True, help="arrays of the judgement (HDF5)")
    options.add_argument("--output", required=True, help="figure (PNG)")
    return options


def main(arguments: argparse.Namespace) -> None:
    compared = comparison.read(arguments.comparison)
    style.save(
        correlations.draw(compared),
        arguments.output,
        correlations.TITLE,
        correlations.caption(compared),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
