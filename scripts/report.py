"""Write the report: verdicts, figures, configuration, versions and cost in one HTML page."""

import argparse

from fewtomany import config
from fewtomany.figures import report
from fewtomany.files import store
from fewtomany.jobs import cli


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--metrics", required=True, help="metrics of the judgement (JSON)")
    options.add_argument(
        "--figures", nargs="+", required=True, metavar="PNG", help="figures, in order"
    )
    options.add_argument("--benchmarks", help="folder of Snakemake's benchmark files")
    options.add_argument("--output", required=True, help="report (HTML)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    judgement = store.read_json(arguments.metrics)
    pictures = [report.read_picture(path) for path in arguments.figures]
    costs = report.read_costs(arguments.benchmarks) if arguments.benchmarks else []
    page = report.render(campaign, judgement, pictures, costs)
    with store.atomic_path(arguments.output) as temporary:
        temporary.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    cli.run(main, get_parser())
