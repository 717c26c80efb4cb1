"""Draw a figure of the comparison of all datasets (PNG, and PDF beside it)."""

import argparse

from fewtomany.figures import (
    chi2,
    correlations,
    distribution,
    eigenvalues,
    minkowski,
    scattering,
    spectra,
    style,
)
from fewtomany.jobs import cli
from fewtomany.validation.judge import comparison

FIGURES = {
    "spectra": spectra,
    "correlations": correlations,
    "eigenvalues": eigenvalues,
    "chi2": chi2,
    "scattering": scattering,
    "minkowski": minkowski,
    "distribution": distribution,
}


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--figure", choices=FIGURES, required=True, help="which one")
    options.add_argument("--comparison", required=True, help="arrays of the judgement (HDF5)")
    options.add_argument("--output", required=True, help="figure (PNG)")
    return options


def main(arguments: argparse.Namespace) -> None:
    compared = comparison.read(arguments.comparison)
    figure = FIGURES[arguments.figure]
    style.save(figure.draw(compared), arguments.output, figure.TITLE, figure.caption(compared))


if __name__ == "__main__":
    cli.run(main, get_parser())
