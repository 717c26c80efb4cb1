"""What a comparison keeps of a covariance of maps: small, and linear in the covariance.

A covariance at nside 16 has 6144 × 6144 elements. Every distance to the truth needs
less: the covariance in the truth's leading modes, the variance of every pixel, and the
covariances of some pixels with all others. These three parts make a :class:`View`. It is
linear in the covariance, so the view of a shrunk covariance is the same mixture of views,
and no matrix is ever formed for it.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fewtomany.covariance import Covariance, Model, Modes
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

SEPARATIONS_DEG = (0, 6, 15, 40, 180)
"""Bounds of the angular separations (degrees) of the classes of pairs."""

NAMED_PAIRS = 3
"""Pairs of components that are classes of their own, at most; of more, all are "cross"."""

ROWS = 384
"""About as many pixels have their correlations with all others compared, at most."""

PAIRS = 384 * 3 * 12 * 32**2
"""About as many pairs are compared, at most: of large maps fewer pixels with all others. A view
holds a number for every pair, and a comparison has some sixteen views at a time."""

BLOCK = 500
"""Maps in float64 at a time."""


@dataclass(frozen=True)
class View:
    """Parts of a covariance (K²), float64.

    Attributes
    ----------
    modes : array of shape (k, k), in the truth's leading modes, each in units of its true
        standard deviation: the unit matrix for the truth
    rows : array of shape (n_rows, n), some rows of the covariance
    variance : array of shape (n,), its diagonal
    """

    modes: np.ndarray
    rows: np.ndarray
    variance: np.ndarray

    def __add__(self, other: "View") -> "View":
        return View(
            self.modes + other.modes, self.rows + other.rows, self.variance + other.variance
        )

    def __mul__(self, factor: float) -> "View":
        return View(factor * self.modes, factor * self.rows, factor * self.variance)

    __rmul__ = __mul__

    def __sub__(self, other: "View") -> "View":
        return self + -1.0 * other


@dataclass(frozen=True)
class Viewer:
    """How covariances are looked at: the truth's modes and the chosen pixels.

    Attributes
    ----------
    truth : the true covariance in this view
    correlations : array of shape (n_rows, n), its correlations in the chosen rows
    truth_maps : maps the truth was estimated from; 0 for an exact one
    whitening : array of shape (n, k), K⁻¹: takes maps to whitened mode amplitudes
    rows : array of the indices of the chosen rows
    pairs : uint8 array of shape (n_rows, n), the class of every pair of pixels
    pair_names : names of the classes 1, 2, …; class 0 are the pixels with themselves
    """

    truth: View
    correlations: np.ndarray
    truth_maps: int
    whitening: np.ndarray
    rows: np.ndarray
    pairs: np.ndarray
    pair_names: tuple[str, ...]

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of values (n_rows, n) over the pairs of every class from 1 on."""
        return np.bincount(self.pairs.ravel(), values.ravel(), len(self.pair_names) + 1)[1:]

    @cached_property
    def of_truth(self) -> dict[str, np.ndarray]:
        """By class the pairs' "count", and sums of the true correlations ("total"), of their
        "square", and of the "noise" that as many maps as the truth's give these."""
        true = self.correlations
        noise = self.sums((1 - true**2) ** 2) / (self.truth_maps - 1) if self.truth_maps else 0
        count = np.bincount(self.pairs.ravel(), minlength=len(self.pair_names) + 1)[1:]
        return {
            "count": count,
            "total": self.sums(true),
            "square": self.sums(true**2),
            "noise": noise,
        }

    def held_against(self, others: "Sums") -> "Viewer":
        """The same with the covariance of some maps for the truth."""
        view = others.view()
        return replace(
            self, truth=view, correlations=correlations(view, self.rows), truth_maps=others.n_maps
        )

    def of_maps(self, maps: np.ndarray) -> View:
        """View of the sample covariance of maps (n_maps, n) about their mean."""
        return Sums.of(self, maps).view()

    def of_diagonal(self, variance: np.ndarray) -> View:
        """View of a diagonal covariance of the given variances (n,), K²."""
        rows = np.zeros((len(self.rows), len(variance)))
        rows[np.arange(len(self.rows)), self.rows] = variance[self.rows]
        modes = (self.whitening * variance[:, None]).T @ self.whitening
        return View(modes, rows, np.array(variance, np.float64))

    def of_model(self, model: Model) -> View:
        """View of a covariance that need not be formed."""
        return View(model.within(self.whitening.T), model.rows(self.rows), model.variance)


@dataclass(frozen=True)
class Sums:
    """Sums over maps from which the view of their covariance follows; they add up.

    Attributes
    ----------
    n_maps : number of maps
    total : array of shape (n,), K, sum of the maps
    products : sums of the products of map values, as a view
    viewer : the way of looking
    """

    n_maps: int
    total: np.ndarray
    products: View
    viewer: Viewer

    @classmethod
    def of(cls, viewer: Viewer, maps: np.ndarray) -> "Sums":
        """Sums over maps of shape (n_maps, n), K."""
        parts = (_sums_of(viewer, maps[k : k + BLOCK]) for k in range(0, len(maps), BLOCK))
        result = next(parts)
        for part in parts:
            result += part
        return result

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.n_maps + other.n_maps,
            self.total + other.total,
            self.products + other.products,
            self.viewer,
        )

    def without(self, other: "Sums") -> "Sums":
        """The sums over the maps that are not in ``other``."""
        return Sums(
            self.n_maps - other.n_maps,
            self.total - other.total,
            self.products - other.products,
            self.viewer,
        )

    def view(self) -> View:
        """View of the unbiased sample covariance about the mean."""
        mean = self.total / self.n_maps
        amplitude = mean @ self.viewer.whitening
        square = View(
            np.outer(amplitude, amplitude), np.outer(mean[self.viewer.rows], mean), mean**2
        )
        return (self.products - self.n_maps * square) * (1 / (self.n_maps - 1))


def _sums_of(viewer: Viewer, maps: np.ndarray) -> Sums:
    maps = maps.astype(np.float64)
    amplitudes = maps @ viewer.whitening
    products = View(
        amplitudes.T @ amplitudes, maps[:, viewer.rows].T @ maps, np.sum(maps**2, axis=0)
    )
    return Sums(len(maps), maps.sum(axis=0), products, viewer)


def make_viewer(truth: Covariance, modes: Modes) -> Viewer:
    """The way of looking that a true covariance and its leading modes set."""
    # an odd step meets every longitude of the rings, whose lengths are multiples of 4
    n_rows = min(ROWS, max(PAIRS // len(truth), 1))
    rows = np.arange(0, len(truth), max(len(truth) // n_rows, 1) | 1)
    view = View(np.eye(len(modes)), truth.rows(rows), truth.variance)
    whitening = modes.vectors.T / np.sqrt(modes.values)
    pairs, names = pair_classes(truth.sky, truth.components, rows)
    return Viewer(view, correlations(view, rows), truth.n_maps, whitening, rows, pairs, names)


def pair_classes(
    sky: Sky, components: Components, rows: Sequence[int]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class of the pairs of some values with all others: components, and separation.

    Within a component classes are named by their separation ("0-6", degrees); between two
    "cross 0-6" where there are but two components or more than :data:`NAMED_PAIRS` pairs,
    else "T×Q 0-6".

    Returns
    -------
    classes : uint8 array of shape (n_rows, n), 0 for a value with itself, else 1 + the
        place of its name
    names : of the classes
    """
    ranges = [f"{low}-{high}" for low, high in itertools.pairwise(SEPARATIONS_DEG)]
    n_pairs = len(components.pairs)
    kinds = ["", "cross "] if n_pairs else [""]
    group = np.where(np.eye(len(components), dtype=bool), 0, 1)
    if 1 < n_pairs <= NAMED_PAIRS:
        kinds = [""]
        for a, b in components.pairs:
            group[a, b] = group[b, a] = len(kinds)
            kinds.append(f"{components.names[a]}×{components.names[b]} ")
    classes = np.empty((len(rows), len(components), sky.n_pix), np.uint8)
    for row, index in zip(classes, rows, strict=True):
        component, pixel = divmod(index, sky.n_pix)
        cosine = np.clip(sky.vectors @ sky.vectors[pixel], -1, 1)
        place = 1 + np.searchsorted(SEPARATIONS_DEG[1:-1], np.degrees(np.arccos(cosine)))
        row[:] = place + len(ranges) * group[component][:, None]
        row[component, pixel] = 0
    names = tuple(kind + name for kind in kinds for name in ranges)
    return classes.reshape(len(rows), -1), names


def correlations(view: View, rows: np.ndarray) -> np.ndarray:
    """Correlations of the chosen pixels with all, (n_rows, n); 0 without variance."""
    deviation = np.sqrt(np.maximum(view.variance, 0))
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return view.rows * inverse[rows, None] * inverse
