"""Scattering covariances of maps, auto and cross (arXiv:2503.11643, Eq. 1).

For a wavelet λ₁ = (j₁, γ₁) take the vector of fields

    X(λ₁) = ( I∗ψ₁ ,  |I∗ψ_λ|∗ψ₁ for every λ as fine as λ₁ or finer ),

of every Stokes component I. The sky covariance of this one vector,
Cov[X, Y] = ⟨XY*⟩ − ⟨X⟩⟨Y*⟩, holds S3 (first entry against the others) and S4 (the
others among themselves), for one component (auto) or two (cross). With

    S1 = ⟨|I∗ψ|⟩,  S2 = ⟨|I∗ψ|²⟩,

the fields I∗ψ₁ and |I∗ψ_λ| are divided by √S2 of their own map and wavelet
(Section 3.2), so that

    S̄1 = S1/√S2,  S̄3 = S3/√(S2(λ₁) S2(λ₂)),  S̄4 = S4/√(S2(λ₂) S2(λ₃)),

λ₂ and λ₃ being the wavelets inside the moduli; S2 keeps its scale. The cross
S2 is the covariance of the first entries of two components, likewise divided.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fewtomany.late import pandas as pd
from fewtomany.scattering import gram, stencil, wavelets
from fewtomany.scattering.wavelets import Scale, SecondLayer

_TINY = 1e-30


class Coefficients(NamedTuple):
    """Coefficients of one scale j₁ = λ₁'s, for F Stokes components and G groups of maps.

    Attributes
    ----------
    s1 : (G, R, F), S̄1
    s2 : (G, R, F), S2
    covariance : (G, 2, R, K, K), real and imaginary part of the covariance of
        X(λ₁); the K entries are the F fields I∗ψ₁, then |I∗ψ_λ|∗ψ₁ with the scale
        j of λ slowest, then its orientation, then the component
    """

    s1: tf.Tensor
    s2: tf.Tensor
    covariance: tf.Tensor


def coefficients(
    maps: tf.Tensor, scales: list[Scale], n_groups: int = 1, raw: bool = False
) -> list[Coefficients]:
    """Scattering covariances, from the finest to the coarsest scale.

    Parameters
    ----------
    maps : tensor of shape (n_pix, n_maps, F), in the grid's order
    scales : operators of :func:`fewtomany.scattering.wavelets.build_scales`
    n_groups : the coefficients are averaged over groups of n_maps / n_groups consecutive maps
        (the mean-field statistic of Eq. 4): n_maps groups give every map its own
    raw : divide nothing by √S2 and subtract no means (as the published code does)

    Returns
    -------
    list of Coefficients, one per scale
    """
    result = []
    moduli: list[tf.Tensor] = []
    norms: list[tf.Tensor] = []  # 1/√S2 of every modulus
    n_pix, n_maps, n_components = maps.shape
    for scale, coarser in itertools.zip_longest(scales, scales[1:]):
        layer = stencil.apply(scale.wavelets, _flat(maps))
        layer = tf.reshape(layer, (n_pix, -1, 2, n_maps, n_components))
        power = tf.reduce_sum(layer**2, axis=2)
        modulus = tf.sqrt(power + _TINY)
        s2 = _once(wavelets.sky_mean(power, scale.weight))
        norm = tf.ones_like(s2) if raw else tf.math.rsqrt(s2 + _TINY)
        s1 = _once(wavelets.sky_mean(modulus, scale.weight)) * norm
        moduli.append(_entries_last(modulus))
        norms.append(tf.reshape(tf.transpose(norm, (1, 0, 2)), (n_maps, -1)))
        inside = tf.concat(moduli, axis=2)
        if scale.second is None:
            fields = tf.concat([maps, inside], axis=2)
            mean, products = _mean_of_layer(scale, fields), gram.sums(scale.form, fields)
        else:
            second = _second_layer(scale.second, inside, n_components)
            mean, products = _directly(tf.concat([layer, second], axis=-1))
        covariance = products / n_pix
        if not raw:
            covariance -= _products_of_means(mean)
        covariance *= _norms_of_pairs(norm, tf.concat(norms, axis=1))
        values = (tf.transpose(s1, (1, 0, 2)), tf.transpose(s2, (1, 0, 2)), covariance)
        result.append(Coefficients(*(_group_means(value, n_groups) for value in values)))
        if coarser is not None:
            n_pix = coarser.wavelets.total.shape[1]
            maps, inside = (
                tf.reshape(wavelets.coarsen(scale, n_pix, _flat(x)), (n_pix, n_maps, -1))
                for x in (maps, inside)
            )
            moduli = [_once(inside)]
    return result


@tf.custom_gradient
def _once(x: tf.Tensor):
    """x itself; its gradient goes through a matrix product.

    Else XLA computes the gradient of a mean or of a coarser map, and all that it is made of, anew
    for every pixel that it is added to.
    """

    def gradient(dy):
        rows = tf.reshape(dy, (-1, dy.shape[-1]))
        return tf.reshape(tf.matmul(rows, tf.eye(dy.shape[-1], dtype=dy.dtype)), dy.shape)

    return tf.identity(x), gradient


def _flat(fields: tf.Tensor) -> tf.Tensor:
    return tf.reshape(fields, (fields.shape[0], -1))


def _second_layer(second: SecondLayer, inside: tf.Tensor, n_components: int) -> tf.Tensor:
    """|I∗ψ_λ|∗ψ₁ of the inner moduli (n_pix, n_maps, J·R·F), of operators of its own.

    Returns
    -------
    tensor of shape (n_pix, R, 2, n_maps, J·R·F)
    """
    transform = stencil.apply(second.wavelets, _flat(inside))
    transform = tf.reshape(transform, (inside.shape[0], -1, 2, *inside.shape[1:]))
    shape = (*transform.shape[:4], -1, second.mixing.shape[-1], n_components)
    mixed = tf.einsum("pmkc,pmrbjcf->pmrbjkf", second.mixing, tf.reshape(transform, shape))
    return tf.reshape(mixed, transform.shape)


def _mean_of_layer(scale: Scale, fields: tf.Tensor) -> tf.Tensor:
    """Mean over pixels of fields (n_pix, n_maps, K) ∗ ψ₁: (n_maps, 2, R, K)."""
    mean = tf.matmul(scale.wavelets.total, _flat(fields)) / fields.shape[0]
    mean = tf.reshape(mean, (-1, 2, *fields.shape[1:]))
    return tf.transpose(mean, (2, 1, 0, 3))


def _directly(layers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Means and sums of products over pixels of X (n_pix, R, 2, n_maps, K).

    Returns
    -------
    tensors of shape (n_maps, 2, R, K) and (n_maps, 2, R, K, K)
    """
    re, im = tf.unstack(tf.transpose(layers, (2, 3, 1, 0, 4)))
    found = tf.complex(re, im)
    products = tf.matmul(found, tf.math.conj(found), transpose_a=True)
    mean = tf.transpose(tf.reduce_mean(layers, axis=0), (2, 1, 0, 3))
    return mean, tf.stack([tf.math.real(products), tf.math.imag(products)], axis=1)


def _entries_last(modulus: tf.Tensor) -> tf.Tensor:
    """(n_pix, R, n_maps, F) to (n_pix, n_maps, R·F)."""
    n_pix, _, n_maps, _ = modulus.shape
    return tf.reshape(tf.transpose(modulus, (0, 2, 1, 3)), (n_pix, n_maps, -1))


def _group_means(values: tf.Tensor, n_groups: int) -> tf.Tensor:
    """Means of (n_maps, ...) over the maps of every group: (G, ...)."""
    return tf.reduce_mean(tf.reshape(values, (n_groups, -1, *values.shape[1:])), axis=1)


def _products_of_means(mean: tf.Tensor) -> tf.Tensor:
    """⟨X⟩⟨X*⟩ of means (n_maps, 2, R, K): (n_maps, 2, R, K, K)."""
    re, im = tf.unstack(mean[..., None], axis=1)
    row_re, row_im = re, im
    re, im = tf.linalg.matrix_transpose(re), tf.linalg.matrix_transpose(im)
    return tf.stack([row_re * re + row_im * im, row_im * re - row_re * im], axis=1)


def _norms_of_pairs(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """1/√S2 of both entries: of I∗ψ₁ (R, n_maps, F), of the moduli (n_maps, J·R·F).

    Returns
    -------
    tensor of shape (n_maps, 1, R, K, K)
    """
    first = tf.transpose(first, (1, 0, 2))
    second = tf.broadcast_to(second[:, None], (*first.shape[:2], second.shape[1]))
    both = tf.concat([first, second], axis=2)[:, None]
    return both[..., :, None] * both[..., None, :]


def pair_name(first: str, second: str) -> str:
    """Name of a pair of components: "QU", or "a.Q×b.Q" of longer names."""
    return first + ("" if len(first) == len(second) == 1 else "×") + second


def labels(n_scales: int, n_orientations: int, stokes: Sequence[str]) -> list[Coefficients]:
    """What each coefficient is, in the layout of :func:`coefficients`.

    Parameters
    ----------
    stokes : name of every component, "QU" or ("a.Q", "a.U", "b.Q", "b.U")

    Returns
    -------
    list of Coefficients of object arrays; every element is a tuple (statistic,
    components, j1, γ1, j2, γ2, j3, γ3), unused indices -1, or None for the
    elements that repeat another one (S4 counts all orders j2 ≤ j3, as the paper).
    Arrays of the covariance have shape (R, K, K): one label for both parts.
    """
    result = []
    inside: list[tuple[int, int, int]] = []  # component, scale, orientation
    for j1 in range(n_scales):
        inside += [(f, j1, g) for g in range(n_orientations) for f in range(len(stokes))]
        entries = [(f, -1, -1) for f in range(len(stokes))] + inside
        s1 = np.empty((n_orientations, len(stokes)), object)
        s2 = np.empty_like(s1)
        covariance = np.empty((n_orientations, len(entries), len(entries)), object)
        for g1 in range(n_orientations):
            for f, name in enumerate(stokes):
                s1[g1, f] = ("S1", name, j1, g1, -1, -1, -1, -1)
                s2[g1, f] = ("S2", name, j1, g1, -1, -1, -1, -1)
            for row, a in enumerate(entries):
                for column, b in enumerate(entries):
                    covariance[g1, row, column] = _label(a, b, stokes, j1, g1)
        result.append(Coefficients(s1, s2, covariance))
    return result


def _label(a, b, stokes: Sequence[str], j1: int, g1: int):
    """Label of Cov[a, b] at λ₁, or None if another element stands for it."""
    (fa, ja, ga), (fb, jb, gb) = a, b
    if jb < 0:  # b is a first-layer field
        if ja < 0 and fa < fb:
            return ("S2", pair_name(stokes[fa], stokes[fb]), j1, g1, -1, -1, -1, -1)
        return None
    if ja < 0:
        low, high = min(fa, fb), max(fa, fb)
        pair = stokes[fa] if fa == fb else pair_name(stokes[low], stokes[high])
        return ("S3" if fa <= fb else "S3'", pair, j1, g1, jb, gb, -1, -1)
    if fa > fb or ja > jb:
        return None
    pair = stokes[fa] if fa == fb else pair_name(stokes[fa], stokes[fb])
    return ("S4", pair, j1, g1, ja, ga, jb, gb)


INDEX = ["statistic", "components", "j1", "gamma1", "j2", "gamma2", "j3", "gamma3"]


def to_frame(values: list[Coefficients], stokes: Sequence[str]) -> "pd.DataFrame":
    """Coefficients of :func:`coefficients` as a labelled table.

    Returns
    -------
    DataFrame of complex columns, one per group of maps, indexed by :data:`INDEX`
    """
    n_orientations = values[0].s1.shape[-2]
    keys, columns = [], []
    for label, value in zip(labels(len(values), n_orientations, stokes), values, strict=True):
        covariance = np.asarray(value.covariance)
        parts = (
            np.asarray(value.s1),
            np.asarray(value.s2),
            covariance[..., 0, :, :, :] + 1j * covariance[..., 1, :, :, :],
        )
        for names, part in zip(label, parts, strict=True):
            used = np.not_equal(names, None)
            keys += list(names[used])
            columns.append(part[..., used].reshape(-1, used.sum()))
    index = pd.MultiIndex.from_tuples(keys, names=INDEX)
    return pd.DataFrame(np.concatenate(columns, axis=1).T, index=index).sort_index()
