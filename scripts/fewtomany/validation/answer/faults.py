"""What is wrong with emulated maps, in sentences, sorted by how much it matters for a purpose.

How much a metric matters is by how many times its deviation exceeds the one that is allowed:
:func:`excess` is 1 at the end of its range. Metrics that pass are no faults.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fewtomany.config.statistics import STATISTICS

COVARIANCE, SPECTRUM, NON_GAUSSIAN = (
    "a covariance",
    "a power spectrum",
    "a non-Gaussian statistic",
)
"""What maps are used for."""

PURPOSES = (COVARIANCE, SPECTRUM, NON_GAUSSIAN)

_OF_COVARIANCE = {
    "pixel_variance": "pixel variances are {value} of those of true maps, in the median",
    "total_variance": "the total variance is {value} of that of true maps",
    "correlation_slope": "correlations between pixels are {value} of those of true maps",
    "eigenvalue_ratio": "leading modes hold {value} of the variance of true maps, in the median",
    "chi2_mean": "χ² of true maps is {value} in the covariance of the maps, where 1 is right",
    "chi2_width": "χ² of true maps scatters by {value}, where {low} to {high} is right",
    "chi2_ks": "χ² of true maps is distributed otherwise than that of true draws",
    "kl": "their covariance is {value} nats from the truth; {high} without emulation",
    "forstner": "their covariance is {value} from the truth (Förstner); {high} without emulation",
    "variance_error": "pixel variances are wrong by {value} rms; by {high} without emulation",
    "correlation_error": "correlations are wrong by {value} rms; by {high} without emulation",
    "trust:emulated": "held-out inputs do not prefer their covariance to the best without "
    "emulation ({value} nats per direction)",
    "trust:chi2_mean": "χ² of held-out inputs is {value} in the covariance of the maps, where 1 "
    "is right",
    "trust:chi2_width": "χ² of held-out inputs scatters {value} times as much as it should",
    "diversity:effective_maps": "they act like {value} independent maps, fewer than they are",
    "diversity:nearest_input": "they resemble an input too much (correlation {value} with the "
    "nearest)",
    "diversity:nearest_other": "they resemble each other too much (correlation {value} with the "
    "nearest)",
}

_OF_SPECTRA = {
    "total_variance": _OF_COVARIANCE["total_variance"],
    "residual": "the mean {which} spectrum is off by up to {value} of the scatter of one map",
    "inside_band": "{percent} of the multipoles are as close as the noise of the inputs allows, "
    "where {low_percent} should be",
    "scatter_ratio": "spectra scatter from map to map {value} times as much as those of true maps",
    "trust:spectra": "{percent} of the multipoles agree with held-out inputs within 1 σ, where "
    "{low_percent} should",
    "diversity:total": "the variance of {which} from map to map is {value} of that of true maps",
}

_OF_MORPHOLOGY = {
    "scattering_scatter": "scattering coefficients scatter from map to map {value} times as much "
    "as those of true maps",
    **{name: statistic.fault for name, statistic in STATISTICS.items()},
    "diversity:total": "the variance of {which} from map to map is {value} of that of true maps",
}

SENTENCES = {
    COVARIANCE: _OF_COVARIANCE,
    SPECTRUM: _OF_SPECTRA,
    NON_GAUSSIAN: _OF_MORPHOLOGY,
}
"""By purpose, the sentence of every kind of metric that is judged."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes
    ----------
    text : a sentence without its full stop
    excess : by how many times it exceeds what is allowed, more than 1
    name : of the metric
    """

    text: str
    excess: float
    name: str


def excess(entry: Mapping[str, Any]) -> float:
    """How far a judged metric lies from the middle of its range, in units of what is allowed.

    A range that is open at one end is counted from 0: a value of twice the highest, or of half
    the lowest, has 2. An infinite value, None in metrics.json, has infinity. A gain, whose
    lowest is two standard errors, has one more for every two by which it misses them.
    """
    value, (low, high) = entry["value"], entry["allowed"]
    if value is None:
        return math.inf
    if entry["name"] == "trust:emulated":
        return 1 + (low - value) / abs(low) if low else math.inf
    if low is not None and high is not None:
        half = (high - low) / 2
        return abs(value - (low + high) / 2) / half if half else math.inf
    if low is None:
        return value / high if high > 0 else math.inf
    return low / value if value > 0 else math.inf


def purposes_of(name: str) -> tuple[str, ...]:
    """What a metric matters for; nothing where it is about no maps (cost, baselines, …)."""
    if name.startswith("diversity:total:"):
        return (SPECTRUM if name.endswith("spectra") else NON_GAUSSIAN,)
    return tuple(purpose for purpose, kinds in SENTENCES.items() if _kind(name) in kinds)


def _kind(name: str) -> str:
    """The key of a metric in :data:`SENTENCES`: "residual:EE" is "residual"."""
    kind, _, which = name.partition(":")
    return f"{kind}:{which.partition(':')[0]}" if kind in ("trust", "diversity") else kind


def _sentence(entry: Mapping[str, Any], purpose: str) -> str:
    name, value = entry["name"], entry["value"]
    low, high = entry["allowed"]
    words = {
        "which": name.rpartition(":")[2],
        "value": "infinite" if value is None else _two_digits(value),
        "percent": f"{value or 0:.0%}",
        "low": "any" if low is None else f"{low:.2g}",
        "high": "any" if high is None else f"{high:.2g}",
        "low_percent": "any" if low is None else f"{low:.0%}",
    }
    return SENTENCES[purpose][_kind(name)].format(**words)


def _two_digits(value: float) -> str:
    """0.58, 4.2, 230, 45,000; 2.3e+06."""
    found = float(f"{value:.2g}")
    return f"{found:,.0f}" if 100 <= abs(found) < 1e6 else f"{found:.2g}"


def of_maps(entries: Sequence[Mapping[str, Any]], truth: bool) -> dict[str, tuple[Fault, ...]]:
    """By purpose what is wrong with the maps of one dataset, worst first.

    Parameters
    ----------
    entries : its metrics, as metrics.json holds them
    truth : whether they were held against a truth; against the inputs otherwise
    """
    found: dict[str, list[Fault]] = {purpose: [] for purpose in PURPOSES}
    for entry in entries:
        if entry["passed"] is not False:
            continue
        for purpose in purposes_of(entry["name"]):
            text = _sentence(entry, purpose)
            if not truth:
                text = text.replace("true maps", "the inputs")
            found[purpose].append(Fault(text, excess(entry), entry["name"]))
    return {
        purpose: tuple(sorted(some, key=lambda fault: -fault.excess))
        for purpose, some in found.items()
    }
