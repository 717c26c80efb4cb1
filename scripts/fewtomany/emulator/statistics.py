"""The statistics Φ of normalized maps, as one vector, and the loss on them.

Φ holds the scattering covariances of every Stokes component and pair and, unless
switched off, the EE, BB and EB spectra; beyond the paper, the correlations along the
stripes and the variance of the spectra within the batch. The loss (arXiv:2503.11643,
Eq. 5) has one term for each component ("Q", "U"), one for the pair ("QU"), one for
"spectra", "stripes" and "scatter" each:

    loss = Σ_terms 1/n Σ_i |⟨Φ_i⟩_batch − target_i|² / σ_i²,

with n the coefficients of the term and σ_i their scatter over the input maps.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fewtomany.config import Emulator
from fewtomany.scattering import covariance, harmonics, wavelets
from fewtomany.scattering import stripes as along_stripes
from fewtomany.scattering.grid import Grid
from fewtomany.scattering.harmonics import SpinTransform
from fewtomany.scattering.stripes import Stripes
from fewtomany.scattering.wavelets import Scale

STOKES = "QU"
TERMS = ("Q", "U", "QU")


class Operators(NamedTuple):
    """What turns normalized maps into statistics; tensors only.

    Attributes
    ----------
    scales : for every group of :func:`groups`, its operators from fine to coarse
    spin : tables of the spin-2 transform, or None without spectra
    stripes : tables of the correlations along the stripes, or None without
    mean, deviation : (n_pix, 1, F), of the inputs, NESTED, in units of their rms
    """

    scales: tuple[list[Scale], ...]
    spin: SpinTransform | None
    stripes: Stripes | None
    mean: tf.Tensor
    deviation: tf.Tensor


def groups(orientation: str) -> tuple[str, ...]:
    """Stokes components that share wavelets; each group gives its own covariances."""
    return ("Q", "U", "QU") if orientation == "separate" else ("QU",)


def term_names(settings: Emulator) -> tuple[str, ...]:
    """Names of the loss terms, in order."""
    optional = {
        "spectra": settings.spectra,
        "stripes": settings.stripe_zones > 0,
        "scatter": settings.scatter,
    }
    return (*TERMS, *(name for name, wanted in optional.items() if wanted))


def build_operators(
    settings: Emulator,
    hierarchy: list[Grid],
    primary: list[list[np.ndarray]] | None,
    stripes: Stripes | None,
    mean: np.ndarray,
    deviation: np.ndarray,
) -> Operators:
    """Operators in the settings' floating-point type.

    Parameters
    ----------
    primary : for every group and scale the primary orientation (n_pix,), NESTED;
        None without
    stripes : tables of the stripes; None without
    mean, deviation : arrays of shape (n_pix, F), NESTED
    """
    n_groups = len(groups(settings.orientation))
    rms = np.sqrt(np.mean(deviation**2))
    nside = int(np.sqrt(len(mean) / 12))
    return Operators(
        tuple(
            wavelets.build_scales(
                hierarchy,
                settings.n_orientations,
                None if primary is None else primary[group],
                settings.dtype,
            )
            for group in range(n_groups)
        ),
        harmonics.spin_transform(nside, settings.dtype) if settings.spectra else None,
        stripes,
        tf.constant(mean[:, None] / rms, settings.dtype),
        tf.constant(deviation[:, None] / rms, settings.dtype),
    )


def statistics(
    settings: Emulator, operators: Operators, maps: tf.Tensor, n_groups: int = 1
) -> tf.Tensor:
    """Φ of normalized maps, averaged over groups of n_maps / n_groups consecutive maps.

    "scatter" is the variance within the group; of groups of one map, the spectra themselves.

    Parameters
    ----------
    maps : tensor of shape (n_pix, n_maps, F), NESTED, normalized pixel by pixel

    Returns
    -------
    tensor of shape (n_groups, n_statistics); the layout is that of :func:`layout`
    """
    parts = []
    finest = wavelets.average(maps, maps.shape[0] >> 2 * settings.first_scale)
    for group, scales in zip(groups(settings.orientation), operators.scales, strict=True):
        chosen = tf.stack([finest[..., STOKES.index(name)] for name in group], axis=-1)
        for scale in covariance.coefficients(chosen, scales, n_groups):
            parts += scale
    if operators.spin is not None:
        physical = maps * operators.deviation + operators.mean
        spectra = harmonics.spectra(operators.spin, physical, settings.l1)
        spectra = tf.reshape(spectra, (n_groups, -1, *spectra.shape[1:]))
        parts.append(tf.reduce_mean(spectra, axis=1))
    if operators.stripes is not None:
        n_zones = 12 * settings.stripe_zones**2
        parts.append(along_stripes.correlations(operators.stripes, maps, n_zones, n_groups))
    if settings.scatter:
        parts.append(_variance(spectra[:, :, 0]))
    return tf.concat([tf.reshape(part, (n_groups, -1)) for part in parts], axis=-1)


def _variance(values: tf.Tensor) -> tf.Tensor:
    """Unbiased variance over the maps of (n_groups, maps of a group, ...); of one map, itself."""
    if values.shape[1] == 1:
        return values
    deviation = values - tf.reduce_mean(values, axis=1, keepdims=True)
    return tf.reduce_sum(deviation**2, axis=1) / (values.shape[1] - 1)


def members(settings: Emulator, lmax: int, name: str) -> np.ndarray:
    """Which statistics make up a term of the loss: bool array of shape (n_statistics,)."""
    names = term_names(settings)
    return layout(settings, lmax)[0] == (names.index(name) if name in names else len(names))


def layout(settings: Emulator, lmax: int) -> tuple[np.ndarray, np.ndarray]:
    """Which term every statistic belongs to, and which ones are one complex number.

    Returns
    -------
    term : int array of shape (n_statistics,), index into :func:`term_names`, -1 for
        those left out of the loss (repeated elements, ℓ < 2)
    coefficient : int array of shape (n_statistics,), the same number for the real
        and the imaginary part of one coefficient
    """
    terms, numbers = [], []
    count = 0
    for group in groups(settings.orientation):
        wanted = [group] if settings.orientation == "separate" else TERMS
        for labels in covariance.labels(settings.n_scales, settings.n_orientations, group):
            for name, label in zip(labels._fields, labels, strict=True):
                of_label = [
                    TERMS.index(x[1]) if x and x[1] in wanted else -1 for x in label.ravel()
                ]
                number = count + np.arange(label.size)
                copies = 2 if name == "covariance" else 1
                terms.append(np.tile(of_label, copies))
                numbers.append(np.tile(number, copies))
                count += label.size
    names, ell = term_names(settings), np.arange(lmax + 1)
    n_stripes = len(along_stripes.BESIDE) * len(along_stripes.lags(settings.n_scales))
    optional = {
        "spectra": np.tile(ell >= 2, 6),
        "stripes": np.full(n_stripes * 12 * settings.stripe_zones**2 * 4, True),
        "scatter": np.tile(ell >= 2, 3),
    }
    for name in names[len(TERMS) :]:
        terms.append(np.where(optional[name], names.index(name), -1))
        numbers.append(count + np.arange(optional[name].size))
        count += optional[name].size
    return np.concatenate(terms), np.concatenate(numbers)


def loss_weights(settings: Emulator, lmax: int, of_inputs: np.ndarray) -> np.ndarray:
    """Weights of squared deviations in each term, shape (n_terms, n_statistics).

    Parameters
    ----------
    of_inputs : array of shape (n_inputs, n_statistics), Φ of every input map
    """
    term, coefficient = layout(settings, lmax)
    variance = np.bincount(coefficient, of_inputs.var(axis=0))[coefficient]
    weights = np.zeros((len(term_names(settings)), len(term)))
    for number, row in enumerate(weights):
        mine = term == number
        floor = 1e-12 * np.median(variance[mine])
        row[mine] = 1 / np.maximum(variance[mine], floor) / len(np.unique(coefficient[mine]))
    return weights
