"""Which products a campaign has: they follow from its inputs, its components and its truth."""

from dataclasses import dataclass

from fewtomany.config.campaign import Campaign, Dataset
from fewtomany.config.statistics import SPECTRA, STATISTICS, n_measured

WITH_TRUTH = ("chi2",)
"""Figures of the comparison that need true maps."""

LARGEST_NSIDE = 32
"""Resolution up to which parameters are judged in combinations of pixels: the CMB's harmonics
have 2 GB."""

LARGEST_DENSE = 16
"""The same where all pixels are used: a dense covariance has to be factored."""


@dataclass(frozen=True)
class Products:
    """The products that differ from one campaign to another.

    Attributes
    ----------
    measured : statistics of every map file
    compared : figures of the comparison of all datasets
    parts : figures of parts of the judgement, and the name of the part each is drawn from
    emulator : figures of the emulator itself
    recommends : whether covariances are recommended
    """

    measured: tuple[str, ...]
    compared: tuple[str, ...]
    parts: dict[str, str]
    emulator: tuple[str, ...] = ("wavelets", "transfer", "cost")
    recommends: bool = True


MOST_SHOWN = 4
"""First maps of every dataset that are shown, at most."""

MIN_PAIRS = 4
"""Pairs of realizations that leave an error for a mean and the slope of its control variate."""

_OF_FLAT = tuple(name for name, statistic in STATISTICS.items() if statistic.flat)
OF_LATTICE = Products(
    measured=(SPECTRA, *_OF_FLAT),
    compared=("spectra", *_OF_FLAT),
    parts={"diversity": "diversity", "descent": "descent"},
    emulator=(),
    recommends=False,
)
"""The products of a plane or a line: no stage that knows the sphere, a scan or its symmetry."""


def measured_together(campaign: Campaign) -> dict[tuple[str, ...], list[int]]:
    """Statistics that a job measures on a map file, and where the files begin that have these.

    Some are measured on the first maps of a dataset alone.
    """
    found: dict[tuple[str, ...], list[int]] = {}
    shards = {shard for name in campaign.datasets for shard in campaign.map_shards(name)}
    for start in sorted({shard.start for shard in shards}):
        names = products_of(campaign).measured
        names = tuple(name for name in names if start < n_measured(campaign, name, start + 1))
        found.setdefault(names, []).append(start)
    return found


def judges_parameters(campaign: Campaign) -> bool:
    """Whether covariances are judged by what they do to r: of Q and U, where there is a truth."""
    if not campaign.truth or campaign.components.names != ("Q", "U"):
        return False
    parameter = campaign.validation.parameter
    largest = LARGEST_DENSE if parameter.large_scales is None else LARGEST_NSIDE
    return bool(campaign.maps.nside <= largest and parameter.amplitudes)


def surveyed(campaign: Campaign) -> list[str]:
    """Datasets of the user's files, and "surrogate", whose common pixels have to be found.

    None where there is but one, and no simulation beside it.
    """
    if campaign.maps.kind != "sphere":
        return []
    found = [d.name for d in (campaign.datasets | campaign.given).values() if d.sources]
    if campaign.surrogate is not None and campaign.surrogate.source is not None:
        found.append("surrogate")
    return found if len(found) + (campaign.simulation is not None) > 1 else []


def unpaired(campaign: Campaign) -> str:
    """Why no input has a cheap realization of the same random numbers; empty where one has."""
    accurate = campaign.simulation
    if campaign.simplified is None or accurate is None:
        return "the surrogate and the inputs are not both simulations"
    cheap = campaign.simplified.simulation
    if accurate.engine != "response":
        return f"simulation.engine is {accurate.engine}; pairs need response"
    if campaign.reference.draws != "original":
        return "reference.draws is gaussian; pairs need inputs that are original maps"
    facts = {
        "systematics": lambda s: ", ".join(s.systematics),
        "the number of chunks": lambda s: s.n_chunks,
        "the number of detectors": lambda s: len(s.detectors),
        "adc.draw": lambda s: s.adc.draw if "adc" in s.systematics else "",
    }
    for name, of in facts.items():
        if of(accurate) != of(cheap):
            return (
                f"{name} of the simulation and of the surrogate are {of(accurate)} and "
                f"{of(cheap)}; pairs need equal random numbers"
            )
    if not any(d.picked is not None for d in campaign.by_role("input")):
        return "no input is maps of the simulation"
    return ""


def controlled(campaign: Campaign) -> list[Dataset]:
    """The inputs whose means have a control variate."""
    if unpaired(campaign):
        return []
    inputs = campaign.by_role("input")
    return [d for d in inputs if d.picked is not None and d.n_maps >= MIN_PAIRS]


def products_of(campaign: Campaign) -> Products:
    """The products of a campaign, in the order in which they are reported."""
    if campaign.maps.kind != "sphere":
        return OF_LATTICE
    absent = ()
    if not campaign.components.spins:
        absent = tuple(name for name, statistic in STATISTICS.items() if statistic.polarized)
    measured = (SPECTRA, *STATISTICS)
    compared = ("spectra", "correlations", "eigenvalues", "chi2", *measured[1:])
    parts = {"diversity": "diversity", "descent": "descent"}
    if campaign.truth is None:
        absent = (*absent, *WITH_TRUTH)
    else:
        parts = {"equivalent": "compare", "baselines": "compare", **parts}
    if judges_parameters(campaign):
        names = [f"parameter-{dataset.name}" for dataset in campaign.by_role("emulated")]
        parts |= dict(zip(names, names, strict=True))
    parts |= {name: name for name in (f"trust-{dataset}" for dataset in campaign.trust.datasets)}
    return Products(
        tuple(name for name in measured if name not in absent),
        tuple(name for name in compared if name not in absent),
        parts,
    )
