"""Shrinkage toward many targets at once: C = Σ_t w_t T_t, w ≥ 0, Σ_t w_t = 1.

The weights are those that make held-out maps likeliest. All targets have the same pixel
variances, so every mixture has them, too. The likelihood is not concave in the weights (its
log-determinant is convex): it is climbed from equal weights and from the best single
target, and the better end counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import scipy.linalg
import scipy.optimize

from fewtomany import seeds
from fewtomany.covariance import choice, model
from fewtomany.covariance.choice import log_likelihood
from fewtomany.covariance.model import BLOCK, Symmetry, Turned
from fewtomany.errors import UserError

NEGLIGIBLE = 1e-3
"""Weights below are set to 0."""


class Model(Protocol):
    """A covariance that need not be formed."""

    def variance(self) -> np.ndarray: ...

    def within(self, directions: np.ndarray) -> np.ndarray: ...

    def rows(self, chosen: np.ndarray) -> np.ndarray: ...

    def covariance(self) -> np.ndarray: ...

    def draw(
        self,
        campaign_seed: int,
        key: tuple[str | int, ...],
        start: int,
        stop: int,
        block: int = BLOCK,
    ) -> np.ndarray: ...


@dataclass(frozen=True)
class Diagonal:
    """Independent pixels of some deviation (n_stokes, n_pix), K."""

    deviation: np.ndarray

    def variance(self) -> np.ndarray:
        return self.deviation**2

    def within(self, directions: np.ndarray) -> np.ndarray:
        return (directions * self.variance().ravel()) @ directions.T

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        found = np.zeros((len(chosen), self.deviation.size))
        found[np.arange(len(chosen)), chosen] = self.variance().ravel()[chosen]
        return found

    def covariance(self) -> np.ndarray:
        return np.diag(self.variance().ravel())

    def draw(
        self,
        campaign_seed: int,
        key: tuple[str | int, ...],
        start: int,
        stop: int,
        block: int = BLOCK,
    ) -> np.ndarray:
        """Gaussian maps ``start <= k < stop``, as of ``model.Turned.draw``."""
        numbers = seeds.standard_normal(campaign_seed, key, start, stop, self.deviation.size)
        return numbers.reshape(-1, *self.deviation.shape) * self.deviation


@dataclass(frozen=True)
class Mixture:
    """A weighted sum of covariances.

    Attributes
    ----------
    parts : its targets by name, of which those of weight 0 are left out
    weights : by the same names
    """

    parts: dict[str, Model]
    weights: dict[str, float]

    def without(self, name: str) -> "Mixture":
        """The same without a part, its weight shared among the others in proportion.

        The part that is alone, or not there, stays.
        """
        weights = {n: w for n, w in self.weights.items() if n != name}
        total = sum(weights.values())
        if not total:
            return self
        return Mixture(
            {n: part for n, part in self.parts.items() if n != name},
            {n: weight / total for n, weight in weights.items()},
        )

    def variance(self) -> np.ndarray:
        """Diagonal, shape (n_stokes, n_pix), K²."""
        return sum(self.weights[name] * part.variance() for name, part in self.parts.items())

    def within(self, directions: np.ndarray) -> np.ndarray:
        """The covariance in directions (k, n): array of shape (k, k), K²."""
        return sum(self.weights[n] * part.within(directions) for n, part in self.parts.items())

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Some rows of the matrix, shape (len(chosen), n), K²."""
        return sum(self.weights[name] * part.rows(chosen) for name, part in self.parts.items())

    def covariance(self) -> np.ndarray:
        """The whole matrix, shape (n, n), K²; two such are in memory."""
        total: np.ndarray | None = None
        for name, part in self.parts.items():
            found = part.covariance()
            found *= self.weights[name]
            total = found if total is None else np.add(total, found, out=total)
        return total

    def draw(
        self,
        campaign_seed: int,
        key: tuple[str | int, ...],
        start: int,
        stop: int,
        block: int = BLOCK,
    ) -> np.ndarray:
        """Gaussian maps ``start <= k < stop``; part t of map k has the stream ``(*key, t, k)``.

        Returns
        -------
        float64 array of shape (stop - start, n_stokes, n_pix), K
        """
        return sum(
            np.sqrt(self.weights[name]) * part.draw(campaign_seed, (*key, name), start, stop, block)
            for name, part in self.parts.items()
        )


@dataclass(frozen=True)
class Fit:
    """Weights by held-out likelihood.

    Attributes
    ----------
    weights : by target, of sum 1
    scores : array (n_held,), log-likelihoods of held-out maps, nats, up to a constant
    singles : the same of every target alone; −∞ for a singular one
    """

    weights: dict[str, float]
    scores: np.ndarray
    singles: dict[str, np.ndarray]

    @property
    def best_single(self) -> str:
        return max(self.singles, key=lambda name: self.singles[name].mean())

    def gain(self, rival: str) -> tuple[float, float]:
        """Nats per held-out map over a single target, and the standard error.

        The weights were fitted to the same maps, which flatters the mixture by about half
        a nat in all per weight.
        """
        if not np.isfinite(self.singles[rival]).all():
            return np.inf, np.nan
        if not np.isfinite(self.scores).all():  # maps of so few modes that the inputs are enough
            return -np.inf, np.nan
        return choice.paired_gain(self.scores, self.singles[rival])

    def mixture(self, parts: Mapping[str, Model]) -> Mixture:
        """The mixture of targets that were made from all inputs."""
        kept = {name: weight for name, weight in self.weights.items() if weight > 0}
        return Mixture({name: parts[name] for name in kept}, kept)


def fit(held: Sequence[np.ndarray], targets: Sequence[Mapping[str, np.ndarray]]) -> Fit:
    """Weights that make held-out maps likeliest.

    Parameters
    ----------
    held : for every fold an array (n_held, k): held-out maps in the fold's directions
    targets : for every fold the covariances (k, k) in the same directions, made from the
        training maps; of the same names in all folds. A mixture must have full rank: a
        diagonal target sees to that

    Raises
    ------
    UserError : if the folds have different targets
    """
    names = tuple(targets[0])
    if any(set(fold) != set(names) for fold in targets):
        raise UserError("the folds of a mixture have different targets")
    stacks = [np.stack([fold[name] for name in names]) for fold in targets]
    n_held = sum(map(len, held))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = 0.0, np.zeros(len(names))
        for maps, stack in zip(held, stacks, strict=True):
            try:
                root = scipy.linalg.cho_factor(np.tensordot(weights, stack, 1))
            except scipy.linalg.LinAlgError:
                return np.inf, slope
            inverse = scipy.linalg.cho_solve(root, np.eye(len(stack[0])))
            white = maps @ inverse
            value += len(maps) * np.sum(np.log(np.diagonal(root[0]))) + np.vdot(white, maps) / 2
            slope += np.tensordot(stack, len(maps) * inverse - white.T @ white, 2) / 2
        return value / n_held, slope / n_held

    singles = {
        name: np.concatenate(
            [log_likelihood(maps, s[t]) for maps, s in zip(held, stacks, strict=True)]
        )
        for t, name in enumerate(names)
    }
    best = int(np.argmax([singles[name].mean() for name in names]))
    equal = np.full(len(names), 1 / len(names))
    ends = [
        scipy.optimize.minimize(
            loss,
            start,
            jac=True,
            method="SLSQP",
            bounds=[(0, 1)] * len(names),
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
            options={"maxiter": 200, "ftol": 1e-7},
        ).x
        for start in (equal, 0.2 * equal + 0.8 * np.eye(len(names))[best])
    ]
    weights = min(ends, key=lambda w: loss(np.clip(w, 0, None))[0])
    weights = np.where(weights < NEGLIGIBLE, 0, weights)
    weights /= weights.sum()
    scores = [
        log_likelihood(maps, np.tensordot(weights, stack, 1))
        for maps, stack in zip(held, stacks, strict=True)
    ]
    return Fit(dict(zip(names, map(float, weights), strict=True)), np.concatenate(scores), singles)


def neighbours(symmetry: Symmetry) -> dict[str, Symmetry]:
    """A chosen symmetry and weaker and stronger ones, by name, as targets."""
    plain = {"flip_deg": None, "mirror_deg": None}
    changes = {
        "turned": {},
        "narrower": {"width_deg": symmetry.width_deg / 2},
        "wider": {"width_deg": symmetry.width_deg * 2},
        "tighter": {"coherence_deg": symmetry.coherence_deg / 2},
        "looser": {"coherence_deg": symmetry.coherence_deg * 2},
        "unreflected": plain,
        "unreflected, narrower": {**plain, "width_deg": symmetry.width_deg / 2},
        "all turns": {"width_deg": np.inf},
        "inputs": {"width_deg": 0.0, "folds": 1, "coherence_deg": np.inf, **plain},
        "inputs, tapered": {"width_deg": 0.0, **plain},
    }
    found: dict[str, Symmetry] = {}
    for name, change in changes.items():
        candidate = replace(symmetry, **change)
        if candidate not in found.values():
            found[name] = candidate
    return found


def candidates(chosen: Symmetry, signed: Symmetry | None) -> dict[str, Symmetry]:
    """Targets around the symmetry without a sign, and around that with the sign of a dipole.

    Inputs that are not turned are the same with a sign and without.
    """
    found = neighbours(chosen)
    if signed is not None:
        found |= {f"{n}, signed": s for n, s in neighbours(signed).items() if s.width_deg > 0}
    return found


def fit_symmetries(
    folds: Sequence[choice.Fold],
    symmetries: Mapping[str, Symmetry],
    others: Sequence[Mapping[str, np.ndarray]] = (),
) -> Fit:
    """Weights of several symmetries, a diagonal covariance, and others.

    Parameters
    ----------
    folds : the inputs' folds
    symmetries : targets by name
    others : for every fold more targets in its ``modes``, (k, k) by name, as the emulated
        maps of its training maps; scaled to the smoothed variances by :func:`sampled`
    """
    more = others or [{}] * len(folds)
    targets = [
        {
            **{name: fold.covariance(symmetry) for name, symmetry in symmetries.items()},
            "diagonal": fold.diagonal,
            **extra,
        }
        for fold, extra in zip(folds, more, strict=True)
    ]
    return fit([fold.amplitudes for fold in folds], targets)


def sampled(maps: np.ndarray, deviation: np.ndarray) -> Turned:
    """The sample covariance of any maps about their mean, given other pixel deviations.

    Parameters
    ----------
    maps : array of shape (n_maps, n_stokes, n_pix), such as emulated ones
    deviation : array of shape (n_stokes, n_pix), K, that the model shall have
    """
    centred = maps.astype(np.float64) - maps.mean(axis=0, dtype=np.float64)
    norm = np.sqrt(np.sum(centred**2, axis=0))
    if not (norm > 0).all():
        raise UserError("a pixel of the target's maps has no variance: it can't be scaled")
    return Turned(centred / norm, deviation, model.UNTURNED)
