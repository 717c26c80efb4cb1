"""Scan a range of chunks: one part of the response.

Under an MPI launcher the ranks share the chunks: mpiexec -n 4 python
scripts/simulation/simulate_response.py --ranks 4 ...
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import shards
from fewtomany.files import provenance
from fewtomany.jobs import cli, parallel
from fewtomany.simulation import onepass


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--start", type=int, required=True, help="first gain chunk")
    options.add_argument("--stop", type=int, required=True, help="gain chunk after the last")
    cli.add_surrogate(options)
    options.add_argument("--output", required=True, help="part of the response (HDF5)")
    cli.add_ranks(options)
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = cli.campaign_of(arguments)
    simulation = campaign.simulation
    cli.check_range(arguments, simulation.n_chunks, "gain chunks")
    with parallel.ranks(arguments.ranks) as mine:
        own = shards.split(arguments.start, arguments.stop, mine.size)[mine.rank]
        parts = mine.gather(onepass.scan_range(campaign, own.start, own.stop) if len(own) else None)
        if mine.first:
            onepass.write_part(
                arguments.output,
                simulation,
                arguments.start,
                arguments.stop,
                onepass.join_ranges([part for part in parts if part]),
                provenance.record(**campaign.identity),
            )


if __name__ == "__main__":
    cli.run(main, get_parser())
