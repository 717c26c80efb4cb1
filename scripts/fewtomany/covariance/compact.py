"""Any covariance of many values as leading modes and a sparse factor of what they leave.

C = XᵀX + L: X are leading modes, found by their products with C; L are regressions of every value
on its neighbours (:mod:`fewtomany.covariance.local`), learnt from draws of C of which these modes
are taken off, and scaled to the variance that is left in every pixel. So the whole has full rank
and the pixel variances of C; C⁻¹ x and ln det C follow from Woodbury's identity in as many steps as
there are modes and neighbours, without a matrix.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from fewtomany.covariance import regressions
from fewtomany.covariance.base import BLOCK, Dense, Key, Model
from fewtomany.covariance.eigenmodes import Modes, modes_of_factor
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.local import Local
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry

N_MODES, LEAST_MODES = 512, 8
N_DRAWS, LEAST_DRAWS = 1024, 64
MEMORY = 5e7
"""Values of all modes, and of all draws, at most; but for the least numbers of these."""

ROUGHLY = 0.3
"""How far the variance that modes leave may be from that of draws."""

ITERATIONS = 3
"""Products with C that turn draws into leading modes."""

NEGLIGIBLE = 1e-3
"""Least share of a pixel's variance that is left to the neighbours."""

FORMED = 16_000
"""Values of a map up to which noise is added to the matrix itself."""


@dataclass(frozen=True, eq=False)
class Compact(Model, kind="modes and local"):
    """C = XᵀX + L.

    Attributes
    ----------
    components, sky : of the maps
    modes : array of shape (n_modes, n_components, n_pix), K: X
    local : L
    """

    components: Components
    sky: Geometry
    modes: np.ndarray
    local: Local

    @cached_property
    def _rows(self) -> np.ndarray:
        """X as rows (n_modes, n), float64."""
        return self.modes.reshape(len(self.modes), len(self)).astype(np.float64)

    @cached_property
    def variance(self) -> np.ndarray:
        return np.sum(self._rows**2, axis=0) + self.local.variance

    def times(self, x: np.ndarray) -> np.ndarray:
        return (x @ self._rows.T) @ self._rows + self.local.times(x)

    def within(self, directions: np.ndarray) -> np.ndarray:
        along = self._rows @ directions.T
        return along.T @ along + self.local.within(directions)

    def dense(self) -> np.ndarray:
        found = self.local.dense()
        found += self._rows.T @ self._rows
        return found

    def draw(self, seed: int, key: Key, start: int, stop: int, block: int = BLOCK) -> np.ndarray:
        """As of ``Model.draw``; the streams of map k go on with "modes" and "local"."""
        of_modes = Factor.of_rows(self.components, self.sky, self._rows)
        found = of_modes.draw(seed, (*key, "modes"), start, stop, block)
        return found + self.local.draw(seed, (*key, "local"), start, stop, block)

    @cached_property
    def _inner(self) -> tuple[np.ndarray, np.ndarray]:
        """Of Woodbury's identity: L⁻¹ Xᵀ as rows, and the Cholesky factor of 1 + X L⁻¹ Xᵀ."""
        solved = self.local.solve(self._rows)
        inner = np.eye(len(self._rows)) + self._rows @ solved.T
        return solved, scipy.linalg.cholesky(inner, lower=True, check_finite=False)

    def solve(self, x: np.ndarray) -> np.ndarray:
        solved, root = self._inner
        flat = x.reshape(-1, len(self))
        along = scipy.linalg.cho_solve((root, True), solved @ flat.T)
        return (self.local.solve(flat) - along.T @ solved).reshape(x.shape)

    def log_determinant(self) -> float:
        root = self._inner[1]
        return float(self.local.log_determinant() + 2 * np.log(np.diagonal(root)).sum())

    def plus(self, variance: np.ndarray | float) -> Model:
        """C and independent noise; above ``FORMED`` values L and the noise are learnt anew."""
        if len(self) <= FORMED:
            matrix = self.dense()
            matrix[np.diag_indices_from(matrix)] += variance
            return Dense(self.components, self.sky, matrix)
        noise = np.broadcast_to(np.sqrt(variance), len(self)).reshape(self.shape)
        drawn = self.local.draw(0, ("compact", "local"), 0, n_draws(len(self)))
        drawn += Factor.diagonal(self.components, self.sky, noise).draw(
            0, ("compact", "noise"), 0, len(drawn)
        )
        deviation = np.sqrt(self.local.variance.reshape(self.shape) + noise**2)
        return Compact(self.components, self.sky, self.modes, regressed(self, drawn, deviation))

    def leading(self, n_modes: int) -> Modes:
        """Leading modes of X alone."""
        return modes_of_factor(self._rows, n_modes)[1]


def of_model(model: Model, seed: int, key: tuple[str | int, ...]) -> Compact:
    """A covariance as leading modes and a sparse factor.

    Parameters
    ----------
    seed, key : draws use streams that begin with ``key``
    """
    n, shape = len(model), (-1, *model.shape)
    values, basis = leading(model, model.draw(seed, (*key, "modes"), 0, n_modes(n)))
    rows = np.sqrt(values)[:, None] * basis
    drawn = model.draw(seed, (*key, "left"), 0, n_draws(n)).reshape(-1, n)
    drawn -= (drawn @ basis.T) @ basis
    left = np.maximum(model.variance - np.sum(rows**2, axis=0), NEGLIGIBLE * model.variance)
    # a difference of large numbers, and some models know their own variances from draws alone
    own = np.mean(drawn**2, axis=0)
    left = np.clip(left, own * (1 - ROUGHLY), own * (1 + ROUGHLY))
    deviation = np.sqrt(left).reshape(model.shape)
    local = regressed(model, drawn.reshape(shape), deviation)
    return Compact(model.components, model.sky, rows.astype(np.float32).reshape(shape), local)


def n_modes(n_values: int) -> int:
    """Modes that are kept of maps of so many values."""
    return min(int(np.clip(MEMORY / n_values, LEAST_MODES, N_MODES)), n_values // 2)


def n_draws(n_values: int) -> int:
    """Draws that a sparse factor is learnt from."""
    return int(np.clip(MEMORY / n_values, LEAST_DRAWS, N_DRAWS))


def leading(model: Model, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leading modes of a covariance, by its products with draws of it.

    Parameters
    ----------
    drawn : array of shape (k, n_components, n_pix), K

    Returns
    -------
    array of shape (k,), K², descending; orthonormal rows (k, n)
    """
    basis = drawn.reshape(len(drawn), len(model))
    for _ in range(ITERATIONS):
        basis = model.times(_orthonormal(basis))
    basis = _orthonormal(basis)
    values, vectors = np.linalg.eigh(model.within(basis))
    return values[::-1].clip(0), vectors.T[::-1] @ basis


def regressed(model: Model, drawn: np.ndarray, deviation: np.ndarray) -> Local:
    """The sparse factor of draws (n, n_components, n_pix), with deviations that are known."""
    own = np.sqrt(np.mean(drawn**2, axis=0))
    return regressions.learn(drawn, own, model.components, model.sky).scaled(deviation)


def _orthonormal(rows: np.ndarray) -> np.ndarray:
    """Orthonormal rows of the same span."""
    return scipy.linalg.qr(rows.T, mode="economic", check_finite=False)[0].T
