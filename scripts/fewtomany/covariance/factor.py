"""Covariances of few rows and independent pixels, C = D (Xᵀ X + diag r²) D.

The inputs, isotropic maps, maps of a surrogate, independent pixels, leading modes and what they
leave are all of this form. No matrix is formed but for small ones.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy

from fewtomany.covariance import linear
from fewtomany.covariance.base import BLOCK, Key, Model, SingularError
from fewtomany.covariance.eigenmodes import RANK_TOLERANCE, Modes, modes_of_factor
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Factor(Model, kind="factor"):
    """C = D (Xᵀ X + diag r²) D.

    Attributes
    ----------
    maps : array of shape (n_rows, n_components, n_pix): X
    rest : array of shape (n_components, n_pix): r
    scale : array of the same shape, K: D
    """

    components: Components
    sky: Geometry
    maps: np.ndarray
    rest: np.ndarray
    scale: np.ndarray

    def __post_init__(self) -> None:
        for name, shape in (
            ("maps", self.maps.shape[1:]),
            ("rest", self.rest.shape),
            ("scale", self.scale.shape),
        ):
            if shape != self.shape:
                raise UserError(f"{name} of a covariance have shape {shape}, expected {self.shape}")

    @classmethod
    def of_rows(
        cls,
        components: Components,
        sky: Geometry,
        rows: np.ndarray,
        diagonal: np.ndarray | float = 0.0,
    ) -> "Factor":
        """YᵀY + diag(d) of rows Y (n_rows, n) or (n_rows, n_components, n_pix), K; d in K²."""
        shape = (len(components), sky.n_pix)
        rest = np.sqrt(np.broadcast_to(diagonal, len(components) * sky.n_pix)).reshape(shape)
        return cls(components, sky, rows.reshape(-1, *shape), rest, np.ones(shape))

    @classmethod
    def diagonal(cls, components: Components, sky: Geometry, deviation: np.ndarray) -> "Factor":
        """Independent values of deviations (n_components, n_pix), K."""
        none = np.zeros((0, *deviation.shape))
        return cls(components, sky, none, np.ones_like(deviation), deviation)

    def scaled(self, deviation: np.ndarray) -> "Factor":
        """The same correlations with other deviations (n_components, n_pix), K.

        Raises
        ------
        UserError : where a value has no variance, whose correlations are not known
        """
        own = self._own
        if not (own > 0).all():
            raise UserError("a pixel has no variance: its covariance can't be scaled")
        return replace(self, scale=deviation / np.sqrt(own))

    @property
    def _own(self) -> np.ndarray:
        """Diagonal of Xᵀ X + diag r², shape (n_components, n_pix)."""
        return np.sum(self.maps.astype(np.float64) ** 2, axis=0) + self.rest**2

    @cached_property
    def variance(self) -> np.ndarray:
        return (self.scale**2 * self._own).ravel()

    def _amplitudes(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """X D d and r D d of directions d (k, n): (n_rows, k) and (k, n)."""
        scaled = directions * self.scale.ravel()
        maps = self.maps.reshape(len(self.maps), len(self)).astype(np.float64, copy=False)
        return maps @ scaled.T, scaled * self.rest.ravel()

    def times(self, x: np.ndarray) -> np.ndarray:
        amplitudes, alone = self._amplitudes(x)
        found = (
            amplitudes.T @ self.maps.reshape(len(self.maps), len(self)) + alone * self.rest.ravel()
        )
        return found * self.scale.ravel()

    def within(self, directions: np.ndarray) -> np.ndarray:
        amplitudes, alone = self._amplitudes(directions)
        found = amplitudes.T @ amplitudes
        return found + alone @ alone.T if self.rest.any() else found

    def rows(self, chosen: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        rows = self._rows
        found = rows[:, chosen].T @ rows[:, columns]
        index = np.arange(len(self))
        same = index[chosen][:, None] == index[columns]
        return found + np.where(same, self._alone[columns], 0.0)

    def dense(self) -> np.ndarray:
        rows = self._rows
        found = rows.T @ rows
        found[np.diag_indices_from(found)] += self._alone
        return found

    @property
    def _rows(self) -> np.ndarray:
        """X D, shape (n_rows, n), float64."""
        return (self.maps * self.scale).reshape(len(self.maps), len(self))

    @property
    def _alone(self) -> np.ndarray:
        """Variance of the independent part, (n,)."""
        return ((self.rest * self.scale) ** 2).ravel()

    def draw(self, seed: int, key: Key, start: int, stop: int, block: int = BLOCK) -> np.ndarray:
        """As of ``Model.draw``; map k has the stream ``(*key, k)``."""
        rest = self.rest if self.rest.any() else None
        return linear.draw(self.maps, seed, key, start, stop, block, rest) * self.scale

    @cached_property
    def _inner(self) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Of Woodbury's identity: Y = X D, d = (r D)² and the factor of 1 + Y d⁻¹ Yᵀ."""
        rows, alone = self._rows, self._alone
        if (alone <= RANK_TOLERANCE * self.variance).any():
            if len(rows) < len(self):
                raise SingularError(f"a covariance of {len(self)} values is singular")
            return None
        inner = np.eye(len(rows)) + (rows / alone) @ rows.T
        return rows, alone, scipy.linalg.cholesky(inner, lower=True, check_finite=False)

    def solve(self, x: np.ndarray) -> np.ndarray:
        if self._inner is None:
            return super().solve(x)
        rows, alone, root = self._inner
        weighted = (x / alone).reshape(-1, len(self))
        small = scipy.linalg.cho_solve((root, True), rows @ weighted.T)
        return (weighted - (small.T @ rows) / alone).reshape(x.shape)

    def log_determinant(self) -> float:
        if self._inner is None:
            return super().log_determinant()
        _, alone, root = self._inner
        return float(np.log(alone).sum() + 2 * np.log(np.diagonal(root)).sum())

    def plus(self, variance: np.ndarray | float) -> "Factor":
        alone = self._alone + variance
        return Factor.of_rows(self.components, self.sky, self._rows, alone)

    def leading(self, n_modes: int) -> Modes:
        """Leading modes of the rows alone; exact where they are all there is."""
        return modes_of_factor(self._rows, n_modes)[1]
