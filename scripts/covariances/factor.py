"""Take the symmetric square root of the covariance that Gaussian maps are drawn from."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config, covariance
from fewtomany.errors import UserError
from fewtomany.files import provenance
from fewtomany.jobs import cli


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--output", required=True, help="factor (HDF5)")
    options.add_argument("covariance", metavar="COVARIANCE", help="covariance (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    source = covariance.load(arguments.covariance)
    if not source.is_dense:
        raise UserError(
            f"{arguments.covariance}: {len(source)} values are too many for Gaussian draws; "
            f"expected {covariance.product.DENSE_LIMIT} at most"
        )
    eigenvalues, root = covariance.symmetric_root(source.covariance)
    covariance.write_factor(
        arguments.output,
        eigenvalues,
        root,
        source,
        provenance.record(**campaign.identity, covariance=source.dataset),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
