"""The response of a simulation without its files."""

import tempfile
from pathlib import Path

from fewtomany.config import Campaign
from fewtomany.simulation.onepass import scan_range, write_part, write_response


def make_response(campaign: Campaign, path: Path) -> None:
    """The whole pass and its merge in this process: a "response" without provenance."""
    simulation = campaign.simulation
    arrays = scan_range(campaign, 0, simulation.n_chunks)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder, "part.h5")
        write_part(part, simulation, 0, simulation.n_chunks, arrays, {})
        write_response(path, campaign, [part], {})
