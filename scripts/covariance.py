"""Estimate the mean and covariance of a dataset from its map files."""

import argparse

from fewtomany import cli, config, covariance, provenance, store


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--dataset", required=True, help="name of the dataset")
    options.add_argument("--output", required=True, help="covariance (HDF5)")
    options.add_argument("maps", nargs="+", metavar="MAPFILE", help="its map files, in order")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset)
    stokes, nside = campaign.maps.stokes, campaign.maps.nside
    parts = store.iterate_maps(
        arguments.maps, stokes, dataset.n_maps, dataset=dataset.name, nside=nside, first=0
    )
    mean, matrix, n_maps = covariance.estimate(part.maps for part in parts)
    covariance.write(
        arguments.output,
        covariance.Covariance(mean, matrix, n_maps, stokes, nside, dataset.name),
        provenance.record(**campaign.identity, dataset=dataset.name),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
