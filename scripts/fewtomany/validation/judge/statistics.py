"""All numbers of one dataset: against the truth, and against true maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fewtomany.covariance.product import Covariance, Modes
from fewtomany.maps.components import Components
from fewtomany.validation import measure
from fewtomany.validation.judge import chi2, harmonic, pixel
from fewtomany.validation.measure import distribution, moments
from fewtomany.validation.measure.moments import Moments


@dataclass(frozen=True)
class Truth:
    """The true covariance, where one is known.

    Attributes
    ----------
    covariance : the exact covariance, or the reference's own where there is none
    modes : its leading modes
    reference_modes : leading modes of the reference's own covariance
    maps : array of shape (chi2_maps, n), float64, K, reference maps for χ²
    """

    covariance: Covariance
    modes: Modes
    reference_modes: Modes
    maps: np.ndarray


@dataclass(frozen=True)
class Yardstick:
    """True maps that a dataset is held against: the reference, or the inputs it comes from.

    Attributes
    ----------
    dataset : its name
    n_maps : number of its maps
    spectra : moments of their spectra
    measured : moments of "scattering" and the like, by statistic
    labels : names of the values of each of them
    """

    dataset: str
    n_maps: int
    spectra: Moments
    measured: Mapping[str, Moments]
    labels: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class PixelStatistics:
    """What a covariance is worth.

    Attributes
    ----------
    variance_ratio : array, pixel variances over the true ones
    correlation_rms : root mean square error of the off-diagonal correlations
    correlation_slope : their regression slope on the true ones
    modes : its own leading modes
    eigenvalue_ratio : array of shape (n_modes,), λ_i over the true λ_i
    chi2 : array of shape (chi2_maps,), reduced χ² of the reference maps
    """

    variance_ratio: np.ndarray
    correlation_rms: float
    correlation_slope: float
    modes: Modes
    eigenvalue_ratio: np.ndarray
    chi2: np.ndarray


def pixel_statistics(tested: Covariance, truth: Truth) -> PixelStatistics:
    """Statistics of a covariance against the true one.

    A sample covariance about its own mean has n_maps - 1 modes at most, and no more
    are used.
    """
    rms, slope = pixel.compare_correlations(tested, truth.covariance)
    modes = tested.leading(min(len(truth.modes), tested.n_maps - 1))
    return PixelStatistics(
        variance_ratio=pixel.variance_ratio(tested, truth.covariance),
        correlation_rms=rms,
        correlation_slope=slope,
        modes=modes,
        eigenvalue_ratio=modes.values / truth.modes.values[: len(modes)],
        chi2=chi2.reduced_chi2(truth.maps, modes),
    )


def reference_chi2(truth: Truth, n_modes: int) -> np.ndarray:
    """Reduced χ² of the reference maps under the reference's own covariance."""
    return chi2.reduced_chi2(truth.maps, truth.reference_modes.first(n_modes))


def of_pixels(found: PixelStatistics, own_chi2: np.ndarray) -> dict[str, float]:
    """Metrics of a covariance against the true one, by name, see ``entries.TITLES``.

    Parameters
    ----------
    own_chi2 : the χ² that a true dataset of this size would give
    """
    farthest = np.argmax(np.abs(np.log(found.eigenvalue_ratio)))
    values = {
        "pixel_variance": np.median(found.variance_ratio),
        "correlation_slope": found.correlation_slope,
        "correlation_rms": found.correlation_rms,
        "eigenvalue_ratio": np.median(found.eigenvalue_ratio),
        "eigenvalue_worst": found.eigenvalue_ratio[farthest],
        "chi2_mean": found.chi2.mean(),
        "chi2_width": found.chi2.std(ddof=1),
        "chi2_ks": chi2.ks_distance(found.chi2, own_chi2),
    }
    return {name: float(value) for name, value in values.items()}


def of_spectra(
    tested: Moments,
    true: Moments,
    names: Sequence[str],
    n_inputs: int,
    first: int = harmonic.LMIN,
) -> dict[str, float]:
    """Metrics of spectra against true ones, by name.

    Parameters
    ----------
    tested, true : moments (n_spectra, lmax + 1)
    names : of the spectra
    n_inputs : sets the band of the mean spectra; without inputs (0) there is none
    first : the first bin that counts
    """
    delta = harmonic.residual(tested, true, first)
    values = {
        f"residual:{name}": np.nanmax(np.abs(row)) for name, row in zip(names, delta, strict=True)
    }
    if n_inputs:
        values["inside_band"] = harmonic.fraction_inside(delta, n_inputs)
    values["scatter_ratio"] = np.nanmedian(harmonic.scatter_ratio(tested, true, first))
    return {name: float(value) for name, value in values.items()}


def of_measured(
    tested: Mapping[str, Moments], yardstick: Yardstick, components: Components
) -> dict[str, float]:
    """Metrics of what is measured on maps, besides spectra, by name.

    Parameters
    ----------
    tested : moments by statistic, see ``config.statistics``
    """
    values = {}
    for name, found in tested.items():
        true, labels = yardstick.measured[name], yardstick.labels[name]
        select = getattr(measure.module(name), "metrics", None)
        values |= (
            select(found, true, labels, components)
            if select
            else moments.largest(name, found, true, labels)
        )
    return {name: float(value) for name, value in values.items()}


def sampling_noise(yardstick: Yardstick, n_maps: int, components: Components) -> dict[str, float]:
    """Metrics of :func:`of_measured` that as many true maps would give, by sampling."""
    error = distribution.noise(yardstick.measured["distribution"], n_maps)
    named = zip(components.names, error, strict=True)
    return {f"distribution:{name}": float(part) for name, part in named}
