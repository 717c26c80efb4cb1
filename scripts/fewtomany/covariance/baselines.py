"""Covariances one can make from the same inputs, without emulation and with it.

Each is a mixture (1 − α) S + α c T of the inputs' sample covariance S and a target T: the
unit matrix, the diagonal of S, or the covariance of some maps. It is made in whatever
:class:`Space` it is looked at: a view of the truth's modes and some pixels, or a few
directions. Comparison with a truth and cross-validation share all of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from fewtomany import seeds
from fewtomany.covariance import shrinkage

Part = TypeVar("Part")
"""What a space keeps of a covariance: numbers that are linear in it."""

Estimator = Callable[[Part], Part]
"""Takes the part of the inputs' sample covariance to that of a model made from it."""

RAW = "raw"


class Space(Protocol[Part]):
    """A way of looking at covariances, linear in them."""

    def of_maps(self, maps: np.ndarray) -> Part:
        """Of the sample covariance of maps (n_maps, n) about their mean."""

    def of_diagonal(self, variance: np.ndarray) -> Part:
        """Of a diagonal covariance of the given variances (n,)."""


@dataclass(frozen=True)
class Directions:
    """The space of some directions D, (k, n): covariances D C Dᵀ of shape (k, k)."""

    directions: np.ndarray

    def of_maps(self, maps: np.ndarray) -> np.ndarray:
        return np.atleast_2d(np.cov((maps @ self.directions.T).T))

    def of_diagonal(self, variance: np.ndarray) -> np.ndarray:
        return (self.directions * variance) @ self.directions.T


@dataclass(frozen=True)
class Recipe:
    """A covariance (1 − α) S + α c T from inputs (S) and the maps of a target (T).

    Attributes
    ----------
    intensity : α
    scale : c, which gives the target the inputs' total variance
    n_directions : random directions in which α was cross-validated
    """

    intensity: float
    scale: float
    n_directions: int


def random_directions(campaign_seed: int, n_directions: int, n: int) -> np.ndarray:
    """Directions that favour no model and need no truth, shape (n_directions, n).

    The leading modes of the inputs, or of a target, are where that very covariance has
    too much variance; judged there, it seems worse than it is.
    """
    return seeds.standard_normal(campaign_seed, ("directions",), 0, n_directions, n)


def recipe(inputs: np.ndarray, target: np.ndarray, directions: np.ndarray) -> Recipe:
    """The recipe whose intensity makes left-out inputs likeliest.

    Parameters
    ----------
    inputs : array of shape (n_inputs, n), K, at least 3 maps
    target : array of shape (n_maps, n), K, maps whose covariance is T
    directions : array of shape (k, n); half as many as there are target maps are used,
        at most, so that T has full rank there
    """
    used = directions[: max(len(target) // 2, 1)]
    scale = _total_variance(inputs) / _total_variance(target)
    within = scale * np.atleast_2d(np.cov((target @ used.T).T))
    return Recipe(shrinkage.cross_validated(inputs @ used.T, within), scale, len(used))


def _total_variance(maps: np.ndarray) -> float:
    return float(maps.var(axis=0, ddof=1, dtype=np.float64).sum())


def mixture(found: Recipe, target: Part) -> Estimator:
    """The model of a recipe, given the part of its target."""
    part = found.intensity * found.scale * target
    return lambda sample: (1 - found.intensity) * sample + part


def toward_unit(intensity: float, space: Space, variance: np.ndarray | None = None) -> Estimator:
    """Shrinkage toward the unit matrix times the sample's mean variance.

    ``variance`` is that of the sample (n,), for a space whose parts do not hold it.
    """

    def model(sample: Part) -> Part:
        own = sample.variance if variance is None else variance
        level = np.full_like(own, own.mean())
        return (1 - intensity) * sample + intensity * space.of_diagonal(level)

    return model


def toward_diagonal(
    intensity: float, space: Space, variance: np.ndarray | None = None
) -> Estimator:
    """Shrinkage toward the sample's own diagonal; parameters as of :func:`toward_unit`."""

    def model(sample: Part) -> Part:
        own = sample.variance if variance is None else variance
        return (1 - intensity) * sample + intensity * space.of_diagonal(own)

    return model


def diagonal_intensity(maps: np.ndarray, directions: np.ndarray) -> float:
    """Intensity toward the maps' own diagonal, cross-validated in some directions (k, n)."""
    variance = maps.var(axis=0, ddof=1, dtype=np.float64)
    diagonal = (directions * variance) @ directions.T
    return shrinkage.cross_validated(maps @ directions.T, diagonal)


def models(
    inputs: np.ndarray,
    space: Space,
    targets: Mapping[str, np.ndarray],
    directions: np.ndarray,
    variance: np.ndarray | None = None,
) -> tuple[dict[str, Estimator], dict[str, float]]:
    """All models of an input dataset.

    Parameters
    ----------
    inputs : array of shape (n_inputs, n), K
    targets : maps (n_maps, n) by name: isotropic Gaussian sets, or emulations
    directions : array of shape (k, n), where intensities are cross-validated
    variance : of the inputs (n,), for a space whose parts do not hold it

    Returns
    -------
    models : "raw", "ledoit-wolf", "oas" and "diagonal"; for every target the target
        itself and "toward {name}"
    intensities : of the shrunk ones, by the same names
    """
    intensities = {
        "ledoit-wolf": shrinkage.ledoit_wolf(inputs),
        "oas": shrinkage.oracle_approximating(inputs),
        "diagonal": diagonal_intensity(inputs, directions),
    }
    found: dict[str, Estimator] = {
        RAW: lambda sample: sample,
        "ledoit-wolf": toward_unit(intensities["ledoit-wolf"], space, variance),
        "oas": toward_unit(intensities["oas"], space, variance),
        "diagonal": toward_diagonal(intensities["diagonal"], space, variance),
    }
    for name, maps in targets.items():
        part = space.of_maps(maps)
        mixed = recipe(inputs, maps, directions)
        intensities[f"toward {name}"] = mixed.intensity
        found[name] = lambda sample, part=part: part
        found[f"toward {name}"] = mixture(mixed, part)
    return found, intensities
