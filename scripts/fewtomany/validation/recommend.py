"""The covariance to use: the best one without emulation and the emulated one, mixed.

Both are scaled by the smoothed deviations of the inputs. The weight is the one that makes held-out
inputs likeliest (:mod:`fewtomany.covariance.weights`): each fold's maps are judged under what was
learnt and emulated from the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fewtomany import covariance
from fewtomany.covariance import Covariance, Model, compact, heldout, weights
from fewtomany.covariance.base import Dense
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.mixture import Mixture
from fewtomany.covariance.weights import Fit
from fewtomany.files.store import MapSet
from fewtomany.validation import worth
from fewtomany.validation.compare.equivalent import Equivalent
from fewtomany.validation.worth import HeldOut

WITHOUT, EMULATED = "without-emulation", "emulated"
"""The parts of the recommended covariance."""

EQUAL = {WITHOUT: 0.5, EMULATED: 0.5}
"""Their weights where no fold can tell."""

N_DRAWS = 200
"""Draws of the covariance without emulation that directions are made from."""

N_DIRECTIONS = 100
"""Directions of the held-out likelihood, at most."""

SINGULAR = 1e-10
"""Smallest over largest eigenvalue below which a covariance counts as singular."""


@dataclass(frozen=True)
class FoldMaps:
    """What a fold knows.

    Attributes
    ----------
    name : of the fold; its random streams are named after it
    held : array of shape (n_held, n_components, n_pix), K: maps that it did not see
    learnt : the best covariance without emulation from the others
    emulated : array of shape (n_maps, n_components, n_pix), K: their emulation
    """

    name: str
    held: np.ndarray
    learnt: Covariance
    emulated: np.ndarray


@dataclass(frozen=True)
class Ballot:
    """What a fold has to say on the weights.

    Attributes
    ----------
    held : array of shape (n_held, k), K: held-out maps in some directions, or all values
    targets : the two covariances (k, k) there, by name, K²
    seen : held-out maps beside each of the two, value by value, by name
    leading : the leading modes of the two, (m, n); None where these are the directions
    """

    held: np.ndarray
    targets: dict[str, np.ndarray]
    seen: dict[str, HeldOut]
    leading: np.ndarray | None = None

    def mixed(self, shares: dict[str, float]) -> np.ndarray:
        """Their mixture, (k, k), K²."""
        return sum(shares[name] * self.targets[name] for name in self.targets)

    def chi2(self, shares: dict[str, float]) -> tuple[np.ndarray, int]:
        """χ² of every held-out map under their mixture in the leading modes, and their number."""
        held, mixed = self.held, self.mixed(shares)
        if self.leading is not None:
            held, mixed = held @ self.leading.T, self.leading @ mixed @ self.leading.T
        return _chi2(held, mixed), held.shape[1]


@dataclass(frozen=True)
class Weighed:
    """What the folds' held-out maps say.

    Attributes
    ----------
    fit : weights of the two parts
    chi2 : array of shape (n_held,), χ² of every held-out map under the mixture of its fold;
        infinite where that is singular
    n_directions : leading modes in which the maps were judged
    reduced : array of shape (n_held,), χ² per value of every held-out map in all values, where
        these weighed
    seen : for every fold its held-out maps beside its mixture, value by value
    """

    fit: Fit
    chi2: np.ndarray
    n_directions: int
    seen: Sequence[HeldOut]
    reduced: np.ndarray | None = None

    @property
    def numbers(self) -> dict[str, Equivalent | None]:
        """How many simulations the mixture acts like, by "chi2", "variances", "correlations".

        None where it cannot be counted: of a singular mixture, of folds that hold out one map.
        """
        return {
            "chi2": worth.by_chi2(self.chi2, self.n_directions),
            "variances": worth.by_variances(self.seen),
            "correlations": worth.by_correlations(self.seen),
        }

    @property
    def evidence(self) -> dict:
        """The same as plain JSON; None is an open end or infinity."""
        held_out = {"chi2": _with_error(self.chi2 / self.n_directions)}
        if self.reduced is not None:
            held_out["all_values"] = _with_error(self.reduced)
        return {
            "weights": self.fit.weights,
            "n_held_out": len(self.fit.scores),
            "n_directions": self.n_directions,
            "held_out": held_out,
            "effective_number": {
                how: worth.as_json(number) for how, number in self.numbers.items() if number
            },
        }


def _with_error(reduced: np.ndarray) -> dict[str, float | None]:
    """Mean of χ² per direction, 1 if the covariance is right, and its standard error."""
    found = reduced.mean(), reduced.std(ddof=1) / len(reduced) ** 0.5
    return {
        n: float(x) if np.isfinite(x) else None
        for n, x in zip(("value", "error"), found, strict=True)
    }


def parts(learnt: Covariance, emulated: np.ndarray) -> dict[str, Model]:
    """The two covariances, scaled to the same deviations."""
    centred = emulated.astype(np.float64)
    centred -= centred.mean(axis=0)
    sample = Factor.of_rows(learnt.components, learnt.sky, centred)
    return {WITHOUT: learnt.model, EMULATED: sample.scaled(learnt.smoothed)}


def ballot(fold: FoldMaps, seed: int) -> Ballot:
    """What a fold has to say: in all values where they are few, or leading modes of the two."""
    made = parts(fold.learnt, fold.emulated)
    maps = fold.held.reshape(len(fold.held), -1).astype(np.float64)
    chosen = worth.choose(maps.shape[1], seed)
    seen = {
        name: HeldOut(maps, part.variance, chosen, part.rows(chosen)[:, chosen])
        for name, part in made.items()
    }
    leading = _leading(fold, seed)
    if maps.shape[1] <= heldout.FEW:
        return Ballot(maps, {name: part.dense() for name, part in made.items()}, seen, leading)
    targets = {name: part.within(leading) for name, part in made.items()}
    return Ballot(maps @ leading.T, targets, seen)


def _leading(fold: FoldMaps, seed: int) -> np.ndarray:
    """Leading modes of the two covariances, (m, n)."""
    drawn = fold.learnt.model.draw(seed, ("recommend", fold.name), 0, N_DRAWS)
    samples = [maps.reshape(len(maps), -1).astype(np.float64) for maps in (drawn, fold.emulated)]
    size = min(N_DIRECTIONS, len(fold.emulated) // 2, fold.held[0].size // 2)
    return heldout.mixture_modes(samples, max(size, 1))


def weigh(ballots: Sequence[Ballot]) -> Weighed:
    """Weights of the two by the likelihood of held-out maps, and what the mixture is worth."""
    fit = weights.fit([fold.held for fold in ballots], [fold.targets for fold in ballots])
    chi2, (n_directions, *_) = zip(*(fold.chi2(fit.weights) for fold in ballots), strict=True)
    seen = [worth.mixed(fold.seen, fit.weights) for fold in ballots]
    reduced = None
    if ballots[0].leading is not None:
        whole = [_chi2(fold.held, fold.mixed(fit.weights)) / fold.held.shape[1] for fold in ballots]
        reduced = np.concatenate(whole)
    return Weighed(fit, np.concatenate(chi2), n_directions, seen, reduced)


def _chi2(maps: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """xᵀ C⁻¹ x of maps (n_maps, k); infinite of a singular C."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] <= SINGULAR * values[-1]:
        return np.full(len(maps), np.inf)
    return np.sum((maps @ vectors) ** 2 / values, axis=1)


def recommend(learnt: Covariance, emulated: np.ndarray, shares: dict[str, float]) -> Mixture:
    """The recommended covariance of all inputs and their emulation."""
    return Mixture.of(parts(learnt, emulated), shares)


def product(
    found: Mixture, like: MapSet, name: str, seed: int, evidence: dict[str, Any]
) -> Covariance:
    """A covariance product: dense, or of many values modes and a sparse factor.

    Parameters
    ----------
    like : maps with the components, pixels and frame of the covariance
    evidence : with the "weights" of the parts

    Returns
    -------
    of ``n_maps`` 0: it is the sample covariance of no number of maps
    """
    if len(found) <= covariance.product.DENSE_LIMIT:
        made: Model = Dense(found.components, found.sky, found.dense())
    else:
        made = compact.of_model(found, seed, ("recommended", name))
    return Covariance(made, dataset=name, frame=like.frame, evidence=evidence)
