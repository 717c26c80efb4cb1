"""A covariance from regressions of every value on its neighbours: sparse, of full rank, any sky.

The regressions (:mod:`fewtomany.covariance.regressions`) are a sparse inverse Cholesky factor,
W = diag(1/d) (1 − B) D⁻¹ with C⁻¹ = WᵀW and B strictly lower triangular in the order of pixels
from coarse to fine. Draws, products with C and C⁻¹ and ln det C take as many steps as there are
values times neighbours; no matrix is formed.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy

from fewtomany import seeds
from fewtomany.covariance import triangular
from fewtomany.covariance.base import BLOCK, Key, Model
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry

FORMED = 10_000
"""Values of a map above which pixel variances are those of draws: C would have 0.8 GB."""

N_DRAWS = 512
"""Of these, an error of 6% of a variance."""


@dataclass(frozen=True, eq=False)
class Local(Model, kind="local"):
    """C = D (1 − B)⁻¹ diag(d²) (1 − B)⁻ᵀ D.

    Attributes
    ----------
    components, sky : of the maps
    order : int64 array of shape (n_pix,): the pixel at every place, from coarse to fine
    near : int32 array of shape (n_pix, m): places of the neighbours of every place, the nearest
        first; −1 for none
    coefficients : array of shape (n_pix, n_components, (m + 1) n_components − 1): B of every place
        and component, on all components of its neighbours and on those before it of its own pixel
    left : array of shape (n_pix, n_components): d
    scale : array of shape (n_components, n_pix), K: D, pixels in the order of the maps
    """

    components: Components
    sky: Geometry
    order: np.ndarray
    near: np.ndarray
    coefficients: np.ndarray
    left: np.ndarray
    scale: np.ndarray

    def scaled(self, deviation: np.ndarray) -> "Local":
        """The same correlations with other deviations (n_components, n_pix), K."""
        return replace(self, scale=self.scale * deviation / self.deviation)

    def times(self, x: np.ndarray) -> np.ndarray:
        values = self._amplitudes(x) * self.left.reshape(-1, 1)
        triangular.forward(self.near, self.coefficients, values)
        return self._from_order(values)

    def within(self, directions: np.ndarray) -> np.ndarray:
        factor = self._amplitudes(directions)
        return factor.T @ factor

    def dense(self) -> np.ndarray:
        ordered = triangular.dense(self.near, self.coefficients, self.left**2)
        place = np.argsort(self._values)
        found = ordered[np.ix_(place, place)]
        found *= self.scale.ravel()
        found *= self.scale.reshape(-1, 1)
        return found

    @cached_property
    def variance(self) -> np.ndarray:
        if len(self) <= FORMED:
            ordered = triangular.dense(self.near, self.coefficients, self.left**2)
            found = np.empty(len(self))
            found[self._values] = np.diagonal(ordered)
            return found * self.scale.ravel() ** 2
        total = np.zeros(self.shape)
        for first in range(0, N_DRAWS, BLOCK):
            total += np.sum(self.draw(0, ("local", "variance"), first, first + BLOCK) ** 2, axis=0)
        return total.ravel() / N_DRAWS

    def draw(self, seed: int, key: Key, start: int, stop: int, block: int = BLOCK) -> np.ndarray:
        found = np.empty((stop - start, *self.shape))
        for first in range(start, stop, block):
            last = min(first + block, stop)
            numbers = seeds.standard_normal(seed, key, first, last, len(self))
            values = np.ascontiguousarray(numbers.T) * self.left.reshape(-1, 1)
            triangular.forward(self.near, self.coefficients, values)
            found[first - start : last - start] = self._from_order(values).reshape(-1, *self.shape)
        return found

    @cached_property
    def factor(self) -> "scipy.sparse.csr_array":
        """W of the module's first lines, (n, n), K⁻¹: rows in order, columns as in the maps."""
        n_pix, n_components, size = self.coefficients.shape
        places = np.concatenate([self.near, np.arange(n_pix, dtype=np.int32)[:, None]], axis=1)
        columns = (places[..., None] * n_components + np.arange(n_components)).reshape(n_pix, -1)
        own = np.arange(size + 1 - n_components, size + 1)
        used = np.repeat(
            np.repeat(places >= 0, n_components, axis=1)[:, None], n_components, axis=1
        )
        values = np.zeros((n_pix, n_components, size + 1))
        values[..., :-1] = -self.coefficients
        for component, last in enumerate(own):
            values[:, component, last] = 1
            used[:, component, last + 1 :] = False
        values /= self.left[..., None]
        columns = self._values[np.broadcast_to(columns[:, None], used.shape)[used]]
        starts = np.append(0, np.cumsum(used.reshape(len(self), -1).sum(axis=1)))
        data = values[used] / self.scale.ravel()[columns]
        return scipy.sparse.csr_array((data, columns, starts), shape=(len(self), len(self)))

    def solve(self, x: np.ndarray) -> np.ndarray:
        flat = x.reshape(-1, len(self)).T
        return (self.factor.T @ (self.factor @ flat)).T.reshape(x.shape)

    def log_determinant(self) -> float:
        return float(2 * (np.log(self.left).sum() + np.log(self.scale).sum()))

    @cached_property
    def _values(self) -> np.ndarray:
        """Place in a map, component by component, of every value in order, (n,)."""
        n_components, n_pix = self.shape
        return (self.order[:, None] + n_pix * np.arange(n_components)).ravel()

    def _amplitudes(self, x: np.ndarray) -> np.ndarray:
        """A factor of C in directions (k, n): (n, k), C there is its transpose times it."""
        values = np.ascontiguousarray((x * self.scale.ravel())[:, self._values].T)
        triangular.backward(self.near, self.coefficients, values)
        return values * self.left.reshape(-1, 1)

    def _from_order(self, values: np.ndarray) -> np.ndarray:
        """Values (n, k) in order as rows (k, n) of maps, K."""
        found = np.empty(values.shape[::-1])
        found[:, self._values] = values.T
        return found * self.scale.ravel()
