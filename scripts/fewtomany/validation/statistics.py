"""All numbers of one dataset against the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fewtomany import covariance
from fewtomany.covariance import Covariance, Modes
from fewtomany.validation import chi2, distribution, harmonic, moments, pixel
from fewtomany.validation.moments import Moments


@dataclass(frozen=True)
class Truth:
    """What every dataset is held against.

    Attributes
    ----------
    covariance : the exact covariance, or the reference's own where there is none
    modes : its leading modes
    reference_modes : leading modes of the reference's own covariance
    maps : array of shape (chi2_maps, n), float64, K, reference maps for χ²
    spectra : moments of the reference's spectra
    spectra_names : for example ("EE", "BB", "EB")
    """

    covariance: Covariance
    modes: Modes
    reference_modes: Modes
    maps: np.ndarray
    spectra: Moments
    spectra_names: tuple[str, ...]


@dataclass(frozen=True)
class PixelStatistics:
    """What a covariance is worth.

    Attributes
    ----------
    variance_ratio : array, pixel variances over the true ones
    correlation_rms : root mean square error of the off-diagonal correlations
    correlation_slope : their regression slope on the true ones
    recovery : the same by angular separation, see ``pixel.recovery``
    modes : its own leading modes
    eigenvalue_ratio : array of shape (n_modes,), λ_i over the true λ_i
    chi2 : array of shape (chi2_maps,), reduced χ² of the reference maps
    """

    variance_ratio: np.ndarray
    correlation_rms: float
    correlation_slope: float
    recovery: dict[str, float]
    modes: Modes
    eigenvalue_ratio: np.ndarray
    chi2: np.ndarray


def pixel_statistics(tested: np.ndarray, n_maps: int, truth: Truth) -> PixelStatistics:
    """Statistics of a covariance matrix estimated from ``n_maps`` maps; it is destroyed.

    A sample covariance about its own mean has n_maps - 1 modes at most, and no more
    are used.
    """
    known = truth.covariance
    variance_ratio = pixel.variance_ratio(tested, known.covariance)
    rms, slope = pixel.compare_correlations(tested, known.covariance, known.n_maps)
    recovery = pixel.recovery(tested, known.covariance, known.n_maps, len(known.stokes))
    n_modes = min(len(truth.modes), n_maps - 1)
    modes = covariance.leading_modes(tested, n_modes, overwrite=True)
    return PixelStatistics(
        variance_ratio=variance_ratio,
        correlation_rms=rms,
        correlation_slope=slope,
        recovery=recovery,
        modes=modes,
        eigenvalue_ratio=modes.values / truth.modes.values[: len(modes)],
        chi2=chi2.reduced_chi2(truth.maps, modes),
    )


def reference_chi2(truth: Truth, n_modes: int) -> np.ndarray:
    """Reduced χ² of the reference maps under the reference's own covariance."""
    return chi2.reduced_chi2(truth.maps, truth.reference_modes.first(n_modes))


def summarize(
    found: PixelStatistics, tested: Moments, n_inputs: int, own_chi2: np.ndarray, truth: Truth
) -> dict[str, float]:
    """Metrics by name, see ``metrics.TITLES``.

    Parameters
    ----------
    found, tested : statistics of the dataset's covariance, moments of its spectra
    n_inputs : sets the band of the mean spectra; without inputs (0) there is none
    own_chi2 : the χ² that a true dataset of this size would give
    """
    delta = harmonic.residual(tested, truth.spectra)
    farthest = np.argmax(np.abs(np.log(found.eigenvalue_ratio)))
    values = {
        f"residual:{name}": np.abs(row).max()
        for name, row in zip(truth.spectra_names, delta, strict=True)
    }
    if n_inputs:
        values["inside_band"] = harmonic.fraction_inside(delta, n_inputs)
    values |= {
        "scatter_ratio": np.median(harmonic.scatter_ratio(tested, truth.spectra)),
        "pixel_variance": np.median(found.variance_ratio),
        "correlation_slope": found.correlation_slope,
        **{f"recovery:{separation}": part for separation, part in found.recovery.items()},
        "correlation_rms": found.correlation_rms,
        "eigenvalue_ratio": np.median(found.eigenvalue_ratio),
        "eigenvalue_worst": found.eigenvalue_ratio[farthest],
        "chi2_mean": found.chi2.mean(),
        "chi2_width": found.chi2.std(ddof=1),
        "chi2_ks": chi2.ks_distance(found.chi2, own_chi2),
    }
    return {name: float(value) for name, value in values.items()}


def summarize_measured(
    tested: Mapping[str, Moments],
    reference: Mapping[str, Moments],
    labels: Sequence[str],
    stokes: str,
) -> dict[str, float]:
    """Metrics of what is measured on maps, besides spectra: by name, as :func:`summarize`.

    Parameters
    ----------
    tested, reference : moments of "scattering" (n_values,), "minkowski" (4,
        n_thresholds) and "distribution" (2, n_stokes, n_bins)
    labels : of the scattering values, "S3|Q|...", "S3'" counts as S3
    stokes : one letter per component
    """
    delta = np.abs(moments.residual(tested["scattering"], reference["scattering"]))
    ratio = moments.scatter_ratio(tested["scattering"], reference["scattering"])
    kinds = np.array([label[:2] for label in labels])
    values = {f"scattering:{kind}": np.nanmax(delta[kinds == kind]) for kind in np.unique(kinds)}
    values["scattering_inside"] = np.mean(delta[np.isfinite(delta)] < 1)
    values["scattering_scatter"] = np.nanmedian(ratio)
    functionals = np.abs(moments.residual(tested["minkowski"], reference["minkowski"]))
    for number, row in enumerate(functionals):
        values[f"minkowski:V{number}"] = np.nanmax(row)
    apart = distribution.distance(tested["distribution"], reference["distribution"])
    values |= {f"distribution:{name}": part for name, part in zip(stokes, apart, strict=True)}
    return {name: float(value) for name, value in values.items()}


def sampling_noise(reference: Mapping[str, Moments], n_maps: int, stokes: str) -> dict[str, float]:
    """Metrics of :func:`summarize_measured` that as many true maps would give, by sampling."""
    error = distribution.noise(reference["distribution"], n_maps)
    return {f"distribution:{name}": float(part) for name, part in zip(stokes, error, strict=True)}
