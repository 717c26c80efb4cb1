"""Stands in for every program of the workflow: writes its products, empty."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
for option in ("--output", "--metrics", "--comparison", "--part"):
    parser.add_argument(option, type=Path)
arguments, _ = parser.parse_known_args()

if arguments.output is None:  # the judge, whose two products have names of their own
    products = [arguments.metrics, arguments.comparison]
elif arguments.output.suffix == ".png":
    products = [arguments.output, arguments.output.with_suffix(".pdf")]
else:
    products = [arguments.output]
if arguments.part is not None:
    products.append(arguments.part)
for product in products:
    product.write_text("")
