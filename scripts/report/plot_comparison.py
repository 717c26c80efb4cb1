"""Draw figures of the comparison of all datasets (PNG, and PDF beside each)."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany.config.statistics import STATISTICS
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
from fewtomany.figures.values import Values
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
FIGURES |= {name: Values(name) for name in STATISTICS if name not in FIGURES}


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--figure", nargs="+", choices=FIGURES, required=True, help="which")
    options.add_argument("--comparison", required=True, help="arrays of the judgement (HDF5)")
    options.add_argument("--output", nargs="+", required=True, help="one for each (PNG)")
    return options


def main(arguments: argparse.Namespace) -> None:
    wanted = cli.paired(arguments.figure, arguments.output)
    compared = comparison.read(arguments.comparison)
    for name, output in wanted.items():
        figure = FIGURES[name]
        style.save(figure.draw(compared), output, figure.TITLE, figure.caption(compared))


if __name__ == "__main__":
    cli.run(main, get_parser())
