"""Linear shrinkage of a sample covariance: (1 − α) S + α T, with α from the maps alone.

S is the covariance about the mean. Intensities follow from small matrices of inner
products, so no n × n matrix is formed.
"""

import numpy as np
import scipy

N_INTENSITIES = 99
"""Intensities tried by :func:`cross_validated`: 0.01, 0.02, …, 0.99."""


def ledoit_wolf(maps: np.ndarray) -> float:
    """Intensity of Ledoit & Wolf (2004) toward a multiple of the unit matrix.

    The optimum of the expected squared Frobenius error, estimated: α = min(b², d²) / d².

    Parameters
    ----------
    maps : array of shape (n_maps, n)
    """
    gram, n_maps, n = _gram(maps)
    square = np.sum(gram**2) / n_maps**2  # ‖S‖² of S normalized by n_maps, as published
    distance = square - np.trace(gram) ** 2 / n_maps**2 / n
    noise = (np.sum(np.diagonal(gram) ** 2) / n_maps - square) / n_maps
    return float(min(noise, distance) / distance)


def oracle_approximating(maps: np.ndarray) -> float:
    """Intensity of the oracle-approximating shrinkage, as in scikit-learn.

    Chen, Wiesel, Eldar & Hero (2010), Eq. 23, toward a multiple of the unit matrix, with
    the terms in 1/n kept small as scikit-learn keeps them.

    Parameters
    ----------
    maps : array of shape (n_maps, n)
    """
    gram, n_maps, n = _gram(maps)
    alpha = np.sum(gram**2) / n_maps**2 / n**2
    mu2 = (np.trace(gram) / n_maps / n) ** 2
    denominator = (n_maps + 1) * (alpha - mu2 / n)
    return float(min((alpha + mu2) / denominator, 1.0)) if denominator > 0 else 1.0


def _gram(maps: np.ndarray) -> tuple[np.ndarray, int, int]:
    centred = maps - maps.mean(axis=0)
    return centred @ centred.T, *maps.shape


def cross_validated(amplitudes: np.ndarray, target: np.ndarray) -> float:
    """Intensity toward any target that gives left-out maps the largest likelihood.

    For every intensity each map is judged under the model (1 − α) S₋ₖ + α T, S₋ₖ the
    covariance of all maps but it; the Gaussian likelihood of zero mean. S₋ₖ differs from S
    by a product of vectors, so one factorization serves all maps (Theiler 2012).

    Parameters
    ----------
    amplitudes : array of shape (n_maps, k), maps in some directions; at least 3 maps
    target : array of shape (k, k), T in these directions, of full rank

    Returns
    -------
    intensity, from 0.01 to 0.99
    """
    tried = np.arange(1, N_INTENSITIES + 1) / (N_INTENSITIES + 1)
    centred = amplitudes - amplitudes.mean(axis=0)
    known = amplitudes, centred, centred.T @ centred
    scores = [_left_out_likelihood(*known, target, alpha) for alpha in tried]
    return float(tried[np.argmax(scores)])


def _left_out_likelihood(
    amplitudes: np.ndarray,
    centred: np.ndarray,
    scatter: np.ndarray,
    target: np.ndarray,
    alpha: float,
) -> float:
    """Mean log-likelihood of left-out maps, without its constant; nats.

    Parameters
    ----------
    centred, scatter : the amplitudes less their mean, (n_maps, k), and their products, (k, k)
    """
    n_maps = len(amplitudes)
    # S₋ₖ = (scatter − n/(n−1) c cᵀ) / (n − 2), c the map less the mean of all
    base = (1 - alpha) / (n_maps - 2) * scatter + alpha * target
    weight = (1 - alpha) / (n_maps - 2) * n_maps / (n_maps - 1)
    root = scipy.linalg.cholesky(base, lower=True)
    x, c = (
        scipy.linalg.solve_triangular(root, values.T, lower=True)
        for values in (amplitudes, centred)
    )
    left = 1 - weight * np.sum(c**2, axis=0)
    if (left <= 0).any():
        return -np.inf
    chi2 = np.sum(x**2, axis=0) + weight * np.sum(x * c, axis=0) ** 2 / left
    log_determinant = 2 * np.sum(np.log(np.diagonal(root))) + np.log(left)
    return float(-0.5 * np.mean(chi2 + log_determinant))
