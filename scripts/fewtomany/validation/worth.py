"""How many simulations a covariance acts like, by three counts, from held-out maps alone.

One number misleads: a covariance can have the right χ² and wrong variances of single pixels. So
three questions are asked of maps x that the covariance C was not made from, each with its own
answer. N counts simulations whose sample covariance would do as badly.

**By χ².** N is the number with which a t-distribution (Sellentin & Heavens 2016) makes the χ² of
held-out maps likeliest, in a few directions (:func:`effective.held_out_number`).

**By pixel variances and by correlations.** Both are means over realizations: of

    y_i  = z_i² − 1,                        z_i = x_i / √C_ii,
    y_ij = z_i z_j − ρ_ij (z_i² + z_j²)/2,  ρ_ij = C_ij / √(C_ii C_jj),

which is 0 where C is right. y_ij is the influence of one map on a correlation coefficient: a
wrong variance changes it in second order only. N simulations know such a mean to σ²/N, σ² the
variance of y from map to map; C misses it by d. So its number is σ²/d², both as means over
pixels, or over pairs of pixels. The noise of the held-out maps would make d² too large; products
of two maps, x ≠ x', have none:

    d² = ⟨y(x) y(x')⟩,    σ² = ⟨y(x)²⟩ − d²,    R = σ²/d².

Noise and bias of C count alike, and maps need not be Gaussian. Dividing by √C_ii, which has errors
of its own, makes R of N Gaussian simulations (ν = N − 1) ν²/(ν + 4) of variances, and ν of
correlations that are small; N is that which solves this for ν, plus 1. Ranges are one standard
error of d²/σ², by leaving out one held-out map at a time. They open upwards where the error is as
large as d²/σ²: so few maps cannot tell C from the truth.

Covariances of folds are judged, which know fewer inputs than the one that is kept.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fewtomany import seeds
from fewtomany.validation import effective
from fewtomany.validation.compare.equivalent import Equivalent

N_VALUES = 400
"""Values whose pairs are looked at, at most."""

MOST_NUMBERS = 2**25
"""Rows of a covariance in memory: of maps of many values fewer pairs are looked at."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out maps beside a covariance, value by value.

    Attributes
    ----------
    maps : array of shape (n_held, n), K, of zero mean over realizations
    variance : array of shape (n,), K²: diagonal of the covariance
    chosen : indices of the k values whose pairs are looked at
    pairs : array of shape (k, k), K²: the covariance of these
    """

    maps: np.ndarray
    variance: np.ndarray
    chosen: np.ndarray
    pairs: np.ndarray


def choose(n: int, seed: int) -> np.ndarray:
    """Indices of the values whose pairs are looked at, ascending."""
    size = min(n, N_VALUES, max(MOST_NUMBERS // n, 2))
    return np.sort(seeds.generator(seed, "worth").choice(n, size, replace=False))


def mixed(seen: Mapping[str, HeldOut], shares: Mapping[str, float]) -> HeldOut:
    """The same maps beside a weighted sum of covariances."""
    first = next(iter(seen.values()))
    return replace(
        first,
        variance=sum(share * seen[name].variance for name, share in shares.items()),
        pairs=sum(share * seen[name].pairs for name, share in shares.items()),
    )


def by_chi2(chi2: np.ndarray, n: int) -> Equivalent | None:
    """The number by χ² (n_held,) in n directions; None where one is infinite."""
    return effective.held_out_number(chi2, n) if np.isfinite(chi2).all() else None


def by_variances(folds: Sequence[HeldOut]) -> Equivalent | None:
    """The number by pixel variances; None where no fold holds two maps out."""
    return _number([_of_variances(fold) for fold in folds], _undo_scale)


def by_correlations(folds: Sequence[HeldOut]) -> Equivalent | None:
    """The number by correlations; None where no fold holds two maps out."""
    return _number([_of_correlations(fold) for fold in folds], lambda ratio: ratio)


def as_json(number: Equivalent | None) -> dict[str, Any]:
    """A number and its range; None is an open end or infinity."""
    ends = (number.n_maps, number.low, number.high) if number else (None, None, None)
    plain = [end if end is not None and math.isfinite(end) else None for end in ends]
    return dict(zip(("n_maps", "low", "high"), plain, strict=True))


def _of_variances(fold: HeldOut) -> np.ndarray:
    """⟨y(x) y(x')⟩ over values, (n_held, n_held)."""
    y = fold.maps**2 / fold.variance - 1
    return y @ y.T / y.shape[1]


def _of_correlations(fold: HeldOut) -> np.ndarray:
    """⟨y(x) y(x')⟩ over pairs of different values, (n_held, n_held)."""
    deviation = np.sqrt(fold.variance[fold.chosen])
    rho = fold.pairs / np.outer(deviation, deviation)
    z = fold.maps[:, fold.chosen] / deviation
    first, second = np.triu_indices(z.shape[1], 1)
    squares = z**2
    y = z[:, first] * z[:, second]
    y -= rho[first, second] * (squares[:, first] + squares[:, second]) / 2
    return y @ y.T / y.shape[1]


def _undo_scale(ratio: float) -> float:
    """ν of R = ν²/(ν + 4)."""
    return (ratio + math.sqrt(ratio**2 + 16 * ratio)) / 2


def _share(products: Sequence[np.ndarray]) -> float:
    """d²/σ² over all pairs of maps that a fold holds out together."""
    pairs = sum(len(some) * (len(some) - 1) for some in products)
    missed = sum(some.sum() - np.trace(some) for some in products) / pairs
    total = sum(np.trace(some) for some in products) / sum(map(len, products))
    return missed / max(total - missed, np.finfo(float).eps * abs(total), np.finfo(float).tiny)


def _number(products: Sequence[np.ndarray], undo: Callable[[float], float]) -> Equivalent | None:
    """The number of simulations of products ⟨y(x) y(x')⟩, by fold."""
    products = [some for some in products if len(some) > 1]
    if not products:
        return None
    left = []
    for k, some in enumerate(products):
        for out in range(len(some)):
            rest = np.delete(np.delete(some, out, axis=0), out, axis=1)
            others = [*products[:k], rest, *products[k + 1 :]]
            if any(len(other) > 1 for other in others):
                left.append(_share([other for other in others if len(other) > 1]))
    share = _share(products)
    error = math.sqrt((len(left) - 1) * np.var(left)) if len(left) > 1 else math.inf

    def number(missed: float) -> float:
        return 1 + undo(1 / missed) if missed > 0 else math.inf

    high = number(share - error)
    return Equivalent(
        number(share),
        number(max(share, 0) + error) if math.isfinite(error) else None,
        high if math.isfinite(high) else None,
    )
