"""A covariance from few simulations in a likelihood: corrections, and the number they need.

The corrections of Hartlap et al. (2007) and of Sellentin & Heavens (2016) are exact for the
sample covariance of N Gaussian simulations. For any other covariance N is an effective
number, and they are approximations.
"""

import math

import numpy as np
import scipy

from fewtomany import covariance, seeds
from fewtomany.errors import UserError
from fewtomany.validation.compare import equivalent
from fewtomany.validation.compare.equivalent import Curve, Equivalent

N_TRIED = 4000
"""Numbers of simulations tried by :func:`held_out_number`."""

N_SETS, N_SIZES, LONGEST, FARTHEST = 4, 30, 16, 1000
"""Of :func:`divergence_curve`: sets of simulations, sizes, the largest drawn size in units of
the number of values, and the end of the curve in units of that."""

REACH = 1e5
"""Largest number tried, in units of the number of values."""


def hartlap(n_maps: float, n: int) -> float:
    """Factor (N - n - 2) / (N - 1) that makes an inverse sample covariance unbiased.

    Parameters
    ----------
    n_maps : N, or an effective number; infinity gives 1
    n : values per map

    Raises
    ------
    UserError : for N ≤ n + 2, where the mean of the inverse does not exist
    """
    if not n_maps > n + 2:
        raise UserError(f"Hartlap's factor of {n} values needs more than {n + 2} maps: {n_maps:g}")
    return 1.0 if math.isinf(n_maps) else (n_maps - n - 2) / (n_maps - 1)


def log_t(
    chi2: float | np.ndarray, n: int, n_maps: float, log_determinant: float = 0.0
) -> float | np.ndarray:
    """Log-likelihood of Sellentin & Heavens (2016): a multivariate t-distribution.

    Parameters
    ----------
    chi2 : xᵀ C⁻¹ x of maps less their expectation, any shape; no Hartlap factor in it
    n : values per map
    n_maps : N, or an effective number; infinity gives the Gaussian likelihood
    log_determinant : ln det C

    Raises
    ------
    UserError : for N ≤ n, where the distribution does not exist
    """
    if not n_maps > n:
        raise UserError(f"the t-distribution of {n} values needs more than {n} maps: {n_maps:g}")
    if math.isinf(n_maps):
        return -0.5 * (chi2 + log_determinant + n * math.log(2 * math.pi))
    # ln Γ(N/2) - ln Γ((N - n)/2), without the difference of large numbers
    gammas = scipy.special.gammaln(n / 2) - scipy.special.betaln((n_maps - n) / 2, n / 2)
    norm = gammas - n / 2 * math.log(math.pi * (n_maps - 1)) - 0.5 * log_determinant
    return norm - n_maps / 2 * np.log1p(chi2 / (n_maps - 1))


def divergence(model: np.ndarray, truth: np.ndarray) -> float:
    """Kullback-Leibler divergence of a Gaussian model from the true one, zero means, nats.

    Parameters
    ----------
    model, truth : arrays of shape (n, n), positive definite
    """
    root, true = (scipy.linalg.cholesky(matrix, lower=True) for matrix in (model, truth))
    half = scipy.linalg.solve_triangular(root, true, lower=True)
    logs = np.log(np.diagonal(true)) - np.log(np.diagonal(root))
    return float(0.5 * (np.sum(half**2) - len(model)) - np.sum(logs))


def divergence_curve(
    truth: np.ndarray, known: np.ndarray, seed: int = 0, n_sets: int = N_SETS
) -> Curve:
    """Divergence of B + S_N from B + T, S_N the sample covariance of N true simulations.

    S_N is drawn (Gaussian simulations, as many in a set as there are in its longest part)
    up to N = 16 n; beyond, the divergence falls as 1 / (N - 1).

    Parameters
    ----------
    truth, known : arrays of shape (n, n), T and B; B is positive definite
    seed : of the drawn simulations
    """
    n = len(truth)
    root = covariance.symmetric_root(truth.copy())[1]
    sizes = np.unique(np.geomspace(2, LONGEST * n, N_SIZES).astype(int))
    values = np.empty((n_sets, len(sizes)))
    for row, index in zip(values, range(n_sets), strict=True):
        maps = seeds.standard_normal(seed, ("effective", index), 0, sizes[-1], n) @ root
        total, scatter, last = np.zeros(n), np.zeros((n, n)), 0
        for place, size in enumerate(sizes):
            some = maps[last:size]
            total, scatter, last = total + some.sum(axis=0), scatter + some.T @ some, size
            sample = (scatter - np.outer(total, total) / size) / (size - 1)
            row[place] = divergence(known + sample, known + truth)
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(n_sets)
    far = (sizes[-1] - 1) / (FARTHEST * sizes[-1] - 1)
    return Curve(
        np.append(sizes, FARTHEST * sizes[-1]),
        np.append(mean, far * mean[-1]),
        np.append(error, far * error[-1]),
    )


def number_of_divergence(value: float, curve: Curve) -> float:
    """How many true simulations a divergence is worth: noise and bias of a model count alike.

    2 stands for 2 or fewer; infinity for more than the curve holds.
    """
    found = equivalent.equivalent(value, 0.0, curve).n_maps
    return found if found < curve.n_maps[-1] * (1 - equivalent.EDGE) else math.inf


def total_number(n_maps: float, part: np.ndarray, total: np.ndarray) -> float:
    """Effective number of simulations of a sum, only a part of which is estimated.

    The scatter of the estimated part, in the metric of the total, is as large as that of the
    sample covariance of so many simulations of the total (the matrix form of Welch and
    Satterthwaite; Nel & van der Merwe 1986). CMB and noise are known, so it is larger than N.

    Parameters
    ----------
    n_maps : number of simulations of the part
    part, total : arrays of shape (n, n); the total holds the part
    """
    root = scipy.linalg.cholesky(total, lower=True)
    n = len(total)
    return 1 + (n_maps - 1) * (n * n + n) / _wishart_scatter(_whiten(root, part))


def _whiten(root: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    half = scipy.linalg.solve_triangular(root, matrix, lower=True)
    return scipy.linalg.solve_triangular(root, half.T, lower=True)


def _wishart_scatter(matrix: np.ndarray) -> float:
    """Expected squared error of one degree of freedom of a sample covariance."""
    return float(np.trace(matrix) ** 2 + np.sum(matrix**2))


def held_out_number(chi2: np.ndarray, n: int) -> Equivalent:
    """The number N with which log_t makes held-out maps likeliest; it needs no truth.

    A covariance that held-out maps leave at χ² near n gives an N beyond what they can tell
    (infinity); one that they exceed gives a small N, be it noisy or too small. χ² says
    nothing of directions in which a covariance is too large.

    Parameters
    ----------
    chi2 : array of shape (n_held,), xᵀ C⁻¹ x of maps that C was not made from
    n : values per map

    Returns
    -------
    N, at least n; its interval, where ln L falls by 1/2; None where it is open
    """
    above = np.geomspace(0.1, REACH * n, N_TRIED)
    score = np.array([np.sum(log_t(chi2, n, n + a)) for a in above])
    best = int(np.argmax(score))
    inside = np.flatnonzero(score >= score[best] - 0.5)
    low, high = int(inside[0]), int(inside[-1])
    end = N_TRIED - 1
    return Equivalent(
        math.inf if best == end else float(n + above[best]),
        float(n + above[low]) if low else None,
        float(n + above[high]) if high < end else None,
    )
