"""Draw figures of a campaign (PNG, and PDF beside each).

One that is there already is kept if it was drawn from the same numbers.
"""

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.figures import style
from fewtomany.figures.gallery import Gallery
from fewtomany.jobs import cli

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    many = {"nargs": "+", "required": True}
    options.add_argument("--figure", **many, help="which")
    options.add_argument("--output", **many, help="one for each (PNG)")
    options.add_argument("--comparison", help="arrays of the judgement (HDF5)")
    options.add_argument("--metrics", help="metrics of the judgement (JSON), for a glance")
    some = {"nargs": "+", "default": []}
    options.add_argument(
        "--maps",
        **some,
        metavar="NAME=FILE",
        help="map files of each dataset to be shown, those of its first maps, in order",
    )
    options.add_argument("--wavelets", help="shapes and transfer functions (HDF5)")
    options.add_argument(
        "--parts", **some, metavar="FIGURE=FILE", help="parts of the judgement (JSON)"
    )
    return options


def main(arguments: argparse.Namespace) -> None:
    gallery = Gallery(
        config.load(arguments.config),
        comparison=arguments.comparison,
        metrics=arguments.metrics,
        maps=cli.named_files(arguments.maps),
        wavelets=arguments.wavelets,
        parts={name: file for name, (file,) in cli.named_files(arguments.parts).items()},
    )
    for name, output in cli.paired(arguments.figure, arguments.output).items():
        key = gallery.key(name)
        if style.has_key(output, key):
            logger.info("%s: drawn before", name)
        else:
            figure, title, caption = gallery.draw(name)
            style.save(figure, output, title, caption, key)


if __name__ == "__main__":
    cli.run(main, get_parser())
