"""Means of few accurate realizations with a cheap one of each as control variate.

    from fewtomany.datasets import control

    found = control.carpool(accurate, cheap, many)  # spectra, maps, any statistic
    found.mean, found.error

Accurate and cheap realizations of the same random numbers share a part of their scatter. Many
cheap ones tell that part, and it is taken off (CARPool; Chartier et al. 2021, MNRAS 503, 1897):

    x̂ = x̄ - β (c̄ - μ_c),   β = Cov(x, c) / Var(c), value by value.

The simplified simulation may be wrong: β then tends to 0, and x̂ to x̄. Nothing but pairs is
needed. Two simulations with as many chunks and the same seed make them, since they draw equal
random numbers.
"""

from dataclasses import dataclass

import numpy as np

from fewtomany.config.products import MIN_PAIRS
from fewtomany.errors import UserError


@dataclass(frozen=True)
class Controlled:
    """A mean with a control variate.

    Attributes
    ----------
    mean : array of shape (...), in the unit of the realizations
    error : its standard error, as of normal values
    beta : the slope that was taken
    """

    mean: np.ndarray
    error: np.ndarray
    beta: np.ndarray


def carpool(accurate: np.ndarray, cheap: np.ndarray, many: np.ndarray) -> Controlled:
    """The mean of accurate realizations, controlled by cheap ones.

    Parameters
    ----------
    accurate, cheap : arrays of shape (n, ...), row k of both of the same random numbers
    many : array of shape (m, ...), cheap realizations of other random numbers

    Raises
    ------
    UserError : if shapes do not agree, or with fewer than 4 pairs or 2 of ``many``
    """
    x, c, others = (np.asarray(values, np.float64) for values in (accurate, cheap, many))
    if x.shape != c.shape or c.shape[1:] != others.shape[1:]:
        raise UserError(
            f"accurate, cheap and many have shapes {x.shape}, {c.shape} and {others.shape}; "
            "expected (n, ...), (n, ...) and (m, ...)"
        )
    if len(x) < MIN_PAIRS or len(others) < 2:
        raise UserError(
            f"{len(x)} pairs and {len(others)} cheap realizations are not enough; "
            f"expected at least {MIN_PAIRS} and 2"
        )
    n = len(x)
    away = c - c.mean(axis=0)
    square = np.sum(away**2, axis=0)
    varies = square > 0
    beta = np.divide(np.sum(away * x, axis=0), square, out=np.zeros_like(square), where=varies)
    offset = c.mean(axis=0) - others.mean(axis=0)
    residual = x - x.mean(axis=0) - beta * away
    variance = np.sum(residual**2, axis=0) / (n - 1 - varies)
    # of the slope, at a distance from the middle of the pairs
    lever = np.divide(offset**2, square, out=np.zeros_like(square), where=varies)
    known = beta**2 * others.var(axis=0, ddof=1) / len(others)
    return Controlled(
        x.mean(axis=0) - beta * offset, np.sqrt(variance * (1 / n + lever) + known), beta
    )
