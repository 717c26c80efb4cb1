"""One metric of one dataset: its title, its allowed range, its verdict.

All entries of metrics.json, of whatever stage, are built here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fewtomany.config.campaign import Dataset
from fewtomany.config.statistics import RESIDUALS, STATISTICS

TITLES = {
    "residual": "largest |Δ| of the {} spectrum",
    "inside_band": "fraction of multipoles inside ±1/√N_input",
    "scatter_ratio": "median scatter of the spectra over the true one",
    "pixel_variance": "median pixel variance over the truth",
    "total_variance": "total variance of the pixels over that of true maps",
    "correlation_slope": "slope of the correlations on the truth",
    "correlation_rms": "rms difference of the correlations of all pairs",
    "eigenvalue_ratio": "median leading eigenvalue over the true one",
    "eigenvalue_worst": "the same, farthest from 1",
    "chi2_mean": "mean reduced χ²",
    "chi2_width": "width of reduced χ²",
    "chi2_ks": "KS distance of χ² from that of true draws",
    "scattering_inside": "fraction of scattering coefficients within ±1",
    "scattering_scatter": "median scatter of the scattering coefficients over the true one",
    **{name: statistic.metric for name, statistic in STATISTICS.items()},
    "kl": "Kullback–Leibler divergence, leading modes",
    "forstner": "Förstner distance, leading modes",
    "variance_error": "rms error of the pixel variances, relative",
    "correlation_error": "rms error of the correlations",
    "correlation_match": "correlation of the correlations with the truth",
    "recovery": "recovered correlation, {}",
}
"""What each metric is; a spectrum's name, a component or a class of pairs fills the braces."""

GROUPS = {
    "Spectra": ("residual", "inside_band", "scatter_ratio"),
    "Pixel covariance": (
        "pixel_variance",
        "total_variance",
        "correlation_slope",
        "correlation_rms",
        "recovery",
    ),
    "Eigenvalues and χ²": (
        "eigenvalue_ratio",
        "eigenvalue_worst",
        "chi2_mean",
        "chi2_width",
        "chi2_ks",
    ),
    "Morphology": (*RESIDUALS, "scattering_inside", "scattering_scatter"),
    "Pixel values": tuple(name for name in STATISTICS if name not in RESIDUALS),
    "Distance from the true covariance": (
        "kl",
        "forstner",
        "variance_error",
        "correlation_error",
        "correlation_match",
    ),
    "Worth in true simulations": ("equivalent",),
    "The recommended covariance": ("recommended",),
    "Parameters": ("parameter",),
    "Held-out inputs": ("trust",),
    "Diversity": ("diversity",),
    "Descent": ("descent",),
    "Control variates": ("control",),
}
"""Kinds of metrics that belong together, for the report."""

UNITS = dict.fromkeys(("residual", *RESIDUALS), "σ_true") | {"kl": "nats"}
"""Units; a metric that is not here is a pure number."""

WITHOUT_TRUTH = {
    "the true one": "that of the inputs",
    "true maps": "the inputs",
    "true draws": "the inputs",
    "σ_true": "σ_input",
}
"""What the words of an entry become where nothing but the inputs is known."""

SHOWN = "shown, not judged"
INFINITE = "infinite: the covariance is singular in these modes"


@dataclass(frozen=True)
class Range:
    """What a metric may be, and why; None leaves an end open."""

    low: float | None
    high: float | None
    source: str

    def holds(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


def title(name: str) -> str:
    """Reading title of a metric of :data:`TITLES`, "kind:which"."""
    kind, _, which = name.partition(":")
    return TITLES[kind].format(_pairs(which) if kind == "recovery" else which)


def _pairs(which: str) -> str:
    """A class of pairs of pixels in words: "cross 0-6" is "between components, 0-6°"."""
    kind, _, degrees = which.rpartition(" ")
    words = {"": "same component", "cross": "between components"}
    return f"{words.get(kind, kind)}, {degrees}°"


def group(name: str) -> str:
    """The group of a metric in :data:`GROUPS`."""
    kind = name.partition(":")[0]
    return next((group for group, kinds in GROUPS.items() if kind in kinds), "Further comparisons")


def entry(
    name: str,
    dataset: Dataset,
    value: float,
    *,
    text: str = "",
    error: float | None = None,
    draws: float | None = None,
    allowed: Range | None = None,
    unit: str = "",
    sample: Mapping[str, int],
) -> dict[str, Any]:
    """One metric in the plain form of metrics.json.

    Parameters
    ----------
    name, text : the metric, and its title where it is none of :data:`TITLES`
    value, error : the metric and its standard error; an infinite value becomes None, and
        fails whatever range it has
    draws : the same of as many true maps
    allowed : its range; without one it is shown only, and ``passed`` is None
    unit : by default that of :data:`UNITS`
    sample : sample sizes behind it
    """
    return {
        "name": name,
        "title": text or title(name),
        "dataset": dataset.name,
        "role": dataset.role,
        "value": plain(value),
        "error": plain(error),
        "unit": unit or UNITS.get(name.partition(":")[0], "1"),
        "true_draws": plain(draws),
        "allowed": [plain(allowed.low), plain(allowed.high)] if allowed else None,
        "source": allowed.source if allowed else SHOWN if math.isfinite(value) else INFINITE,
        "passed": bool(math.isfinite(value) and allowed.holds(value)) if allowed else None,
        "sample": dict(sample),
    }


def against_inputs(found: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of a campaign without a truth, in words that say so: its yardstick is the inputs."""
    words = {key: found[key] for key in ("title", "unit", "source")}
    for truth, inputs in WITHOUT_TRUTH.items():
        words = {key: text.replace(truth, inputs) for key, text in words.items()}
    return {**found, **words}


def plain(numbers: Any) -> Any:
    """Nested dictionaries, sequences and arrays of numbers for JSON; None if not finite."""
    if isinstance(numbers, Mapping):
        return {name: plain(part) for name, part in numbers.items()}
    if isinstance(numbers, np.ndarray):
        numbers = numbers.tolist()
    if isinstance(numbers, list | tuple):
        return [plain(part) for part in numbers]
    if numbers is None or isinstance(numbers, str | bool):
        return numbers
    if not math.isfinite(numbers):
        return None
    return int(numbers) if isinstance(numbers, int | np.integer) else float(numbers)
