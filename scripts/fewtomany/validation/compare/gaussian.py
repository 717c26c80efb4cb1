"""Distances between zero-mean Gaussian models, from their covariances."""

import numpy as np
import scipy

from fewtomany.covariance.product import RANK_TOLERANCE


def kullback_leibler(truth: np.ndarray, model: np.ndarray) -> float:
    """Kullback–Leibler divergence of a model from the truth, in nats.

    D = ½ [tr(M⁻¹ C) − ln det(M⁻¹ C) − k]: the log-likelihood that the model loses on a
    true map, in the mean.

    Parameters
    ----------
    truth, model : arrays of shape (k, k), covariances C and M; the truth has full rank

    Returns
    -------
    nats; infinite for a model without variance in some direction
    """
    ratios = _ratios(model, truth)
    if ratios is None:
        return np.inf
    return float(0.5 * np.sum(1 / ratios + np.log(ratios) - 1))


def forstner(truth: np.ndarray, model: np.ndarray) -> float:
    """Förstner distance √Σ ln² λ, λ the eigenvalues of C⁻¹ M (Förstner & Moonen 1999).

    A metric that does not depend on the basis; parameters as for
    :func:`kullback_leibler`, infinite for a singular model.
    """
    ratios = _ratios(model, truth)
    if ratios is None:
        return np.inf
    return float(np.sqrt(np.sum(np.log(ratios) ** 2)))


def _ratios(model: np.ndarray, truth: np.ndarray) -> np.ndarray | None:
    """Generalized eigenvalues of the model over the truth; None if the model is singular."""
    values = scipy.linalg.eigh(model, truth, eigvals_only=True)
    return values if values[0] > RANK_TOLERANCE * values[-1] else None
