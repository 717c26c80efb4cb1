"""Covariances one can make from the same inputs, without emulation and with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from fewtomany import seeds
from fewtomany.validation import shrinkage
from fewtomany.validation.views import View, Viewer

Model = Callable[[View], View]
"""Takes the view of the inputs' sample covariance to that of a model made from it."""


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

    def mix(self, sample: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The covariance, from S and T (n, n); both are overwritten."""
        sample *= 1 - self.intensity
        target *= self.intensity * self.scale
        sample += target
        return sample


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


def mixture(found: Recipe, target: View) -> Model:
    """The model of a recipe, given the view of its target."""
    part = found.intensity * found.scale * target
    return lambda sample: (1 - found.intensity) * sample + part


def toward_unit(intensity: float, viewer: Viewer) -> Model:
    """Shrinkage toward the unit matrix times the sample's mean variance."""

    def model(sample: View) -> View:
        level = np.full_like(sample.variance, sample.variance.mean())
        return (1 - intensity) * sample + intensity * viewer.of_diagonal(level)

    return model


def toward_diagonal(intensity: float, viewer: Viewer) -> Model:
    """Shrinkage toward the sample's own diagonal."""
    return lambda sample: (1 - intensity) * sample + intensity * viewer.of_diagonal(sample.variance)


def without_emulation(
    inputs: np.ndarray,
    viewer: Viewer,
    isotropic: Mapping[str, np.ndarray],
    directions: np.ndarray,
) -> tuple[dict[str, Model], dict[str, float]]:
    """The baselines of an input dataset.

    Parameters
    ----------
    inputs : array of shape (n_inputs, n), K
    isotropic : maps (n_maps, n) of the isotropic Gaussian sets of these inputs, by name
    directions : array of shape (k, n), where intensities are cross-validated

    Returns
    -------
    models : "raw", "ledoit-wolf", "oas" and "diagonal"; for every isotropic set the set
        itself and "toward {name}"
    intensities : of the shrunk ones, by the same names
    """
    diagonal = (directions * inputs.var(axis=0, ddof=1)) @ directions.T
    intensities = {
        "ledoit-wolf": shrinkage.ledoit_wolf(inputs),
        "oas": shrinkage.oracle_approximating(inputs),
        "diagonal": shrinkage.cross_validated(inputs @ directions.T, diagonal),
    }
    models: dict[str, Model] = {
        "raw": lambda sample: sample,
        "ledoit-wolf": toward_unit(intensities["ledoit-wolf"], viewer),
        "oas": toward_unit(intensities["oas"], viewer),
        "diagonal": toward_diagonal(intensities["diagonal"], viewer),
    }
    for name, maps in isotropic.items():
        view = viewer.of_maps(maps)
        found = recipe(inputs, maps, directions)
        intensities[f"toward {name}"] = found.intensity
        models[name] = lambda sample, view=view: view
        models[f"toward {name}"] = mixture(found, view)
    return models, intensities
