"""Draw the first maps of every dataset side by side (PNG, and PDF beside it)."""

import argparse

from fewtomany import config
from fewtomany.errors import UserError
from fewtomany.figures import fields, maps, style
from fewtomany.files import store
from fewtomany.jobs import cli
from fewtomany.validation.judge import comparison


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--comparison", required=True, help="arrays of the judgement (HDF5)")
    options.add_argument(
        "--maps",
        nargs="+",
        required=True,
        metavar="NAME=FILE",
        help="first map file of each dataset to be shown",
    )
    options.add_argument("--output", required=True, help="figure (PNG)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    compared = comparison.read(arguments.comparison)
    drawing = maps if compared.shape is None else fields
    shown = {}
    for name, files in cli.named_files(arguments.maps).items():
        found = store.read_maps(files[0], campaign.maps.stokes).maps
        if len(found) < drawing.N_SHOWN:
            raise UserError(f"{files[0]}: holds {len(found)} maps, {drawing.N_SHOWN} are shown")
        shown[name] = found
    figure = drawing.draw(compared, shown)
    style.save(figure, arguments.output, drawing.TITLE, drawing.caption(compared))


if __name__ == "__main__":
    cli.run(main, get_parser())
