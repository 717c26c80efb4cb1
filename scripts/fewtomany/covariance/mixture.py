"""Weighted sums of covariances: C = Σ_t w_t T_t, w ≥ 0."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from fewtomany.covariance.base import BLOCK, Key, Model, apart, below, together
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Mixture(Model, kind="mixture"):
    """A weighted sum of covariances of the same maps.

    Attributes
    ----------
    parts : its targets by name; :meth:`of` leaves out those of weight 0
    weights : by the same names
    """

    components: Components
    sky: Geometry
    parts: dict[str, Model]
    weights: dict[str, float]

    def __post_init__(self) -> None:
        for name, part in self.parts.items():
            if part.components != self.components or part.sky != self.sky:
                raise UserError(
                    f"{name}: covariance of {part.components.names} on {part.sky.n_pix} pixels of "
                    f"{part.sky.name}, expected {self.components.names} on {self.sky.n_pix} of "
                    f"{self.sky.name}"
                )

    @classmethod
    def of(cls, parts: Mapping[str, Model], weights: Mapping[str, float]) -> "Mixture":
        """The sum of those parts whose weight is above 0."""
        kept = {name: weight for name, weight in weights.items() if weight > 0}
        first = parts[next(iter(kept))]
        return cls(first.components, first.sky, {name: parts[name] for name in kept}, kept)

    def without(self, name: str) -> "Mixture":
        """The same without a part, its weight shared among the others in proportion.

        The part that is alone, or not there, stays.
        """
        weights = {n: w for n, w in self.weights.items() if n != name}
        total = sum(weights.values())
        if not total:
            return self
        return Mixture.of(self.parts, {n: weight / total for n, weight in weights.items()})

    def scaled(self, deviation: np.ndarray) -> "Mixture":
        """The same correlations with other deviations (n_components, n_pix), K."""
        by = deviation / self.deviation
        parts = {name: part.scaled(part.deviation * by) for name, part in self.parts.items()}
        return replace(self, parts=parts)

    def _sum(self, asked: Callable[[Model], np.ndarray]) -> np.ndarray:
        return sum(self.weights[name] * asked(part) for name, part in self.parts.items())

    @cached_property
    def variance(self) -> np.ndarray:
        return self._sum(lambda part: part.variance)

    def times(self, x: np.ndarray) -> np.ndarray:
        return self._sum(lambda part: part.times(x))

    def within(self, directions: np.ndarray) -> np.ndarray:
        return self._sum(lambda part: part.within(directions))

    def rows(self, chosen: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        return self._sum(lambda part: part.rows(chosen, columns))

    def dense(self) -> np.ndarray:
        """As of ``Model.dense``; two matrices are in memory."""
        total: np.ndarray | None = None
        for name, part in self.parts.items():
            found = part.dense()
            found *= self.weights[name]
            total = found if total is None else np.add(total, found, out=total)
        return total

    def draw(self, seed: int, key: Key, start: int, stop: int, block: int = BLOCK) -> np.ndarray:
        """As of ``Model.draw``; part t of map k has the streams ``(*key, t, …, k)``."""
        return sum(
            np.sqrt(self.weights[name]) * part.draw(seed, (*key, name), start, stop, block)
            for name, part in self.parts.items()
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Of every part, by "parts/NAME/…"."""
        return {
            f"parts/{name}/{own}": array
            for name, part in self.parts.items()
            for own, array in part.arrays().items()
        }

    def about(self) -> dict[str, Any]:
        """Weight and facts of every part, by name."""
        parts = {name: apart(part)[1] for name, part in self.parts.items()}
        return {"parts": parts, "weights": self.weights}

    @classmethod
    def of_arrays(
        cls,
        arrays: Mapping[str, np.ndarray],
        about: Mapping[str, Any],
        components: Components,
        sky: Geometry,
    ) -> "Mixture":
        parts = {
            name: together(below(arrays, f"parts/{name}/"), facts, components, sky)
            for name, facts in about["parts"].items()
        }
        return cls(components, sky, parts, dict(about["weights"]))
