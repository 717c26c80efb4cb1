"""A covariance that is good in leading modes, completed to one that is right in all values.

Inputs turned about an axis are few maps, seen many times. Their covariance T is good in leading
modes. In many others it has next to no power, and a solve in all values makes these count most. So
T is mixed with regressions L of every value on its neighbours in draws of T, which have full rank
and the same variances. The leading directions V of T, k of n, keep what T says of them; all else
is, given these, as the mixture R says (:mod:`fewtomany.covariance.scales`):

    R = s C,   C = (1 − λ) T + λ L.

Of held-out maps x, N of them, λ has the largest likelihood, given their V x, under the best
multiple:

    s = Σ_x [ xᵀ C⁻¹ x − (V x)ᵀ (V C Vᵀ)⁻¹ V x ] / N (n − k),
    ln L(λ) = −½ N [ (n − k) (1 + ln s) + ln det C − ln det V C Vᵀ ].

V are T's own modes, in which T has more than other maps: a multiple of T there would be too small.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy

from fewtomany.covariance import regressions, scales
from fewtomany.covariance.base import BLOCK, Key, Model
from fewtomany.covariance.eigenmodes import RANK_TOLERANCE
from fewtomany.covariance.local import Local
from fewtomany.covariance.mixture import Mixture
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry

N_DRAWS = 400
"""Draws of T that regressions learn from."""

N_DIRECTIONS, SPARE, ITERATIONS = 800, 100, 2
"""Leading directions that are as T says, at most, or a quarter of all; how many more a subspace has
that holds them, and its iterations."""

SHARES, TOLERANCE = (1e-3, 0.99), 0.3
"""Bounds of λ, and how well ln λ / (1 − λ) is known."""


@dataclass(frozen=True, eq=False)
class Completed(Model, kind="completed"):
    """The covariance of the module's first lines.

    Its pixels have the variances of T times one number, the :attr:`inflation`.

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

    def with_large(self, large: Model) -> tuple[scales.TwoScales, float]:
        """Another covariance in the leading directions, R in all else; and its inflation."""
        weights = {
            "large": self.multiple * (1 - self.share),
            "near": self.multiple * self.share,
        }
        rest = Mixture.of({"large": self.large, "near": self.near}, weights)
        return scales.join(large, rest, self.directions, self.large.deviation)

    @property
    def start(self) -> Model:
        """T, whose draws have its texture and variances."""
        return self.large.start

    @cached_property
    def _both(self) -> tuple[scales.TwoScales, float]:
        return self.with_large(self.large)

    @property
    def whole(self) -> scales.TwoScales:
        """The same as a covariance of two scales."""
        return self._both[0]

    @property
    def inflation(self) -> float:
        """How many times those of T its variances are."""
        return self._both[1]

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
) -> Completed:
    """A covariance completed as held-out maps like it best.

    Those of one fold: all their values have a say, and every λ that is tried takes a matrix.

    Parameters
    ----------
    large : T, made of all maps
    unseen : array of shape (n_held, n), K: the maps of a fold
    of_others : T, made of the others
    seed, key : draws use streams that begin with ``key``
    known : how many times s is too large, as a mean was taken off the maps of the fold
    """
    matrix = of_others.dense()
    near = neighbours(of_others, seed, (*key, "near", "fold")).dense()
    rows = leading(of_others, matrix, seed, (*key, "leading", "fold"))
    share, multiple = choose(Judge.of(unseen, matrix, near, rows))
    del matrix, near
    return Completed(
        large.components,
        large.sky,
        large,
        neighbours(large, seed, (*key, "near")),
        leading(large, large.dense(), seed, (*key, "leading")),
        share,
        multiple / known,
    )


def neighbours(large: Model, seed: int, key: Key) -> Local:
    """L: regressions on neighbours in draws of T, with its variances."""
    drawn = large.draw(seed, key, 0, N_DRAWS)
    own = np.sqrt(np.mean(drawn**2, axis=0))
    found = regressions.learn(drawn, own, large.components, large.sky)
    return found.scaled(large.deviation)


def leading(large: Model, matrix: np.ndarray, seed: int, key: Key) -> np.ndarray:
    """Leading modes of T, whose matrix (n, n) is given: orthonormal rows (k, n)."""
    n = len(matrix)
    size = min(N_DIRECTIONS, max(n // 4, 1))
    found = large.draw(seed, key, 0, min(size + SPARE, n)).reshape(-1, n)
    for _ in range(ITERATIONS):
        found = np.linalg.qr(found.T)[0].T @ matrix
    found = np.linalg.qr(found.T)[0].T
    values, vectors = np.linalg.eigh(found @ matrix @ found.T)
    kept = np.flatnonzero(values > RANK_TOLERANCE * values[-1])[::-1][:size]
    return vectors[:, kept].T @ found


@dataclass(frozen=True, eq=False)
class Judge:
    """Held-out maps of a fold, T and L, and the same in the directions V.

    Attributes
    ----------
    maps, there : arrays of shape (n_held, n) and (n_held, k)
    large, near : T and L, (n, n)
    large_there, near_there : (k, k)
    """

    maps: np.ndarray
    there: np.ndarray
    large: np.ndarray
    near: np.ndarray
    large_there: np.ndarray
    near_there: np.ndarray

    @classmethod
    def of(cls, maps: np.ndarray, large: np.ndarray, near: np.ndarray, rows: np.ndarray) -> "Judge":
        within = (rows @ large @ rows.T, rows @ near @ rows.T)
        return cls(maps, maps @ rows.T, large, near, *within)

    @property
    def n_values(self) -> int:
        """N (n − k)."""
        return self.maps.size - self.there.size

    def ask(self, share: float) -> tuple[float, float]:
        """Σ χ², and Σ ln det, of the maps given what they are in V, under C; infinite, singular."""
        whole = _chi2(self.maps, _mixed(self.large, self.near, share))
        there = _chi2(self.there, _mixed(self.large_there, self.near_there, share))
        return whole[0] - there[0], whole[1] - there[1]


def choose(judge: Judge) -> tuple[float, float]:
    """λ and s under which held-out maps are likeliest."""

    def judged(odds: float) -> tuple[float, float]:
        """−ln L per value, and s; of ln λ / (1 − λ)."""
        chi2, logs = judge.ask(scipy.special.expit(odds))
        scale = chi2 / judge.n_values
        if not np.isfinite(scale):
            return np.inf, 1.0
        return 0.5 * (1 + np.log(scale) + logs / judge.n_values), scale

    found = scipy.optimize.minimize_scalar(
        lambda odds: judged(odds)[0],
        bounds=scipy.special.logit(SHARES),
        method="bounded",
        options={"xatol": TOLERANCE},
    )
    return float(scipy.special.expit(found.x)), float(judged(found.x)[1])


def _mixed(large: np.ndarray, near: np.ndarray, share: float) -> np.ndarray:
    """(1 − λ) T + λ L, with one more matrix in memory and no other."""
    found = np.subtract(near, large)
    found *= share
    found += large
    return found


def _chi2(maps: np.ndarray, matrix: np.ndarray) -> tuple[float, float]:
    """Σ xᵀ C⁻¹ x of maps (n_maps, n), and n_maps ln det C; infinite of a singular C.

    C is overwritten.
    """
    try:
        root = scipy.linalg.cholesky(matrix.T, lower=True, overwrite_a=True, check_finite=False)
    except scipy.linalg.LinAlgError:
        return np.inf, np.inf
    white = scipy.linalg.solve_triangular(root, maps.T, lower=True, check_finite=False)
    return float(np.sum(white**2)), float(2 * len(maps) * np.log(np.diagonal(root)).sum())
