"""Draw the first maps of every dataset side by side (PNG, and PDF beside it)."""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.config import products
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.figures import fields, glance, maps, style
from fewtomany.files import store
from fewtomany.jobs import cli
from fewtomany.validation import answer
from fewtomany.validation.judge import comparison


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--comparison", required=True, help="arrays of the judgement (HDF5)")
    options.add_argument(
        "--maps",
        nargs="+",
        required=True,
        metavar="NAME=FILE",
        help="map files of each dataset to be shown, those of its first maps, in order",
    )
    options.add_argument("--metrics", help="metrics of the judgement (JSON), for a glance")
    options.add_argument("--glance", help="figure of the best emulation beside its inputs (PNG)")
    options.add_argument("--output", required=True, help="figure (PNG)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    compared = comparison.read(arguments.comparison)
    drawing = maps if compared.shape is None else fields
    shown = {}
    for name, files in cli.named_files(arguments.maps).items():
        found = np.concatenate([observed.read_maps(file, campaign).maps for file in files])
        if len(found) < drawing.N_SHOWN:
            held = f"{', '.join(files)}: {len(found)} maps of {name}"
            raise UserError(f"{held}; expected at least {drawing.N_SHOWN}, which are shown")
        shown[name] = found[: products.MOST_SHOWN]
    figure = drawing.draw(compared, shown)
    style.save(figure, arguments.output, drawing.TITLE, drawing.caption(compared))
    if arguments.glance:
        best = campaign.dataset(answer.order(store.read_json(arguments.metrics))[0], "emulated")
        pair = (best.input, best.name)
        figure = glance.draw(compared, shown, *pair)
        style.save(figure, arguments.glance, glance.TITLE, glance.caption(compared, *pair))


if __name__ == "__main__":
    cli.run(main, get_parser())
