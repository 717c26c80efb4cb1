"""Draw the reduced χ² of reference maps under every covariance (PNG, and PDF beside it)."""

import argparse

from fewtomany import cli
from fewtomany.figures import chi2, style
from fewtomany.validation import comparison


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--comparison", required=True, help="arrays of the judgement (HDF5)")
    options.add_argument("--output", required=True, help="figure (PNG)")
    return options


def main(arguments: argparse.Namespace) -> None:
    compared = comparison.read(arguments.comparison)
    style.save(chi2.draw(compared), arguments.output, chi2.TITLE, chi2.caption(compared))


if __name__ == "__main__":
    cli.run(main, get_parser())
