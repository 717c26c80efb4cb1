"""Write the report: verdicts, figures, configuration, versions and cost in one HTML page."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.figures import report
from fewtomany.files import store
from fewtomany.jobs import cli
from fewtomany.validation import answer


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--metrics", required=True, help="metrics of the judgement (JSON)")
    options.add_argument(
        "--figures", nargs="+", required=True, metavar="PNG", help="figures, in order"
    )
    many = {"nargs": "*", "default": []}
    options.add_argument("--recommended", **many, help="recommended covariances (HDF5)")
    options.add_argument("--trust", **many, help="parts of cross-validations (JSON)")
    options.add_argument("--glance", help="figure beside the answer (PNG); the first one if absent")
    options.add_argument("--benchmarks", help="folder of Snakemake's benchmark files")
    options.add_argument("--output", required=True, help="report (HTML)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    judgement = store.read_json(arguments.metrics)
    answers = answer.read(campaign, arguments.metrics, arguments.recommended, arguments.trust)
    glance = report.read_picture(arguments.glance or arguments.figures[0])
    pictures = [report.read_picture(path) for path in arguments.figures]
    costs = report.read_costs(arguments.benchmarks) if arguments.benchmarks else []
    page = report.render(campaign, judgement, answers, glance, pictures, costs)
    with store.atomic_path(arguments.output) as temporary:
        temporary.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    cli.run(main, get_parser())
