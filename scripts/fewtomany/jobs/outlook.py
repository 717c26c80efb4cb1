"""What a campaign will make and how long one core takes for it, said before anything is planned.

The time is a sum of what BENCHMARKS.md has for the parts, right within a factor of two for the
demo, the extended and the paper's campaign on that machine. Once batches are finished,
:mod:`fewtomany.jobs.status` tells the time left from these.
"""

from fewtomany.config.campaign import Campaign
from fewtomany.config.products import products_of
from fewtomany.emulator import batches
from fewtomany.jobs import resources

PAPER_VALUES = 6144
"""Values of a map of Q and U at nside 16, which the following are for."""

STEP_S = 0.03
"""A step of ten maps: 0.02 to 0.04 by the machine."""

SAMPLE_S = 7.5e-8
"""A sample of a detector, simulated and binned."""

MAP_S = 0.01
"""A map drawn and measured, all statistics."""

MODES_S = 40.0
"""Modes of a covariance, of all that need them; goes with the cube of the values."""

START_S = 5.0
"""A job, before it computes and after."""

OTHER_JOBS = 20
"""Jobs that every campaign has, about."""


def words(campaign: Campaign) -> str:
    """One line: the maps that are made, from what, and core-time if nothing is there yet."""
    made = [f"{d.n_maps:,} simulated maps" for d in campaign.by_role("original")]
    made += [
        f"{d.n_maps:,} maps emulated from {campaign.find(d.input).n_maps}"
        for d in campaign.by_role("emulated")
    ]
    return f"{campaign.name}: {', '.join(made)}: {_told(seconds(campaign))} from nothing"


def seconds(campaign: Campaign) -> float:
    """Seconds of one core for the whole campaign, about."""
    share = campaign.maps.n_pix * len(campaign.components) / PAPER_VALUES
    emulated = campaign.by_role("emulated", "fold")
    n_batches = sum(len(batches.dataset_plan(campaign, d.name)) for d in emulated)
    step = STEP_S * share * campaign.emulator.batch_size / 10
    n_maps = sum(dataset.n_maps for dataset in campaign.datasets.values())
    return (
        n_batches * resources.steps(campaign) * step
        + n_maps * MAP_S * share
        + len(campaign.datasets) * MODES_S * min(share, 1) ** 3
        + sum(map(_scan_seconds, filter(None, (campaign, campaign.simplified))))
        + _jobs(campaign) * START_S
    )


def _scan_seconds(campaign: Campaign) -> float:
    """Of the simulation: one pass for all realizations, or one for each."""
    simulation = campaign.simulation
    if simulation is None:
        return 0.0
    samples = simulation.scan.n_samples * len(simulation.detectors)
    return samples * SAMPLE_S * (1 if simulation.engine == "response" else simulation.n_maps)


def _jobs(campaign: Campaign) -> int:
    """Number of the jobs, about: those of every map file, of every shard of batches, others."""
    products = products_of(campaign)
    files = sum(len(campaign.map_shards(name)) for name in campaign.datasets)
    emulated = campaign.by_role("emulated", "fold")
    shards = sum(len(batches.batch_shards(campaign, dataset.name)) for dataset in emulated)
    parts = len(products.parts)
    per_dataset = len(campaign.datasets) + 4 * len(emulated)
    return 2 * files + shards + parts + per_dataset + OTHER_JOBS


def _told(seconds: float) -> str:
    """Core-time in the largest unit that it fills, two digits."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length:
            return f"about {float(f'{seconds / length:.2g}'):g} core-{unit}s"
    return "about a core-minute"
