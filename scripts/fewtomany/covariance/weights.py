"""Weights of many covariances by the likelihood of held-out maps: C(w) = Σ_t w_t T_t.

With w ≥ 0 and Σ_t w_t = 1 the weights maximize, over the maps x that each fold f held out,

    ln L(w) = −½ Σ_f Σ_x [ xᵀ C_f(w)⁻¹ x + ln det C_f(w) ],   C_f(w) = Σ_t w_t T_tf,

    ∂ ln L / ∂w_t = ½ Σ_f Σ_x [ (C_f⁻¹ x)ᵀ T_tf C_f⁻¹ x − tr C_f⁻¹ T_tf ],

where T_tf is target t, made from the maps that fold f did not hold out, in a few directions. It
is not concave (−ln det is convex in w): it is climbed from equal weights and from the best
single target, and the better end counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from fewtomany.covariance import heldout
from fewtomany.covariance.heldout import log_likelihood
from fewtomany.errors import UserError

NEGLIGIBLE = 1e-3
"""Weights below are set to 0, unless the mixture is singular without them."""

SUM = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
"""What weights are bound to."""


@dataclass(frozen=True)
class Fit:
    """Weights by held-out likelihood.

    Attributes
    ----------
    weights : by target, of sum 1
    scale : what their sum is multiplied by; 1 unless it is free
    scores : array (n_held,), log-likelihoods of held-out maps, nats, up to a constant
    singles : the same of every target alone, where the sum is free of its best multiple; −∞ for a
        singular one
    """

    weights: dict[str, float]
    scores: np.ndarray
    singles: dict[str, np.ndarray]
    scale: float = 1.0

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
        return heldout.paired_gain(self.scores, self.singles[rival])


def fit(
    held: Sequence[np.ndarray],
    targets: Sequence[Mapping[str, np.ndarray]],
    free: bool = False,
) -> Fit:
    """Weights that make held-out maps likeliest.

    Parameters
    ----------
    held : for every fold an array (n_held, k): held-out maps in the fold's directions
    targets : for every fold the covariances (k, k) in the same directions, made from the
        training maps; of the same names in all folds. A mixture must have full rank: a
        diagonal target sees to that
    free : whether the sum of the weights is, too

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
        """−ln L(w) and its slope, per held-out map."""
        value, slope = 0.0, np.zeros(len(names))
        for maps, stack in zip(held, stacks, strict=True):
            try:
                root = scipy.linalg.cholesky(np.tensordot(weights, stack, 1), lower=True)
            except scipy.linalg.LinAlgError:
                return np.inf, slope
            half, _ = scipy.linalg.lapack.dpotri(root, lower=True)
            inverse = half + np.tril(half, -1).T
            white = maps @ inverse
            value += len(maps) * np.sum(np.log(np.diagonal(root))) + np.vdot(white, maps) / 2
            slope += np.tensordot(stack, len(maps) * inverse - white.T @ white, 2) / 2
        return value / n_held, slope / n_held

    singles = {
        name: _single(held, [stack[t] for stack in stacks], free) for t, name in enumerate(names)
    }
    best = int(np.argmax([singles[name].mean() for name in names]))
    equal = np.full(len(names), 1 / len(names))
    ends = [
        scipy.optimize.minimize(
            loss,
            start,
            jac=True,
            method="SLSQP",
            bounds=[(0, None if free else 1)] * len(names),
            constraints=() if free else SUM,
            options={"maxiter": 200, "ftol": 1e-7},
        ).x
        for start in (equal, 0.2 * equal + 0.8 * np.eye(len(names))[best])
    ]
    weights = min(ends, key=lambda w: loss(np.clip(w, 0, None))[0])
    scale = float(weights.sum()) if free else 1.0
    weights = np.clip(weights, 0, None)
    kept = np.where(weights < NEGLIGIBLE * scale, 0, weights)
    if np.isfinite(loss(kept)[0]):  # else what is small makes the mixture invertible
        weights = kept
    weights /= weights.sum()
    scores = [
        log_likelihood(maps, scale * np.tensordot(weights, stack, 1))
        for maps, stack in zip(held, stacks, strict=True)
    ]
    named = dict(zip(names, map(float, weights), strict=True))
    return Fit(named, np.concatenate(scores), singles, scale)


def _single(held: Sequence[np.ndarray], matrices: Sequence[np.ndarray], free: bool) -> np.ndarray:
    """Log-likelihoods of held-out maps under one target; with ``free`` under its best multiple.

    That is their mean χ² per direction.
    """
    scores = [log_likelihood(maps, c) for maps, c in zip(held, matrices, strict=True)]
    found = np.concatenate(scores)
    if not free or not np.isfinite(found).all():
        return found
    each = zip(held, matrices, strict=True)
    chi2 = sum(np.vdot(maps, np.linalg.solve(c, maps.T).T) for maps, c in each)
    scale = chi2 / sum(maps.size for maps in held)
    each = zip(held, matrices, strict=True)
    return np.concatenate([log_likelihood(maps, scale * c) for maps, c in each])
