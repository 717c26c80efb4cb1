"""Compute the exact covariance of the original dataset from the gain response."""

import argparse

import numpy as np

from fewtomany import cli, config, provenance, store
from fewtomany.simulation import response


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--response", required=True, help="gain response (HDF5)")
    options.add_argument("--output", required=True, help="covariance (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    covariance = response.covariance(campaign, response.read(campaign, arguments.response))
    store.write(
        arguments.output,
        {"mean": np.zeros(len(covariance)), "covariance": covariance},
        kind="covariance",
        provenance=provenance.record(
            **campaign.identity,
        ),
        n_maps=0,
        stokes=campaign.maps.stokes,
        nside=campaign.maps.nside,
        dataset="exact",
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
