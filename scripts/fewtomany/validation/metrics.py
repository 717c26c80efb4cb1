"""Metrics of a comparison: their definitions, their allowed ranges, their verdict."""

import math
from dataclasses import asdict, dataclass

from fewtomany.config import Dataset
from fewtomany.validation.chi2 import ks_of_shift
from fewtomany.validation.distribution import distance_of_width

TOLERANCE = 0.1
"""Relative accuracy asked of an emulated covariance and its χ²."""

SIGMAS = 5.0
"""Standard errors allowed where only sampling may differ."""

TITLES = {
    "residual": "largest |Δ| of the {} spectrum",
    "inside_band": "fraction of multipoles inside ±1/√N_input",
    "scatter_ratio": "median scatter of the spectra over the reference's",
    "pixel_variance": "median pixel variance over the truth",
    "correlation_slope": "slope of the correlations on the truth",
    "correlation_rms": "rms error of the correlations",
    "recovery": "the same slope, same Stokes, {}° apart",
    "eigenvalue_ratio": "median leading eigenvalue over the truth",
    "eigenvalue_worst": "the same, farthest from 1",
    "chi2_mean": "mean reduced χ²",
    "chi2_width": "width of reduced χ²",
    "chi2_ks": "KS distance of χ² from that of true draws",
    "scattering": "largest |Δ| of the {} scattering coefficients",
    "scattering_inside": "fraction of scattering coefficients within ±1",
    "scattering_scatter": "median scatter of the scattering coefficients over the reference's",
    "minkowski": "largest |Δ| of the Minkowski functional {}",
    "distribution": "KS distance of the pixel values of {}",
}
"""What each metric is; a spectrum's name or a range of separations fills the braces."""

GROUPS = {
    "Spectra": ("residual", "inside_band", "scatter_ratio"),
    "Pixel covariance": ("pixel_variance", "correlation_slope", "correlation_rms", "recovery"),
    "Eigenvalues and χ²": (
        "eigenvalue_ratio",
        "eigenvalue_worst",
        "chi2_mean",
        "chi2_width",
        "chi2_ks",
    ),
    "Morphology": ("scattering", "scattering_inside", "scattering_scatter", "minkowski"),
    "Pixel values": ("distribution",),
    "Distance from the true covariance": (
        "kl",
        "forstner",
        "variance_error",
        "correlation_error",
        "correlation_match",
    ),
    "Worth in true simulations": ("equivalent",),
    "Inputs shrunk toward the emulation": ("recommended",),
    "Held-out inputs": ("trust",),
    "Diversity": ("diversity",),
}
"""Kinds of metrics that belong together, for the report."""

UNITS = {"residual": "σ_ref", "scattering": "σ_ref", "minkowski": "σ_ref"}
"""Units; a metric that is not here is a pure number."""


@dataclass(frozen=True)
class Range:
    """What a metric may be, and why; None leaves an end open."""

    low: float | None
    high: float | None
    source: str

    def holds(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Sample:
    """Sample sizes behind the metrics of one dataset.

    Attributes
    ----------
    n_maps : maps of the dataset
    n_inputs : input maps it comes from; 0 where there are none
    n_modes : leading modes of eigenvalues and χ²
    chi2_maps : reference maps whose χ² is taken
    n_reference, n_original : maps of these datasets
    n_minkowski : maps of each dataset whose Minkowski functionals are taken, at most
    """

    n_maps: int
    n_inputs: int
    n_modes: int
    chi2_maps: int
    n_reference: int
    n_original: int
    n_minkowski: int


def title(name: str) -> str:
    """Reading title of a metric."""
    kind, _, which = name.partition(":")
    return TITLES[kind].format(which)


def group(name: str) -> str:
    """The group of a metric in :data:`GROUPS`."""
    kind = name.partition(":")[0]
    return next((group for group, kinds in GROUPS.items() if kind in kinds), "Further comparisons")


def emulated_ranges(
    values: dict[str, float], inputs: dict[str, float], draws: dict[str, float], sample: Sample
) -> dict[str, Range]:
    """Allowed ranges of an emulated dataset.

    Sampling alone spreads eigenvalues and lowers χ², so these are held against the
    same number of true draws.

    Parameters
    ----------
    values : metrics of the dataset
    inputs : metrics of its input dataset
    draws : metrics of as many true draws as the dataset has maps
    sample : its sample sizes
    """
    around_one = Range(1 - TOLERANCE, 1 + TOLERANCE, "within 10% of the truth")
    ranges = {
        "inside_band": Range(
            0.68, None, "a mean of N_input true maps lies within its standard error in 68%"
        ),
        "scatter_ratio": around_one,
        "pixel_variance": around_one,
        "correlation_slope": around_one,
        "correlation_rms": Range(
            None, inputs["correlation_rms"], "less noise than the input's own covariance"
        ),
        "chi2_ks": Range(
            None, ks_of_shift(TOLERANCE, sample.n_modes), "what a shift of χ² by 10% gives"
        ),
        "scattering_scatter": around_one,
    }
    for name in values:
        if name.startswith("residual:"):
            source = "arXiv:2503.11643, Fig. 3: the mean within the scatter of one map"
            ranges[name] = Range(None, 1.0, source)
        elif name.startswith(("scattering:", "minkowski:")):
            source = "arXiv:2503.11643, Appendix C: the mean within the scatter of one map"
            ranges[name] = Range(None, 1.0, source)
        elif name.startswith("distribution:"):
            limit = distance_of_width(math.sqrt(1 + TOLERANCE)) + 2 * draws[name]
            source = "what 10% more pixel variance gives, and 2 standard errors of true draws"
            ranges[name] = Range(None, limit, source)
    for name in ("eigenvalue_ratio", "chi2_mean", "chi2_width"):
        low, high = (draws[name] * (1 + sign * TOLERANCE) for sign in (-1, 1))
        ranges[name] = Range(low, high, "within 10% of the same number of true draws")
    return ranges


def sanity_ranges(
    dataset: Dataset, values: dict[str, float], covariance: str, sample: Sample
) -> dict[str, Range]:
    """Allowed ranges of the original and the reference dataset: sampling noise only.

    Parameters
    ----------
    values : metrics of the dataset
    covariance : what the reference was drawn from, "empirical" or "exact"
    """
    maps = 1 / sample.n_original + 1 / sample.n_reference
    source = f"{SIGMAS:g} standard errors of the samples"

    def around(centre: float, error: float) -> Range:
        return Range(centre - SIGMAS * error, centre + SIGMAS * error, source)

    ranges = {
        "scatter_ratio": around(1.0, math.sqrt(maps / 2)),
        "pixel_variance": around(1.0, math.sqrt(2 * maps)),
        "correlation_rms": Range(
            None,
            1.25 * math.sqrt(maps),
            "125% of the noise √(1/N_original + 1/N_reference)",
        ),
    }
    if "scattering_scatter" in values:
        ranges["scattering_scatter"] = around(1.0, math.sqrt(maps / 2))
    few = sum(1 / min(n, sample.n_minkowski) for n in (sample.n_original, sample.n_reference))
    widest = distance_of_width(1 + SIGMAS * math.sqrt(maps / 2))
    limits = {
        "residual": Range(None, SIGMAS * math.sqrt(maps), source),
        "scattering": Range(None, SIGMAS * math.sqrt(maps), source),
        "minkowski": Range(None, SIGMAS * math.sqrt(few), source),
        "distribution": Range(None, widest, f"what {source} of one pixel's width give"),
    }
    for name in values:
        kind, _, which = name.partition(":")
        if which and kind in limits:
            ranges[name] = limits[kind]
    if dataset.role == "reference" or covariance == "empirical":
        width = math.sqrt(2 / sample.n_modes)
        ranges["chi2_mean"] = around(1.0, width / math.sqrt(sample.chi2_maps))
        ranges["chi2_width"] = around(width, width / math.sqrt(2 * sample.chi2_maps))
    return ranges


def not_trivial(values: dict[str, float], dataset: str, truth: str) -> dict[str, float]:
    """Drop the metrics that would compare a dataset with itself."""
    trivial = ()
    if dataset == "reference":
        trivial = ("residual", "scatter", "chi2_ks", "minkowski", "distribution")
    if dataset == truth:
        trivial += ("pixel", "correlation", "recovery", "eigenvalue")
    return {name: value for name, value in values.items() if not name.startswith(trivial)}


def verdict(
    dataset: Dataset,
    values: dict[str, float],
    ranges: dict[str, Range],
    draws: dict[str, float],
    sample: Sample,
) -> list[dict]:
    """Metrics of one dataset in the plain form of metrics.json.

    A metric without a range is shown, not judged: its ``passed`` is None.
    """
    entries = []
    for name, value in values.items():
        allowed = ranges.get(name)
        entries.append(
            {
                "name": name,
                "title": title(name),
                "dataset": dataset.name,
                "role": dataset.role,
                "value": value,
                "unit": UNITS.get(name.partition(":")[0], "1"),
                "true_draws": draws.get(name),
                "allowed": [allowed.low, allowed.high] if allowed else None,
                "source": allowed.source if allowed else "shown, not judged",
                "passed": allowed.holds(value) if allowed else None,
                "sample": asdict(sample),
            }
        )
    return entries
