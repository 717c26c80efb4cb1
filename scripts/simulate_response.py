"""Scan a range of gain chunks: one part of the gain response."""

import argparse

from fewtomany import cli, config, provenance, store
from fewtomany.simulation import onepass


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--start", type=int, required=True, help="first gain chunk")
    options.add_argument("--stop", type=int, required=True, help="gain chunk after the last")
    options.add_argument("--output", required=True, help="part of the response (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    simulation = campaign.simulation
    cli.check_range(arguments, simulation.n_chunks, "gain chunks")
    store.write(
        arguments.output,
        onepass.scan_range(simulation, arguments.start, arguments.stop),
        kind="response-part",
        provenance=provenance.record(
            campaign=campaign.name, simulation=campaign.sections["simulation"]
        ),
        start=arguments.start,
        stop=arguments.stop,
        nside=simulation.nside,
        n_detectors=len(simulation.detectors),
        unit="K",
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
