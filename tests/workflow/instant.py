"""Stands in for every program of the workflow: writes its products, empty."""

import argparse
from pathlib import Path
from types import SimpleNamespace


class Parser(argparse.ArgumentParser):
    """Knows the options that name products, and takes all others."""

    def parse_args(self) -> argparse.Namespace:
        return self.parse_known_args()[0]


def get_parser() -> Parser:
    options = Parser()
    options.add_argument("--output", type=Path, nargs="+", default=[])
    options.add_argument("--statistic", nargs="+", default=[""])  # each has an output
    for option in ("--metrics", "--comparison", "--part"):
        options.add_argument(option, type=Path)
    return options


def main(arguments: argparse.Namespace) -> None:
    drawn = [path for path in arguments.output if path.suffix == ".png"]
    # what follows the output is read
    products = drawn or arguments.output[: len(arguments.statistic)]
    if not products:  # the judge, whose two products have names of their own
        products = [arguments.metrics, arguments.comparison]
    products += [path.with_suffix(".pdf") for path in products if path.suffix == ".png"]
    products += [arguments.part] if arguments.part is not None else []
    for product in products:
        product.write_text("")


cli = SimpleNamespace(run=lambda main, options: main(options.parse_args()))

if __name__ == "__main__":
    cli.run(main, get_parser())
