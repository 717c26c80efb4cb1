"""The statistics Φ of normalized maps, as one vector, and the loss on them.

Φ is a list of blocks: the scattering covariances of every component and pair; unless switched
off, all auto and cross spectra; beyond the paper, the correlations along the stripes and the
variance of the spectra within the batch. Every block says what each of its values is, and
evaluates them. The loss (arXiv:2503.11643, Eq. 5) has one term for each component ("Q", "U"),
one for each pair ("QU"), one for "spectra", "stripes" and "scatter" each:

    loss = Σ_terms 1/n Σ_i |⟨Φ_i⟩_batch − target_i|² / σ_i²,

with n the coefficients of the term and σ_i their scatter over the input maps, or over Gaussian
maps like them where there are too few.
"""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from fewtomany.config.campaign import Emulator
from fewtomany.maps.components import Components
from fewtomany.scattering import covariance, wavelets
from fewtomany.scattering import stripes as along_stripes
from fewtomany.scattering.covariance import pair_name
from fewtomany.scattering.domains import Transform
from fewtomany.scattering.stencil import Stencil
from fewtomany.scattering.wavelets import Scale

LEFT_OUT = ""
"""Term of the values that do not enter the loss: repeated elements, the first bins of spectra."""


class Block(Protocol):
    """A piece of Φ."""

    def terms(self) -> np.ndarray:
        """Name of the loss term of every value, or :data:`LEFT_OUT`; (size,), str."""

    def coefficients(self) -> np.ndarray:
        """The same number for the real and the imaginary part of one coefficient; (size,), int."""

    def values(self, operators: Any, maps: tf.Tensor, n_groups: int) -> tf.Tensor:
        """The values, averaged over groups of n_maps / n_groups consecutive maps.

        Parameters
        ----------
        operators : tensors of this block
        maps : tensor of shape (n_pix, n_maps, F), nested, normalized

        Returns
        -------
        tensor of shape (n_groups, size)
        """


class Group(NamedTuple):
    """Components that share wavelets; each group gives its own covariances.

    Attributes
    ----------
    name : of the group, and of its only term unless the orientation is joint
    places : of its components
    """

    name: str
    places: tuple[int, ...]


def groups(orientation: str, components: Components) -> tuple[Group, ...]:
    """Groups of components by the orientation of the wavelets, "joint", "separate" or "none"."""
    names = components.names
    if orientation != "separate":
        return (Group("+".join(names), tuple(range(len(names)))),)
    alone = [Group(name, (place,)) for place, name in enumerate(names)]
    pairs = [Group(pair_name(names[a], names[b]), (a, b)) for a, b in components.pairs]
    return (*alone, *pairs)


class ScatteringOperators(NamedTuple):
    """Steps from the maps to the finest scale (None for means of consecutive pixels) and scales."""

    finer: tuple[Stencil, ...] | None
    scales: list[Scale]


@dataclass(frozen=True)
class Scattering:
    """Scattering covariances of a group of components."""

    group: Group
    names: tuple[str, ...]
    only: str | None
    n_scales: int
    first_scale: int
    n_orientations: int

    @functools.cached_property
    def _labels(self) -> tuple[np.ndarray, np.ndarray]:
        terms, numbers, count = [], [], 0
        for labels in covariance.labels(self.n_scales, self.n_orientations, self.names):
            for kind, label in zip(labels._fields, labels, strict=True):
                wanted = [
                    x[1] if x and self.only in (None, x[1]) else LEFT_OUT for x in label.ravel()
                ]
                copies = 2 if kind == "covariance" else 1
                terms.append(np.tile(np.array(wanted, object), copies))
                numbers.append(np.tile(count + np.arange(label.size), copies))
                count += label.size
        return np.concatenate(terms), np.concatenate(numbers)

    def terms(self) -> np.ndarray:
        return self._labels[0]

    def coefficients(self) -> np.ndarray:
        return self._labels[1]

    def values(self, operators: ScatteringOperators, maps: tf.Tensor, n_groups: int) -> tf.Tensor:
        if operators.finer is None:
            finest = wavelets.average(maps, operators.scales[0].wavelets.total.shape[1])
        else:
            finest = maps
            for step in operators.finer:
                flat = tf.reshape(finest, (finest.shape[0], -1))
                finest = wavelets.stencil.apply(step, flat)[:, 0]
                finest = tf.reshape(finest, (-1, *maps.shape[1:]))
        chosen = tf.stack([finest[..., place] for place in self.group.places], axis=-1)
        found = covariance.coefficients(chosen, operators.scales, n_groups)
        parts = [tf.reshape(part, (n_groups, -1)) for scale in found for part in scale]
        return tf.concat(parts, axis=-1)


class SpectraOperators(NamedTuple):
    """The transform into spectra, and what undoes the normalization.

    Attributes
    ----------
    transform : tables of the geometry
    mean, deviation : (n_pix, 1, F), of the inputs, nested, in units of the rms of each field
    """

    transform: Transform
    mean: tf.Tensor
    deviation: tf.Tensor


@dataclass(frozen=True)
class Spectra:
    """All spectra, p = 2 and p = 1, and with ``scatter`` the variance of the first in the group.

    That of groups of one map are the spectra themselves.
    """

    components: Components
    n_bins: int
    first_bin: int
    l1: str
    scatter: bool

    def terms(self) -> np.ndarray:
        used = np.arange(self.n_bins) >= self.first_bin
        n_spectra = len(self.components.spectra)
        parts = [np.where(np.tile(used, 2 * n_spectra), "spectra", LEFT_OUT)]
        if self.scatter:
            parts.append(np.where(np.tile(used, n_spectra), "scatter", LEFT_OUT))
        return np.concatenate(parts).astype(object)

    def coefficients(self) -> np.ndarray:
        return np.arange((3 if self.scatter else 2) * len(self.components.spectra) * self.n_bins)

    def values(self, operators: SpectraOperators, maps: tf.Tensor, n_groups: int) -> tf.Tensor:
        physical = maps * operators.deviation + operators.mean
        found = operators.transform.spectra(physical, self.components, self.l1)
        found = tf.reshape(found, (n_groups, -1, *found.shape[1:]))
        mean = tf.reshape(tf.reduce_mean(found, axis=1), (n_groups, -1))
        if not self.scatter:
            return mean
        return tf.concat([mean, tf.reshape(_variance(found[:, :, 0]), (n_groups, -1))], axis=-1)


def _variance(values: tf.Tensor) -> tf.Tensor:
    """Unbiased variance over the maps of (n_groups, maps of a group, ...); of one map, itself."""
    if values.shape[1] == 1:
        return values
    deviation = values - tf.reduce_mean(values, axis=1, keepdims=True)
    return tf.reduce_sum(deviation**2, axis=1) / (values.shape[1] - 1)


@dataclass(frozen=True)
class StripeCorrelations:
    """Correlations along the stripes of all components, zone by zone."""

    n_components: int
    n_zones: int
    n_scales: int

    def terms(self) -> np.ndarray:
        n_displacements = len(along_stripes.BESIDE) * len(along_stripes.lags(self.n_scales))
        size = n_displacements * self.n_zones * self.n_components**2
        return np.full(size, "stripes", object)

    def coefficients(self) -> np.ndarray:
        return np.arange(len(self.terms()))

    def values(self, operators: along_stripes.Stripes, maps: tf.Tensor, n_groups: int) -> tf.Tensor:
        found = along_stripes.correlations(operators, maps, self.n_zones, n_groups)
        return tf.reshape(found, (n_groups, -1))


@dataclass(frozen=True)
class Phi:
    """The statistics of a model: which blocks there are.

    Attributes
    ----------
    settings, components : of the model
    n_bins, first_bin : bins of a spectrum, and the first that constrains
    n_zones : zones of the stripes' correlations that hold an observed pixel; 0 without
    """

    settings: Emulator
    components: Components
    n_bins: int
    first_bin: int
    n_zones: int

    @functools.cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks, in the order of the vector Φ."""
        s, names = self.settings, self.components.names
        separate = s.orientation == "separate"
        found: list[Block] = [
            Scattering(
                group,
                tuple(names[place] for place in group.places),
                group.name if separate else None,
                s.n_scales,
                s.first_scale,
                s.n_orientations,
            )
            for group in groups(s.orientation, self.components)
        ]
        if s.spectra:
            found.append(Spectra(self.components, self.n_bins, self.first_bin, s.l1, s.scatter))
        if self.n_zones:
            found.append(StripeCorrelations(len(names), self.n_zones, s.n_scales))
        return tuple(found)

    @functools.cached_property
    def terms(self) -> np.ndarray:
        """Loss term of every statistic by name, (n_statistics,); :data:`LEFT_OUT` for none."""
        return np.concatenate([block.terms() for block in self.blocks])

    @functools.cached_property
    def term_names(self) -> tuple[str, ...]:
        """Names of the loss terms: components, pairs, then the others."""
        names = self.components.names
        pairs = [pair_name(names[a], names[b]) for a, b in self.components.pairs]
        others = [n for n in ("spectra", "stripes", "scatter") if (self.terms == n).any()]
        return (*names, *pairs, *others)

    @functools.cached_property
    def coefficients(self) -> np.ndarray:
        """Number of the coefficient that every statistic belongs to, (n_statistics,), int."""
        numbers, count = [], 0
        for block in self.blocks:
            numbers.append(count + block.coefficients())
            count = int(numbers[-1].max()) + 1
        return np.concatenate(numbers)

    def members(self, name: str) -> np.ndarray:
        """Which statistics make up a term of the loss: bool array of shape (n_statistics,)."""
        return self.terms == name

    def evaluate(self, operators: tuple, maps: tf.Tensor, n_groups: int = 1) -> tf.Tensor:
        """Φ of normalized maps, averaged over groups of n_maps / n_groups consecutive maps.

        Parameters
        ----------
        operators : of every block
        maps : tensor of shape (n_pix, n_maps, F), nested, normalized

        Returns
        -------
        tensor of shape (n_groups, n_statistics)
        """
        parts = [
            block.values(own, maps, n_groups)
            for block, own in zip(self.blocks, operators, strict=True)
        ]
        return tf.concat(parts, axis=-1)

    def loss_weights(self, variance: np.ndarray) -> np.ndarray:
        """Weights of squared deviations in each term, shape (n_terms, n_statistics).

        Parameters
        ----------
        variance : array of shape (n_statistics,), of Φ of single maps
        """
        variance = np.bincount(self.coefficients, variance)[self.coefficients]
        weights = np.zeros((len(self.term_names), len(self.terms)))
        for name, row in zip(self.term_names, weights, strict=True):
            mine = self.members(name)
            floor = 1e-12 * np.median(variance[mine])
            row[mine] = 1 / np.maximum(variance[mine], floor)
            row[mine] /= len(np.unique(self.coefficients[mine]))
        return weights
