"""A covariance of two scales: in leading directions as in one, in all else as in another.

Amplitudes a = V x of maps x in some directions V have the covariance A, and a map whose
amplitudes are known is what another covariance R says of it:

    C = R + Gᵀ (A − S) G,   G = S⁻¹ V R,   S = V R Vᵀ,
    C⁻¹ = R⁻¹ + Vᵀ (A⁻¹ − S⁻¹) V,   ln det C = ln det R + ln det A − ln det S.

The likelihood of a map is that of its amplitudes under A times that of the map, given these, under
R. So held-out maps judge the two apart: a mixture of few maps is good on large scales and holds
nothing of small ones, regressions on neighbours the other way round, and no weight that is the same
on all scales suits both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy

from fewtomany.covariance import heldout, linear
from fewtomany.covariance.base import BLOCK, Key, Model, SingularError
from fewtomany.covariance.eigenmodes import RANK_TOLERANCE
from fewtomany.covariance.local import FORMED, N_DRAWS
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry


@dataclass(frozen=True, eq=False)
class TwoScales(Model, kind="two scales"):
    """C of the module's first lines.

    Attributes
    ----------
    components, sky : of the maps
    directions : array of shape (k, n): V, of rank k
    amplitudes : array of shape (k, k), K²: A
    rest : R, of full rank
    """

    components: Components
    sky: Geometry
    directions: np.ndarray
    amplitudes: np.ndarray
    rest: Model

    def scaled(self, deviation: np.ndarray) -> "TwoScales":
        """The same correlations with other deviations (n_components, n_pix), K.

        Directions are divided by what the maps are multiplied by: amplitudes stay as they are, and
        G is multiplied by it.
        """
        by = deviation / self.deviation
        rest = self.rest.scaled(self.rest.deviation * by)
        found = replace(self, directions=self.directions / by.ravel(), rest=rest)
        carried, more = self._carried  # which the deviation has asked for
        object.__setattr__(found, "_carried", (carried * by.ravel(), more))
        object.__setattr__(found, "variance", np.square(deviation).ravel())
        return found

    @cached_property
    def _carried(self) -> tuple[np.ndarray, np.ndarray]:
        """G (k, n), and A − S (k, k)."""
        return self._carried_by(self.rest.times(self.directions))

    def _carried_by(self, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same of V R."""
        of_rest = along @ self.directions.T
        found = scipy.linalg.solve(of_rest, along, assume_a="pos", check_finite=False)
        return found, self.amplitudes - of_rest

    def knowing(self, along: np.ndarray) -> "TwoScales":
        """The same, of which V R (k, n) is known."""
        found = replace(self)
        object.__setattr__(found, "_carried", self._carried_by(along))
        return found

    def times(self, x: np.ndarray) -> np.ndarray:
        carried, more = self._carried
        return self.rest.times(x) + (x @ carried.T) @ more @ carried

    def within(self, directions: np.ndarray) -> np.ndarray:
        carried, more = self._carried
        along = directions @ carried.T
        return self.rest.within(directions) + along @ more @ along.T

    def rows(self, chosen: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        carried, more = self._carried
        return self.rest.rows(chosen, columns) + carried[:, chosen].T @ more @ carried[:, columns]

    @cached_property
    def variance(self) -> np.ndarray:
        carried, more = self._carried
        if len(self) <= FORMED:
            return self.rest.variance + np.einsum("ki,ki->i", more @ carried, carried)
        told = np.einsum("ki,ki->i", self.amplitudes @ carried, carried)
        return told + self._left

    @property
    def _left(self) -> np.ndarray:
        """Variance of values whose amplitudes are known, from draws of R, (n,), K².

        R itself knows its variances from draws, where values are many: less what the amplitudes
        tell, they might be negative.
        """
        total = np.zeros(len(self))
        for first in range(0, N_DRAWS, BLOCK):
            drawn = self.rest.draw(0, ("two scales", "variance"), first, first + BLOCK)
            drawn = drawn.reshape(BLOCK, -1)
            drawn -= (drawn @ self.directions.T) @ self._carried[0]
            total += np.sum(drawn**2, axis=0)
        return total / N_DRAWS

    def dense(self) -> np.ndarray:
        carried, more = self._carried
        found = self.rest.dense()
        found += carried.T @ (more @ carried)
        return found

    def draw(self, seed: int, key: Key, start: int, stop: int, block: int = BLOCK) -> np.ndarray:
        """As of ``Model.draw``; the streams of map k go on with "rest" and "leading"."""
        about = seed, (*key, "leading")
        found = np.empty((stop - start, *self.shape))
        for first in range(start - start % block, stop, block):
            last = first + block
            drawn = self.rest.draw(seed, (*key, "rest"), first, last, block)
            flat = drawn.reshape(block, len(self))
            drawn_there = linear.draw(self._symmetric_root[:, None], *about, first, last, block)
            flat += (drawn_there[:, 0] - flat @ self.directions.T) @ self._carried[0]
            low, high = max(first, start), min(last, stop)
            found[low - start : high - start] = drawn[low - first : high - first]
        return found

    @cached_property
    def _symmetric_root(self) -> np.ndarray:
        """A^½, (k, k), K."""
        values, vectors = np.linalg.eigh(self.amplitudes)
        return (vectors * np.sqrt(values.clip(0))) @ vectors.T

    @cached_property
    def _inverses(self) -> tuple[np.ndarray, float]:
        """A⁻¹ − S⁻¹ and ln det A − ln det S."""
        values, vectors = np.linalg.eigh(self.amplitudes)
        if values[0] <= RANK_TOLERANCE * values[-1]:
            raise SingularError(f"a covariance of {len(values)} directions is singular")
        rest_values, rest_vectors = np.linalg.eigh(self.amplitudes - self._carried[1])
        found = (vectors / values) @ vectors.T - (rest_vectors / rest_values) @ rest_vectors.T
        return found, float(np.log(values).sum() - np.log(rest_values).sum())

    def solve(self, x: np.ndarray) -> np.ndarray:
        along = (x.reshape(-1, len(self)) @ self.directions.T) @ self._inverses[0]
        return self.rest.solve(x) + (along @ self.directions).reshape(x.shape)

    def log_determinant(self) -> float:
        return self.rest.log_determinant() + self._inverses[1]


@dataclass(frozen=True)
class SmallScales:
    """What held-out maps say of a covariance R of small scales, given their amplitudes.

    Attributes
    ----------
    log_likelihood : of all maps together, nats, up to a constant; −∞ where R is singular
    chi2 : of all maps together
    n_values : that it has on average where R is right: maps times values that are left
    """

    log_likelihood: float
    chi2: float
    n_values: int

    @classmethod
    def of(
        cls,
        maps: np.ndarray,
        rest: Model,
        directions: np.ndarray,
        within: np.ndarray | None = None,
    ) -> "SmallScales":
        """Of maps (n_maps, n), K, of zero mean, and directions (k, n) of rank k.

        ``within`` is R in these directions, where that is known.
        """
        try:
            chi2 = np.sum(maps * rest.solve(maps))
            whole = -0.5 * (chi2 + len(maps) * rest.log_determinant())
        except SingularError:
            return cls(-np.inf, np.inf, maps.size)
        amplitudes = maps @ directions.T
        within = rest.within(directions) if within is None else within
        there = heldout.log_likelihood(amplitudes, within).sum()
        chi2 -= np.vdot(amplitudes, np.linalg.solve(within, amplitudes.T).T)
        return cls(float(whole - there), float(chi2), len(maps) * (maps.shape[1] - len(directions)))

    @classmethod
    def all(cls, some: Iterable["SmallScales"]) -> "SmallScales":
        """Of the maps of all folds."""
        parts = list(some)
        return cls(
            sum(part.log_likelihood for part in parts),
            sum(part.chi2 for part in parts),
            sum(part.n_values for part in parts),
        )

    @property
    def scale(self) -> float:
        """The multiple of R under which the maps are likeliest."""
        return self.chi2 / self.n_values

    @property
    def best(self) -> float:
        """Their log-likelihood under that multiple."""
        if not np.isfinite(self.chi2):
            return -np.inf
        gained = self.chi2 - self.n_values * (1 + np.log(self.scale))
        return self.log_likelihood + gained / 2


def likeliest(given: Sequence[Mapping[str, SmallScales]]) -> tuple[str, float]:
    """The covariance of small scales that the maps of all folds like best, and its multiple."""
    found = {name: SmallScales.all(fold[name] for fold in given) for name in given[0]}
    name = max(found, key=lambda name: found[name].best)
    return name, found[name].scale


def join(
    amplitudes: np.ndarray,
    rest: Model,
    directions: np.ndarray,
    deviation: np.ndarray,
    scales: tuple[float, float] = (1.0, 1.0),
    along: np.ndarray | None = None,
) -> tuple[TwoScales, float]:
    """Two covariances as one whose pixel variances are known up to a number.

    A covariance with noise in its correlations has to be larger than the true one for maps to be
    as likely as they can be. So both are multiplied by numbers, which held-out maps know; then all
    pixels by what brings them to the known deviations times one number.

    Parameters
    ----------
    amplitudes : array of shape (k, k), K²: the one in the directions
    rest : the other
    directions : array of shape (k, n)
    deviation : array of shape (n_components, n_pix), K
    scales : multiples of the two
    along : array of shape (k, n), K²: products of directions and rest, where these are known

    Returns
    -------
    the covariance, and how many times the squares of the deviations its variances are
    """
    rest = rest.scaled(np.sqrt(scales[1]) * rest.deviation)
    found = TwoScales(rest.components, rest.sky, directions, scales[0] * amplitudes, rest)
    found = found if along is None else found.knowing(scales[1] * along)
    inflation = float(np.mean(found.variance / deviation.ravel() ** 2))
    return found.scaled(np.sqrt(inflation) * deviation), inflation
