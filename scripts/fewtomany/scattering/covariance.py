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
from fewtomany.scattering.stencil import Stencil
from fewtomany.scattering.wavelets import Scale

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
    n_pix, n_maps, n_components = maps.shape
    in_blocks = gram.prefers_blocks(n_pix)
    for scale, coarser in itertools.zip_longest(scales, scales[1:]):
        layer = _wavelet_transform(scale.wavelets, maps)
        power = tf.reduce_sum(layer**2, axis=2)
        modulus = tf.sqrt(power + _TINY)
        s2 = wavelets.sky_mean(power, scale.weight)
        inverse_norm = tf.ones_like(s2) if raw else tf.math.rsqrt(s2 + _TINY)
        s1 = wavelets.sky_mean(modulus, scale.weight) * inverse_norm
        moduli.append(_entries_last(modulus * inverse_norm))
        inside = tf.concat(moduli, axis=2)
        first = layer * inverse_norm[:, None]
        if in_blocks and scale.second is None:
            second_mean = _mean_of_second(scale, inside)
            products = gram.of_layers(scale.wavelets, first, inside, scale.weight, n_groups)
        else:
            second, second_mean = _second_layer(scale, inside, n_components)
            both = tf.concat([first, second], axis=-1)
            if scale.weight is not None:
                both *= tf.sqrt(scale.weight)[:, None, None, None, None]
            products = [gram.of_rows(x, n_groups) for x in tf.unstack(both, axis=1)]
        mean = tf.concat([wavelets.sky_mean(first, scale.weight), second_mean], axis=-1)
        covariance = _covariance(products, mean, n_pix, n_groups, not raw)
        s1, s2 = _group_means(s1, n_groups), _group_means(s2, n_groups)
        result.append(Coefficients(s1, s2, covariance))
        if coarser is not None:
            n_pix = coarser.wavelets.index.shape[0]
            merged = wavelets.coarsen(scale, n_pix, _flat(tf.concat([maps, inside], axis=2)))
            merged = tf.reshape(merged, (n_pix, n_maps, -1))
            maps, moduli = merged[..., :n_components], [merged[..., n_components:]]
    return result


def _flat(fields: tf.Tensor) -> tf.Tensor:
    return tf.reshape(fields, (fields.shape[0], -1))


def _wavelet_transform(kernels: Stencil, fields: tf.Tensor) -> tf.Tensor:
    """I∗ψ of fields (n_pix, n_maps, n_fields): (n_pix, R, 2, n_maps, n_fields)."""
    transform = stencil.apply(kernels, _flat(fields))
    return tf.reshape(transform, (fields.shape[0], -1, 2, *fields.shape[1:]))


def _second_layer(scale: Scale, inside: tf.Tensor, n_components: int):
    """|I∗ψ_λ|∗ψ₁ of the inner moduli (n_pix, n_maps, J·R·F), and its mean over pixels."""
    if scale.second is None:
        return _wavelet_transform(scale.wavelets, inside), _mean_of_second(scale, inside)
    kernels, mixing = scale.second
    transform = _wavelet_transform(kernels, inside)
    shape = (*transform.shape[:4], -1, mixing.shape[-1], n_components)
    mixed = tf.einsum("pmkc,pmrbjcf->pmrbjkf", mixing, tf.reshape(transform, shape))
    mixed = tf.reshape(mixed, transform.shape)
    return mixed, tf.reduce_mean(mixed, axis=0)


def _mean_of_second(scale: Scale, inside: tf.Tensor) -> tf.Tensor:
    """Mean over pixels of |I∗ψ_λ|∗ψ₁ by the same wavelets: (R, 2, n_maps, J·R·F)."""
    mean = tf.matmul(scale.wavelets.total, _flat(inside)) / inside.shape[0]
    return tf.reshape(mean, (-1, 2, *inside.shape[1:]))


def _entries_last(modulus: tf.Tensor) -> tf.Tensor:
    """(n_pix, R, n_maps, F) to (n_pix, n_maps, R·F)."""
    n_pix, _, n_maps, _ = modulus.shape
    return tf.reshape(tf.transpose(modulus, (0, 2, 1, 3)), (n_pix, n_maps, -1))


def _group_means(values: tf.Tensor, n_groups: int) -> tf.Tensor:
    """Means of (R, n_maps, F) over the maps of every group: (G, R, F)."""
    n_orientations, _, n_components = values.shape
    grouped = tf.reshape(values, (n_orientations, n_groups, -1, n_components))
    return tf.transpose(tf.reduce_mean(grouped, axis=2), (1, 0, 2))


def _covariance(
    products: Sequence[tf.Tensor], mean: tf.Tensor, n_pix: int, n_groups: int, centred: bool
) -> tf.Tensor:
    """Cov[X, X], (G, 2, R, K, K), of sums over pixels and the mean of X (R, 2, n_maps, K)."""
    pairs = zip(products, tf.unstack(mean[None], axis=1), strict=True)
    return tf.stack([_of_orientation(*pair, n_pix, n_groups, centred) for pair in pairs], axis=2)


def _of_orientation(products, mean, n_pix: int, n_groups: int, centred: bool) -> tf.Tensor:
    """Cov[X, X], (G, 2, K, K), of sums (G, 2·K, 2·K) and the mean of X (1, 2, n_maps, K)."""
    _, _, n_maps, n_entries = mean.shape
    products = products / n_pix
    products = (products - gram.of_rows(mean, n_groups)) if centred else products
    products = products / (n_maps // n_groups)
    products = tf.reshape(products, (n_groups, 2, n_entries, 2, n_entries))
    re_re, re_im = products[:, 0, :, 0, :], products[:, 0, :, 1, :]
    im_re, im_im = products[:, 1, :, 0, :], products[:, 1, :, 1, :]
    return tf.stack([re_re + im_im, im_re - re_im], axis=1)


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
