"""The covariance to use: the best one without emulation and the emulated one, mixed.

All are scaled by the smoothed deviations of the inputs. Weights are those that make held-out
inputs likeliest (:mod:`fewtomany.covariance.weights`): each fold's maps are judged under what was
learnt and emulated from the others. Where no fold is emulated, it is the best one without
emulation.

Where no axis is known, or one that is not the pole of the maps' frame, the emulated maps have two
parts: their sample covariance, and regressions of every value on its neighbours in them
(:mod:`fewtomany.covariance.regressions`), which have the noise of few maps nowhere. Of many values
the weights are those of leading directions; small scales are as one of the regressions says, those
on the inputs or those on the emulated maps, whichever held-out inputs find likelier
(:mod:`fewtomany.covariance.scales`).
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fewtomany import covariance
from fewtomany.covariance import (
    Covariance,
    Model,
    compact,
    heldout,
    regressions,
    scales,
    weights,
)
from fewtomany.covariance.base import Dense, SingularError
from fewtomany.covariance.completed import Completed
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.mixture import Mixture
from fewtomany.covariance.scales import TwoScales
from fewtomany.covariance.weights import Fit
from fewtomany.files.store import MapSet
from fewtomany.validation import worth
from fewtomany.validation.compare.equivalent import Equivalent
from fewtomany.validation.worth import HeldOut

WITHOUT, EMULATED, NEAR = "without-emulation", "emulated", "emulated, neighbours"
"""The parts of the recommended covariance; the last where large and small scales are apart, or no
axis is known."""

N_NEIGHBOURS = 25
"""Of a regression in emulated maps."""

N_DRAWS = 200
"""Draws of the covariance without emulation that directions are made from."""

N_DIRECTIONS = 100
"""Directions of the held-out likelihood, at most."""

LEAST_SHARE = 0.05
"""Of the emulated maps in the covariance; a smaller one is none."""

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
    seed : of draws
    """

    name: str
    held: np.ndarray
    learnt: Covariance
    emulated: np.ndarray
    seed: int

    @functools.cached_property
    def parts(self) -> "Parts":
        """What a recommended covariance of the fold is made of."""
        return Parts.of(self.learnt, self.emulated, self.seed, self.name)

    @property
    def values(self) -> np.ndarray:
        """The maps that it did not see, (n_held, n), float64, K."""
        return self.held.reshape(len(self.held), -1).astype(np.float64)


@dataclass(frozen=True)
class Ballot:
    """What a fold has to say on the weights.

    Attributes
    ----------
    held : array of shape (n_held, k), K: held-out maps in some directions, or all values
    targets : the parts (k, k) there, by name, K²
    small : by covariance of small scales what the maps say of it; empty where the parts know them
    """

    held: np.ndarray
    targets: dict[str, np.ndarray]
    small: dict[str, scales.SmallScales]


@dataclass(frozen=True)
class Weighed:
    """What the folds' held-out maps say of the parts.

    Attributes
    ----------
    fit : their weights
    small, scale : whose small scales the covariance has (:attr:`Parts.small`) and their multiple;
        "" where each part knows its own
    """

    fit: Fit
    small: str = ""
    scale: float = 1.0


UNJUDGED = Weighed(Fit({WITHOUT: 1.0, EMULATED: 0.0}, np.empty(0), {}))
"""Where no fold was emulated: nothing says what emulated maps are worth, so they have no part."""


@dataclass(frozen=True)
class Beside:
    """Held-out maps of a fold beside the covariance that is recommended from the others.

    Attributes
    ----------
    chi2 : array of shape (n_held,), of every map in leading modes; infinite where that is singular
    n_directions : these modes
    reduced : array of shape (n_held,), χ² per value in all; None of more than ``heldout.WHOLE``
    values : the maps beside it value by value
    """

    chi2: np.ndarray
    n_directions: int
    reduced: np.ndarray | None
    values: HeldOut


def see(fold: FoldMaps, weighed: Weighed) -> Beside:
    """What the held-out maps of a fold say of the covariance with some weights.

    Pixel variances are those that are known, without the covariance's inflation.
    """
    model, inflation = fold.parts.join(weighed)
    maps, leading = fold.values, fold.parts.leading[:N_DIRECTIONS]
    chosen = worth.choose(maps.shape[1], fold.seed)
    pairs = model.rows(chosen)[:, chosen]
    reduced = _chi2_of_all(maps, model) / maps.shape[1] if maps.shape[1] <= heldout.WHOLE else None
    return Beside(
        _chi2(maps @ leading.T, model.within(leading)),
        len(leading),
        reduced,
        HeldOut(maps, model.variance / inflation, chosen, pairs / inflation),
    )


def evidence(weighed: Weighed, seen: Sequence[Beside]) -> dict[str, Any]:
    """Weights and what the covariance is worth, as plain JSON; None is an open end or infinity."""
    chi2, n = np.concatenate([some.chi2 for some in seen]), seen[0].n_directions
    held_out = {"chi2": _with_error(chi2 / n)}
    if seen[0].reduced is not None:
        held_out["all_values"] = _with_error(np.concatenate([some.reduced for some in seen]))
    return {
        "weights": weighed.fit.weights,
        "small_scales": weighed.small,
        "n_held_out": len(chi2),
        "n_directions": n,
        "held_out": held_out,
        "effective_number": {
            how: worth.as_json(number) for how, number in numbers(seen).items() if number
        },
    }


def numbers(seen: Sequence[Beside]) -> dict[str, Equivalent | None]:
    """How many simulations it acts like, by "chi2", "variances", "correlations".

    None where it cannot be counted: of a singular one, of folds that hold out one map.
    """
    values = [some.values for some in seen]
    chi2 = np.concatenate([some.chi2 for some in seen])
    return {
        "chi2": worth.by_chi2(chi2, seen[0].n_directions),
        "variances": worth.by_variances(values),
        "correlations": worth.by_correlations(values),
    }


def _with_error(reduced: np.ndarray) -> dict[str, float | None]:
    """Mean of χ² per direction, 1 if the covariance is right, and its standard error."""
    found = reduced.mean(), reduced.std(ddof=1) / len(reduced) ** 0.5
    return {
        n: float(x) if np.isfinite(x) else None
        for n, x in zip(("value", "error"), found, strict=True)
    }


@dataclass(frozen=True, eq=False)
class Parts:
    """What a recommended covariance is made of.

    Attributes
    ----------
    models : by name, scaled to the same deviations
    deviation : array of shape (n_components, n_pix), K: these
    inflation : of the best covariance without emulation
    completed : that covariance, where it was completed: its small scales are those of the whole
    emulated : array of shape (n_maps, n_components, n_pix), K
    seed, name : of the draws that leading directions are made from
    """

    models: Mapping[str, Model]
    deviation: np.ndarray
    inflation: float
    completed: Completed | None
    emulated: np.ndarray
    seed: int
    name: str

    @classmethod
    def of(cls, learnt: Covariance, emulated: np.ndarray, seed: int, name: str) -> "Parts":
        """Of what was learnt from some inputs, and their emulation."""
        centred = emulated.astype(np.float64)
        centred -= centred.mean(axis=0)
        about = learnt.components, learnt.sky
        found = {EMULATED: Factor.of_rows(*about, centred)}
        no_axis = learnt.evidence.get("symmetry", {}) is None
        if no_axis or isinstance(learnt.model, TwoScales):
            own = np.sqrt(np.mean(centred**2, axis=0))
            found[NEAR] = regressions.learn(centred, own, *about, N_NEIGHBOURS)
        models = {name: part.scaled(learnt.smoothed) for name, part in found.items()}
        known = learnt.smoothed, learnt.inflation
        if isinstance(learnt.model, Completed):
            models = {WITHOUT: learnt.model.large, **models}
            return cls(models, *known, learnt.model, emulated, seed, name)
        return cls({WITHOUT: learnt.model, **models}, *known, None, emulated, seed, name)

    @property
    def small(self) -> dict[str, Model]:
        """What small scales can be like, by name of the part that knows them.

        Empty where the parts themselves say: the pole is the axis, or values are few.
        """
        without = self.models[WITHOUT]
        if not isinstance(without, TwoScales):
            return {}
        return {WITHOUT: without.rest, NEAR: self.models[NEAR]}

    @functools.cached_property
    def leading(self) -> np.ndarray:
        """Leading modes of the parts, (m, n), the first ones first.

        Of two scales as many as the covariance without emulation has. Emulated maps have more
        variance in their own modes than others have: there, draws of the regressions in them lead.
        """
        without, key = self.models[WITHOUT], ("recommend", self.name)
        if isinstance(without, TwoScales):
            size = len(without.directions)
            samples = [
                self.models[part].draw(self.seed, (*key, part), 0, 2 * size)
                for part in (WITHOUT, NEAR)
            ]
        else:
            size = min(N_DIRECTIONS, len(self.emulated) // 2, self.emulated[0].size // 2)
            samples = [without.draw(self.seed, key, 0, N_DRAWS), self.emulated]
        flat = [maps.reshape(len(maps), -1).astype(np.float64) for maps in samples]
        return heldout.mixture_modes(flat, max(size, 1))

    def join(self, weighed: Weighed) -> tuple[Model, float]:
        """The covariance with some weights.

        And how many times the known ones its pixel variances are
        (:func:`fewtomany.covariance.scales.join`).
        """
        found = Mixture.of(self.models, weighed.fit.weights)
        if self.completed:
            return self.completed.with_large(found)
        if not weighed.small:
            return found, 1 + weighed.fit.weights[WITHOUT] * (self.inflation - 1)
        rest, multiples = self.small[weighed.small], (weighed.fit.scale, weighed.scale)
        within = found.within(self.leading)
        return scales.join(within, rest, self.leading, self.deviation, multiples)


def emulation(shares: Mapping[str, float]) -> float:
    """Weight of what is made of emulated maps."""
    return sum(share for name, share in shares.items() if name != WITHOUT)


def ballot(fold: FoldMaps) -> Ballot:
    """What a fold has to say: in all values where they are few, or leading modes of the parts."""
    parts, maps = fold.parts, fold.values
    if maps.shape[1] <= heldout.FEW:
        return Ballot(maps, {name: part.dense() for name, part in parts.models.items()}, {})
    leading = parts.leading
    targets = {name: part.within(leading) for name, part in parts.models.items()}
    small = {n: scales.SmallScales.of(maps, part, leading) for n, part in parts.small.items()}
    return Ballot(maps @ leading.T, targets, small)


def weigh(ballots: Sequence[Ballot]) -> Weighed:
    """Weights of the parts by the likelihood of held-out maps, and whose small scales.

    An emulation of hardly any weight has none, and the covariance is the best one without emulation
    as it was learnt: the multiples that few folds know of it would be worse than its own.
    """
    held, targets = ([getattr(b, name) for b in ballots] for name in ("held", "targets"))
    if ballots[0].small:
        small, scale = scales.likeliest([ballot.small for ballot in ballots])
        found = Weighed(weights.fit(held, targets, free=True), small, scale)
    else:
        found = Weighed(weights.fit(held, targets))
    if emulation(found.fit.weights) < LEAST_SHARE and found.small != NEAR:
        alone = {name: float(name == WITHOUT) for name in found.fit.weights}
        return Weighed(replace(found.fit, weights=alone, scale=1.0))
    return found


def _chi2(maps: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """xᵀ C⁻¹ x of maps (n_maps, k); infinite of a singular C."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] <= SINGULAR * values[-1]:
        return np.full(len(maps), np.inf)
    return np.sum((maps @ vectors) ** 2 / values, axis=1)


def _chi2_of_all(maps: np.ndarray, model: Model) -> np.ndarray:
    """xᵀ C⁻¹ x of maps (n_maps, n) in all values; infinite of a singular C."""
    try:
        return np.sum(maps * model.solve(maps), axis=1)
    except SingularError:
        return np.full(len(maps), np.inf)


def product(
    found: Model, like: MapSet, name: str, seed: int, evidence: dict[str, Any]
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
