"""Draw figures of the wavelets (PNG, and PDF beside each)."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany.figures import style, transfer, wavelets
from fewtomany.files import store
from fewtomany.jobs import cli

FIGURES = ("wavelets", "transfer")


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--figure", nargs="+", choices=FIGURES, required=True, help="which")
    options.add_argument("--wavelets", required=True, help="shapes and transfer functions (HDF5)")
    options.add_argument("--output", nargs="+", required=True, help="one for each (PNG)")
    return options


def main(arguments: argparse.Namespace) -> None:
    wanted = cli.paired(arguments.figure, arguments.output)
    arrays = store.read(arguments.wavelets, "wavelets")
    about = store.read_attributes(arguments.wavelets, "wavelets")
    if "wavelets" in wanted:
        place = tuple(map(float, about["place_deg"]))
        figure = wavelets.draw(arrays["shapes"], place)
        text = wavelets.caption(arrays["shapes"], place, int(about["kernel_size"]))
        style.save(figure, wanted["wavelets"], wavelets.TITLE, text)
    if "transfer" in wanted:
        functions = {
            int(name.partition("/")[2]): array
            for name, array in sorted(arrays.items())
            if name.startswith("transfer/")
        }
        text = transfer.caption(functions, int(about["n_places"]))
        style.save(transfer.draw(functions), wanted["transfer"], transfer.TITLE, text)


if __name__ == "__main__":
    cli.run(main, get_parser())
