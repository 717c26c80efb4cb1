"""What a comparison of maps of a plane or a line shows: distributions, spectra, coefficients."""

import numpy as np
import scipy
import tensorflow as tf

from fewtomany.config.campaign import Emulator
from fewtomany.late import pandas as pd
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.scattering import covariance, domains, wavelets

EDGES = np.linspace(-5, 8, 66)
"""Of the bins of a distribution, in deviations."""


def spectra(flat: Flat, components: Components, maps: np.ndarray) -> np.ndarray:
    """Spectra of maps (n_maps, F, n_pix): (n_maps, n_spectra, n_bins), p = 2."""
    transform = domains.transform(flat, components, tf.float64)
    nested = flat.to_nested(maps.astype(np.float64))
    return transform.spectra(tf.constant(nested), components, "moduli").numpy()[:, 0]


def coefficients(
    flat: Flat, components: Components, maps: np.ndarray, settings: Emulator
) -> "pd.DataFrame":
    """Scattering covariances of maps (n_maps, F, n_pix), wavelets along the axes.

    Returns
    -------
    DataFrame of complex columns, one per map, indexed by
    :data:`fewtomany.scattering.covariance.INDEX`
    """
    hierarchy = domains.hierarchy(flat, settings.n_scales, settings.kernel_size)
    scales = wavelets.build_scales(hierarchy, settings.n_orientations, None, tf.float64)
    nested = flat.to_nested(maps.astype(np.float64))
    found = covariance.coefficients(tf.constant(nested), scales, n_groups=len(maps))
    return covariance.to_frame(found, components.names)


def distribution(maps: np.ndarray) -> np.ndarray:
    """Density of the values of maps, in deviations about their mean, at bins of :data:`EDGES`."""
    values = (maps - maps.mean()) / maps.std()
    counts, _ = np.histogram(values, EDGES)
    return counts / (values.size * np.diff(EDGES))


def moments(maps: np.ndarray) -> dict[str, float]:
    """Deviation, skewness and excess kurtosis of the values of maps."""
    return {
        "deviation": float(maps.std()),
        "skewness": float(scipy.stats.skew(maps, axis=None)),
        "kurtosis": float(scipy.stats.kurtosis(maps, axis=None)),
    }
