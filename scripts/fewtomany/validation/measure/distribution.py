"""Distribution of pixel values, in units of each pixel's true standard deviation.

In these units every pixel of a Gaussian effect is a standard normal, whatever its depth. Where no
truth is known the unit is the standard deviation of the inputs. Their own values then lie closer
together than those of a normal distribution.
Where fields are alike everywhere, on planes and lines, all pixels have one deviation and one mean.
"""

from collections.abc import Sequence

import numpy as np
import scipy

from fewtomany.config.campaign import Campaign
from fewtomany.covariance.product import Covariance
from fewtomany.errors import UserError
from fewtomany.files.store import MapSet
from fewtomany.maps.components import Components
from fewtomany.validation.measure import moments
from fewtomany.validation.measure.moments import Moments

EDGES = np.linspace(-5, 5, 101)
"""Edges of the bins (σ); the first and the last bin take all values beyond."""


def of_maps(
    source: MapSet, campaign: Campaign, truth: Covariance
) -> tuple[Moments, tuple[str, ...], dict]:
    """Moments of the distribution, (2, n_components, n_bins); they have no names.

    Raises
    ------
    UserError : where the covariance is one of other maps
    """
    centre, deviation = unit(truth)
    if deviation.shape != source.maps.shape[1:]:
        raise UserError(
            f"standard deviations of shape {deviation.shape}, expected "
            f"{source.maps.shape[1:]} as the maps have"
        )
    maps = source.maps - centre if source.sky.is_homogeneous else source.maps
    return measure(maps, deviation), (), {"truth": truth.dataset}


def metrics(
    tested: Moments, true: Moments, labels: Sequence[str], components: Components
) -> dict[str, float]:
    """The distance of every component."""
    named = zip(components.names, distance(tested, true), strict=True)
    return {f"distribution:{name}": part for name, part in named}


def measure(maps: np.ndarray, deviation: np.ndarray) -> Moments:
    """Moments of the fractions of pixels in each bin, and up to its end.

    Parameters
    ----------
    maps : array of shape (n_maps, n_components, n_pix), K
    deviation : array of shape (n_components, n_pix), K; pixels with 0 are left out

    Returns
    -------
    moments of shape (2, n_components, n_bins): fractions, and cumulative fractions
    """
    n_bins = len(EDGES) - 1
    fractions = np.empty((len(maps), len(deviation), n_bins))
    for component, sigma in enumerate(deviation):
        seen = sigma > 0
        values = maps[:, component, seen] / sigma[seen]
        place = np.searchsorted(EDGES[1:-1], values, side="right")
        place += n_bins * np.arange(len(maps))[:, None]
        counts = np.bincount(place.ravel(), minlength=len(maps) * n_bins)
        fractions[:, component] = counts.reshape(len(maps), n_bins) / seen.sum()
    return moments.of(np.stack([fractions, np.cumsum(fractions, axis=-1)], axis=1))


def unit(truth: Covariance) -> tuple[np.ndarray, np.ndarray]:
    """Centre and deviation of the pixels, (n_components, n_pix) each.

    No mean is taken off maps of the sphere.
    """
    deviation = truth.deviation
    if not truth.sky.is_homogeneous:
        return np.zeros_like(deviation), deviation
    mean = truth.mean.reshape(deviation.shape)
    centre = mean.mean(axis=1, keepdims=True)
    # the covariance is about the mean of every pixel over the maps, and unbiased
    within = deviation**2 * (truth.n_maps - 1) / truth.n_maps
    pooled = np.mean(within + (mean - centre) ** 2, axis=1, keepdims=True)
    return np.broadcast_to(centre, mean.shape), np.broadcast_to(np.sqrt(pooled), mean.shape)


def distance(tested: Moments, reference: Moments) -> np.ndarray:
    """Kolmogorov-Smirnov distance of the pooled pixels at the edges, one per component."""
    return np.abs(tested.mean[1] - reference.mean[1]).max(axis=-1)


def noise(reference: Moments, n_maps: int) -> np.ndarray:
    """Standard error of the distance of ``n_maps`` true maps, the largest of all edges.

    Pixels of a map are correlated, so it follows from the scatter over the maps.
    """
    error = np.sqrt(1 / n_maps + 1 / reference.n_maps)
    return reference.scatter[1].max(axis=-1) * error


def distance_of_width(ratio: float) -> float:
    """The same distance of a normal distribution from one ``ratio`` times as wide."""
    x = np.sqrt(2 * np.log(ratio) / (1 - ratio**-2))
    return float(abs(scipy.stats.norm.cdf(x) - scipy.stats.norm.cdf(x / ratio)))
