"""Measure how far the loss of every batch of the emulated datasets falls."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.emulator import archive
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.validation import losses, parts


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="part of the judgement (JSON)")
    options.add_argument("manifests", nargs="+", metavar="MANIFEST", help="of all batches")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    found = {dataset.name: [] for dataset in campaign.by_role("emulated")}
    for path in arguments.manifests:
        name = store.read_json(path, "manifest")["dataset"]
        for batch in archive.read_manifests([path]).values():
            found[name].append(store.read(batch["file"], archive.KIND, "losses")["losses"])
    entries, numbers = losses.judge_losses(campaign, found)
    parts.write(arguments.output, entries, provenance.record(**campaign.identity), **numbers)


if __name__ == "__main__":
    cli.run(main, get_parser())
