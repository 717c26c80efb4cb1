"""Draw the first maps of every dataset side by side (PNG, and PDF beside it)."""

import argparse

from fewtomany import cli, config, store
from fewtomany.errors import UserError
from fewtomany.figures import maps, style
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
    shown = {}
    for name, files in cli.named_files(arguments.maps).items():
        found = store.read_maps(files[0], campaign.maps.stokes).maps
        if len(found) < maps.N_SHOWN:
            raise UserError(f"{files[0]}: holds {len(found)} maps, {maps.N_SHOWN} are shown")
        shown[name] = found[: maps.N_SHOWN]
    figure = maps.draw(compared, shown)
    style.save(figure, arguments.output, maps.TITLE, maps.caption(compared))


if __name__ == "__main__":
    cli.run(main, get_parser())
