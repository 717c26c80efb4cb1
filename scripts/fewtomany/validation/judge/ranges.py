"""Allowed ranges of the judge's metrics, and where they come from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import scipy

from fewtomany.config.campaign import Dataset
from fewtomany.config.statistics import RESIDUALS, STATISTICS
from fewtomany.validation.entries import Range
from fewtomany.validation.judge.chi2 import ks_of_shift
from fewtomany.validation.measure.distribution import distance_of_width

TOLERANCE = 0.1
"""Relative accuracy asked of an emulated covariance and its χ²."""

OF_INPUTS = 3.0
"""Standard errors of the inputs allowed where they stand for the truth."""

SIGMAS = 5.0
"""Standard errors allowed where only sampling may differ."""


@dataclass(frozen=True)
class Sample:
    """Sample sizes behind the metrics of one dataset.

    Attributes
    ----------
    n_maps : maps of the dataset
    n_inputs : input maps it comes from; 0 where there are none
    n_modes : leading modes of eigenvalues and χ²
    chi2_maps : reference maps whose χ² is taken
    n_reference, n_original : maps of these datasets; 0 where there are none
    n_minkowski : maps of each dataset whose Minkowski functionals are taken, at most
    """

    n_maps: int
    n_inputs: int
    n_modes: int
    chi2_maps: int
    n_reference: int
    n_original: int
    n_minkowski: int


def emulated_ranges(
    values: dict[str, float], draws: dict[str, float], sample: Sample
) -> dict[str, Range]:
    """Allowed ranges of an emulated dataset against the truth.

    Sampling alone spreads eigenvalues and lowers χ², so these are held against the
    same number of true draws.

    Parameters
    ----------
    values : metrics of the dataset
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
        "chi2_ks": Range(
            None, ks_of_shift(TOLERANCE, sample.n_modes), "what a shift of χ² by 10% gives"
        ),
        "scattering_scatter": around_one,
    }
    ranges |= _within_one_map(values)
    for name in values:
        if name.startswith("distribution:"):
            limit = distance_of_width(math.sqrt(1 + TOLERANCE)) + 2 * draws[name]
            source = "what 10% more pixel variance gives, and 2 standard errors of true draws"
            ranges[name] = Range(None, limit, source)
    for name in ("eigenvalue_ratio", "chi2_mean", "chi2_width"):
        low, high = (draws[name] * (1 + sign * TOLERANCE) for sign in (-1, 1))
        ranges[name] = Range(low, high, "within 10% of the same number of true draws")
    return ranges


def _within_one_map(values: dict[str, float]) -> dict[str, Range]:
    """The paper's own limit: mean values within the scatter of one true map."""
    ranges = {}
    for name in values:
        if name.startswith("residual:"):
            source = "arXiv:2503.11643, Fig. 3: the mean within the scatter of one map"
            ranges[name] = Range(None, 1.0, source)
        elif name.partition(":")[0] in RESIDUALS and ":" in name:
            ranges[name] = Range(None, 1.0, STATISTICS[name.partition(":")[0]].source)
    return ranges


def ranges_beside_inputs(
    values: dict[str, float],
    variance_error: float,
    n_multipoles: int,
    counts: Mapping[str, int],
    sample: Sample,
) -> dict[str, Range]:
    """Allowed ranges of an emulated dataset where no truth is known: agreement with its inputs.

    What is known of the truth is the inputs, with their sampling error. The distribution of
    pixel values is shown only: in units of a few maps' own scatter these are no normal numbers.

    Parameters
    ----------
    values : metrics of the dataset, its inputs taken for the truth
    variance_error : standard error of the inputs' total variance, relative
    n_multipoles : multipoles of all spectra
    counts : by the kind of metric ("residual", ...) the number of values of which it is the
        largest residual
    """
    # multipoles of an anisotropic sky are correlated: the error is that of a single scatter
    spread = TOLERANCE + OF_INPUTS * math.sqrt(1 / (2 * (sample.n_inputs - 1)))
    total = TOLERANCE + OF_INPUTS * variance_error
    inside = 1 - 2 * float(scipy.stats.t.sf(1, sample.n_inputs - 1))
    few = OF_INPUTS * math.sqrt(inside * (1 - inside) / n_multipoles)
    source = f"within 10% and {OF_INPUTS:g} standard errors of the inputs"
    largest = {}
    for name in values:
        kind, _, which = name.partition(":")
        if which and kind in counts:
            error = _largest_error(counts[kind], sample.n_inputs)
            words = "within the scatter of one true map, and the error of the inputs' mean"
            largest[name] = Range(None, 1 + error, words)
    return {
        **largest,
        "inside_band": Range(
            max(inside - few, 0.0),
            None,
            f"{inside:.0%} of true means, less {OF_INPUTS:g} standard errors",
        ),
        "scatter_ratio": Range(max(1 - spread, 0.0), 1 + spread, source),
        "total_variance": Range(max(1 - total, 0.0), 1 + total, source),
    }


def _largest_error(n_values: int, n_inputs: int) -> float:
    """What the largest of so many standardized means of inputs exceeds by chance in 5%.

    The mean of N inputs over their own scatter is a Student t over √N.
    """
    return float(scipy.stats.t.isf(0.025 / n_values, n_inputs - 1)) / math.sqrt(n_inputs)


def sanity_ranges(
    dataset: Dataset, values: dict[str, float], covariance: str, sample: Sample, draws: str
) -> dict[str, Range]:
    """Allowed ranges of the original and the reference dataset: sampling noise only.

    Parameters
    ----------
    values : metrics of the dataset
    covariance : what the reference was drawn from, "empirical" or "exact"
    draws : what the reference is, "gaussian" draws or maps of the "original" dataset; these need
        not be Gaussian, which leaves the sampling noise of second moments unknown: the means
        are judged alone
    """
    sizes = [n for n in (sample.n_original, sample.n_reference) if n]
    maps = sum(1 / n for n in sizes)
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
    few = sum(1 / min(n, sample.n_minkowski) for n in sizes)
    widest = distance_of_width(1 + SIGMAS * math.sqrt(maps / 2))
    limits = {
        "residual": Range(None, SIGMAS * math.sqrt(maps), source),
        **{
            name: Range(None, SIGMAS * math.sqrt(few if STATISTICS[name].few else maps), source)
            for name in RESIDUALS
        },
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
    if draws == "original":
        ranges = {
            name: allowed
            for name, allowed in ranges.items()
            if name.startswith(tuple(f"{kind}:" for kind in ("residual", *RESIDUALS)))
        }
    return ranges


def not_trivial(
    values: dict[str, float], dataset: str, truth: str | None, yardstick: str
) -> dict[str, float]:
    """Drop the metrics that would compare a dataset with itself."""
    trivial = ()
    if dataset == yardstick:
        trivial = ("residual", "scatter", "inside", "total", "chi2_ks", *STATISTICS)
    if dataset == truth:
        trivial += ("pixel", "correlation", "recovery", "eigenvalue")
    return {name: value for name, value in values.items() if not name.startswith(trivial)}
