"""Judge every dataset against the truth: metrics as JSON, arrays for the figures as HDF5."""

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.config.statistics import STATISTICS
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.validation import parts
from fewtomany.validation.entries import against_inputs
from fewtomany.validation.judge import comparison, verdict


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    many = {"nargs": "*", "default": [], "metavar": "NAME=FILE"}
    options.add_argument("--covariance", **many, help="covariances of the datasets, and the exact")
    for statistic in ("spectra", *STATISTICS):
        options.add_argument(f"--{statistic}", **many, help=f"{statistic} of the datasets")
    options.add_argument("--maps", **many, help="map files of the reference, if any, in order")
    options.add_argument("--parts", nargs="*", default=[], help="parts of the judgement (JSON)")
    options.add_argument("--metrics", required=True, help="metrics (JSON)")
    options.add_argument("--comparison", required=True, help="arrays for the figures (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    files = verdict.Files(
        cli.named_files(arguments.covariance),
        {s: cli.named_files(getattr(arguments, s)) for s in ("spectra", *STATISTICS)},
        cli.named_files(arguments.maps),
    )
    entries, arrays = verdict.judge(campaign, files)
    for path in arguments.parts:
        entries = parts.merge(entries, parts.read(path)["metrics"], path)
    if campaign.truth is None:
        entries = [against_inputs(entry) for entry in entries]
    about = provenance.record(**campaign.identity)
    comparison.write(arguments.comparison, arrays, about)
    judged = [entry["passed"] for entry in entries if entry["passed"] is not None]
    content = {
        "campaign": campaign.name,
        "truth": arrays.truth,
        "judged": len(judged),
        "passed": sum(judged),
        "metrics": entries,
        "provenance": about,
    }
    store.write_json(arguments.metrics, content)
    logging.getLogger(__name__).info("%d of %d metrics pass", sum(judged), len(judged))


if __name__ == "__main__":
    cli.run(main, get_parser())
