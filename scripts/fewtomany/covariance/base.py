"""What every covariance model can be asked, and how it is asked where it knows nothing better.

A model stands for the covariance C of maps of some components on the observed pixels of a sky,
and need not hold it as a matrix. A map is a vector of n = n_components · n_pix values,
component-major, pixels ascending (RING). Everything follows from one product, x C
(:meth:`Model.times`); a model overrides what it has a shorter way to.
"""

import abc
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import scipy

from fewtomany.covariance import linear
from fewtomany.covariance.eigenmodes import RANK_TOLERANCE, Modes, leading_modes, symmetric_root
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry

Key = tuple[str | int, ...]
"""Of a stream of random numbers."""

BLOCK = 32
"""Draws that are made together, aligned to absolute indices and always whole, so that a
draw has the same bits in whatever shard it is asked for."""


class SingularError(UserError):
    """A covariance that has no inverse."""


class Model(abc.ABC):
    """The covariance C of maps, K².

    A subclass is a frozen dataclass, ``class Name(Model, kind="name")``: its kind is its name in
    files. Fields that are arrays are written as they are, what else there is by :meth:`about`.

    Attributes
    ----------
    components : what a map consists of
    sky : its observed pixels
    """

    components: Components
    sky: Geometry

    kind: ClassVar[str] = ""
    kinds: ClassVar[dict[str, type["Model"]]] = {}
    """Every model that has a name in files."""

    def __init_subclass__(cls, kind: str = "") -> None:
        super().__init_subclass__()
        cls.kind = kind
        if kind:
            Model.kinds[kind] = cls

    @abc.abstractmethod
    def times(self, x: np.ndarray) -> np.ndarray:
        """x C of rows x (k, n): array of shape (k, n), float64."""

    def __len__(self) -> int:
        return len(self.components) * self.sky.n_pix

    @property
    def shape(self) -> tuple[int, int]:
        """Of one map: (n_components, n_pix)."""
        return len(self.components), self.sky.n_pix

    @cached_property
    def variance(self) -> np.ndarray:
        """Variance of every value, shape (n,), K²."""
        return np.diagonal(self.dense()).copy()

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of every value, shape (n_components, n_pix), K."""
        return np.sqrt(self.variance).reshape(self.shape)

    def within(self, directions: np.ndarray) -> np.ndarray:
        """D C Dᵀ in directions D (k, n): array of shape (k, k)."""
        return self.times(directions) @ directions.T

    def rows(self, chosen: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Some rows of C, shape (n_rows, n_columns), K²."""
        index = np.arange(len(self))[chosen]
        units = np.zeros((len(index), len(self)))
        units[np.arange(len(index)), index] = 1
        return self.times(units)[:, columns]

    def dense(self) -> np.ndarray:
        """C as a whole, shape (n, n), K²; a new array."""
        return self.times(np.eye(len(self)))

    def draw(self, seed: int, key: Key, start: int, stop: int, block: int = BLOCK) -> np.ndarray:
        """Gaussian maps of covariance C and zero mean, ``start <= k < stop``.

        Parameters
        ----------
        seed, key : of the campaign, and map k uses streams that begin with ``key`` and end with k
        block : draws that are made together; with another one the bits are others

        Returns
        -------
        float64 array of shape (stop - start, n_components, n_pix), K
        """
        root = symmetric_root(self.dense())[1].reshape(len(self), *self.shape)
        return linear.draw(root, seed, key, start, stop, block)

    @cached_property
    def _root(self) -> np.ndarray:
        """Lower Cholesky factor of C."""
        try:
            found = scipy.linalg.cholesky(self.dense(), lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            raise SingularError(f"a covariance of {len(self)} values is singular") from None
        if (np.diagonal(found) ** 2 < RANK_TOLERANCE * self.variance).any():
            raise SingularError(f"a covariance of {len(self)} values is singular")
        return found

    def solve(self, x: np.ndarray) -> np.ndarray:
        """C⁻¹ x of maps x (..., n), of the same shape.

        Raises
        ------
        SingularError : where C has no inverse
        """
        flat = x.reshape(-1, len(self)).T
        return scipy.linalg.cho_solve((self._root, True), flat).T.reshape(x.shape)

    def log_determinant(self) -> float:
        """ln det C (of K²); SingularError where C has no inverse."""
        return float(2 * np.log(np.diagonal(self._root)).sum())

    def plus(self, variance: np.ndarray | float) -> "Model":
        """C and independent noise of variances (n,) or (), K²."""
        matrix = self.dense()
        matrix[np.diag_indices_from(matrix)] += variance
        return Dense(self.components, self.sky, matrix)

    def leading(self, n_modes: int) -> Modes:
        """Leading modes, at most as many as the rank."""
        return leading_modes(self.dense(), n_modes, overwrite=True)

    def without(self, name: str) -> "Model":
        """The same without a part; a model that is no sum has none."""
        return self

    @property
    def start(self) -> "Model":
        """What a descent may start from draws of: without what has no texture."""
        return self.without("diagonal")

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that the model consists of, by name; those of a model in it by "name/…"."""
        found = {}
        for name, value in self._fields.items():
            if isinstance(value, np.ndarray):
                found[name] = value
            elif isinstance(value, Model):
                found |= {f"{name}/{own}": array for own, array in value.arrays().items()}
        return found

    def about(self) -> dict[str, Any]:
        """What else it consists of, as plain JSON: by name the models in it."""
        return {n: apart(value)[1] for n, value in self._fields.items() if isinstance(value, Model)}

    @property
    def _fields(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @classmethod
    def of_arrays(
        cls,
        arrays: Mapping[str, np.ndarray],
        about: Mapping[str, Any],
        components: Components,
        sky: Geometry,
    ) -> Self:
        """The model of what :meth:`arrays` and :meth:`about` said."""
        models = {
            name: together(below(arrays, f"{name}/"), facts, components, sky)
            for name, facts in about.items()
            if isinstance(facts, dict)
        }
        own = {name: array for name, array in arrays.items() if "/" not in name}
        return cls(components, sky, **{**about, **own, **models})


def apart(model: Model) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A model as arrays by name and plain JSON, of which "kind" is one of ``Model.kinds``."""
    return model.arrays(), {"kind": model.kind, **model.about()}


def together(
    arrays: Mapping[str, np.ndarray],
    about: Mapping[str, Any],
    components: Components,
    sky: Geometry,
) -> Model:
    """What :func:`apart` has taken apart.

    Raises
    ------
    UserError : for a kind that is not known
    """
    facts = dict(about)
    kind = facts.pop("kind")
    if kind not in Model.kinds:
        known = ", ".join(sorted(Model.kinds))
        raise UserError(f"a covariance of kind {kind!r} is not known; known are {known}")
    return Model.kinds[kind].of_arrays(arrays, facts, components, sky)


def below(arrays: Mapping[str, np.ndarray], place: str) -> dict[str, np.ndarray]:
    """The arrays whose names begin with a place, without it."""
    return {name[len(place) :]: a for name, a in arrays.items() if name.startswith(place)}


@dataclass(frozen=True, eq=False)
class Dense(Model, kind="dense"):
    """A covariance as a matrix.

    Attributes
    ----------
    covariance : array of shape (n, n), float64, K²
    """

    components: Components
    sky: Geometry
    covariance: np.ndarray

    def __post_init__(self) -> None:
        expected = (len(self), len(self))
        if self.covariance.shape != expected:
            raise UserError(
                f"covariance of shape {self.covariance.shape}, expected {expected} for Stokes "
                f"{self.components.stokes} of {self.sky.name}"
            )

    @cached_property
    def variance(self) -> np.ndarray:
        return np.diagonal(self.covariance).copy()

    def scaled(self, deviation: np.ndarray) -> "Dense":
        """The same correlations with other deviations (n_components, n_pix), K."""
        by = (deviation / self.deviation).ravel()
        found = self.covariance * by
        found *= by[:, None]
        return dataclasses.replace(self, covariance=found)

    def times(self, x: np.ndarray) -> np.ndarray:
        return x @ self.covariance

    def rows(self, chosen: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        return self.covariance[chosen, columns]

    def dense(self) -> np.ndarray:
        return self.covariance.copy()

    def leading(self, n_modes: int) -> Modes:
        return leading_modes(self.covariance, n_modes)
