"""A covariance that is good in leading modes, completed to one that is right in all values.

Inputs turned about an axis are few maps, seen many times. Their covariance T is good in leading
modes. In many others it has next to no power, and a solve in all values makes these count most. So
T is mixed with regressions L of every value on its neighbours in draws of T, which have full rank
and the same variances. The leading directions V of T, k of n, keep what T says of them; all else
is, given these, as the mixture R says (:mod:`fewtomany.covariance.scales`):

    R = s C,   C = (1 − λ) T + λ L.

Held-out maps x, given their V x, are likeliest under λ and s. V are T's own modes, in which T has
more than other maps: a multiple of T there would be too small.
"""

import functools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy

from fewtomany import seeds
from fewtomany.covariance import compact, scales
from fewtomany.covariance.base import BLOCK, Dense, Key, Model
from fewtomany.covariance.eigenmodes import RANK_TOLERANCE
from fewtomany.covariance.local import Local
from fewtomany.covariance.mixture import Mixture
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry

N_DRAWS = 400
"""Draws of T that regressions learn from."""

N_DIRECTIONS, SPARE = 800, 100
"""Leading directions that are as T says, at most, or a quarter of all; and how many more a subspace
has that holds them."""

SHARES, TOLERANCE = (1e-3, 0.99), 0.3
"""Bounds of λ, and how well ln λ / (1 − λ) is known."""


@dataclass(frozen=True, eq=False)
class Completed(Model, kind="completed"):
    """The covariance of the module's first lines.

    Its pixels have the variances of T times one number, the inflation.

    Attributes
    ----------
    large : T
    near : L
    directions : array of shape (k, n), orthonormal: leading modes of T
    share, multiple : λ and s
    """

    components: Components
    sky: Geometry
    large: Model
    near: Local
    directions: np.ndarray
    share: float
    multiple: float

    @cached_property
    def _along(self) -> np.ndarray:
        """V T, (k, n), K²: of so many directions by way of the matrix."""
        return self.directions @ self.large.dense()

    def with_large(self, large: Model | None = None) -> tuple[scales.TwoScales, float]:
        """Another covariance than T in the leading directions, R in all else; and its inflation."""
        multiples = {
            "large": self.multiple * (1 - self.share),
            "near": self.multiple * self.share,
        }
        rest = Mixture.of({"large": self.large, "near": self.near}, multiples)
        along = multiples["large"] * self._along
        along += multiples["near"] * self.near.times(self.directions)
        own = self._along @ self.directions.T if large is None else large.within(self.directions)
        return scales.join(own, rest, self.directions, self.large.deviation, along=along)

    @property
    def start(self) -> Model:
        """T, whose draws have its texture and variances."""
        return self.large.start

    @cached_property
    def whole(self) -> scales.TwoScales:
        """The same as a covariance of two scales."""
        return self.with_large()[0]

    def times(self, x: np.ndarray) -> np.ndarray:
        return self.whole.times(x)

    def within(self, directions: np.ndarray) -> np.ndarray:
        return self.whole.within(directions)

    def rows(self, chosen: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        return self.whole.rows(chosen, columns)

    @cached_property
    def variance(self) -> np.ndarray:
        return self.whole.variance

    def dense(self) -> np.ndarray:
        return self.whole.dense()

    def draw(self, seed: int, key: Key, start: int, stop: int, block: int = BLOCK) -> np.ndarray:
        """As of ``TwoScales.draw``."""
        return self.whole.draw(seed, key, start, stop, block)

    def solve(self, x: np.ndarray) -> np.ndarray:
        return self.whole.solve(x)

    def log_determinant(self) -> float:
        return self.whole.log_determinant()

    def about(self) -> dict[str, Any]:
        return {**super().about(), "share": self.share, "multiple": self.multiple}


def complete(
    large: Model,
    unseen: np.ndarray,
    of_others: Model,
    seed: int,
    key: tuple[str | int, ...],
    known: float = 1.0,
) -> tuple[Completed, float]:
    """A covariance completed as held-out maps like it best; and its inflation.

    Those of one fold: all their values have a say, and every λ that is tried takes a matrix.

    Parameters
    ----------
    large : T, made of all maps
    unseen : array of shape (n_held, n), K: the maps of a fold
    of_others : T, made of the others
    seed, key : draws use streams that begin with ``key``
    known : how many times s is too large, as a mean was taken off the maps of the fold
    """
    matrix = matrix_of(of_others)
    near = neighbours(of_others, seed, (*key, "near", "fold"))
    rows = leading(matrix, seed, (*key, "leading", "fold"))
    share, multiple = choose(unseen, matrix, matrix_of(near), rows)
    del matrix
    matrix = matrix_of(large)
    rows = leading(matrix, seed, (*key, "leading"))
    near = neighbours(large, seed, (*key, "near"))
    about = large.components, large.sky
    found = Completed(*about, large, near, rows, share, multiple / known)
    return found, replace(found, large=matrix).with_large()[1]


def matrix_of(model: Model) -> Dense:
    """The same as a matrix, whose products are fast."""
    return Dense(model.components, model.sky, model.dense())


def neighbours(large: Model, seed: int, key: Key) -> Local:
    """L: regressions on neighbours in draws of T, with its variances."""
    return compact.regressed(large, large.draw(seed, key, 0, N_DRAWS), large.deviation)


def leading(matrix: Dense, seed: int, key: Key) -> np.ndarray:
    """Leading modes of T: orthonormal rows (k, n)."""
    n = len(matrix)
    size = min(N_DIRECTIONS, max(n // 4, 1))
    start = seeds.standard_normal(seed, key, 0, min(size + SPARE, n), n)
    values, rows = compact.leading(matrix, start)
    return rows[values > RANK_TOLERANCE * values[0]][:size]


def choose(maps: np.ndarray, large: Dense, near: Dense, rows: np.ndarray) -> tuple[float, float]:
    """λ and s under which held-out maps (n_held, n), K, are likeliest given what they are in V."""
    parts = {"large": large, "near": near}
    within = {name: part.within(rows) for name, part in parts.items()}

    @functools.cache
    def judged(odds: float) -> scales.SmallScales:
        """Of ln λ / (1 − λ)."""
        share = scipy.special.expit(odds)
        weights = {"large": 1 - share, "near": share}
        mixed = matrix_of(Mixture.of(parts, weights))
        along = sum(weights[name] * within[name] for name in parts)
        return scales.SmallScales.of(maps, mixed, rows, along)

    found = scipy.optimize.minimize_scalar(
        lambda odds: -judged(odds).best / maps.size,
        bounds=scipy.special.logit(SHARES),
        method="bounded",
        options={"xatol": TOLERANCE},
    )
    return float(scipy.special.expit(found.x)), judged(found.x).scale
