"""Make a range of maps of the original dataset: T, Q, U of the systematics."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies

from fewtomany import config
from fewtomany.errors import UserError
from fewtomany.files import provenance, store
from fewtomany.jobs import cli
from fewtomany.simulation import response


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.add_argument("--start", type=int, required=True, help="first realization")
    options.add_argument("--stop", type=int, required=True, help="realization after the last")
    options.add_argument("--response", help="response (HDF5), for the response engine")
    options.add_argument("--output", required=True, help="map file (HDF5)")
    return options


def main(arguments: argparse.Namespace) -> None:
    campaign = config.load(arguments.config)
    simulation = campaign.simulation
    cli.check_range(arguments, simulation.n_maps, "maps of the original dataset")
    wanted = simulation.engine == "response"
    if wanted != (arguments.response is not None):
        raise UserError(
            f"--response is {'missing' if wanted else 'not used'}: "
            f"simulation.engine is {simulation.engine}"
        )
    if wanted:
        columns = response.read(campaign, arguments.response)
        maps = response.realizations(campaign, columns, arguments.start, arguments.stop)
    else:
        from fewtomany.simulation import direct  # litebird_sim, seconds to import

        maps = direct.realizations(campaign, arguments.start, arguments.stop)
    store.write_maps(
        arguments.output,
        store.MapSet(
            maps=maps.astype(simulation.tod_dtype, copy=False),
            stokes="TQU",
            dataset="original",
            frame=campaign.maps.frame,
            first=arguments.start,
            provenance=provenance.record(
                **campaign.identity,
                seed_keys=[[kind, "original", "index"] for kind in simulation.systematics],
            ),
        ),
    )


if __name__ == "__main__":
    cli.run(main, get_parser())
