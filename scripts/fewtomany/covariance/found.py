"""What a way of learning a covariance has found, and whether a surrogate has a part in it."""

from dataclasses import dataclass

import numpy as np

from fewtomany.covariance import heldout, weights
from fewtomany.covariance.base import Model

TRUST = 2.0
"""Standard errors that a surrogate must gain: one that does not is left out altogether."""


STAND_INS = ("surrogate", "surrogate, local")
"""Their names as parts."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a way of learning has found.

    Attributes
    ----------
    model : the covariance, of zero mean
    deviation : array of shape (n_components, n_pix), K: smoothed, that of every part but, without
        an axis, of the inputs themselves
    evidence : see :func:`learn`
    """

    model: Model
    deviation: np.ndarray
    evidence: dict


def judged(plain: weights.Fit, without: weights.Fit, fit: weights.Fit) -> tuple[weights.Fit, dict]:
    """The fit with a surrogate, or the plain one; and the evidence for it.

    Parameters
    ----------
    plain : without a surrogate, in directions that know of none
    without, fit : without and with it, in directions that do
    """
    gain, error = heldout.paired_gain(fit.scores, without.scores)
    weight = sum(fit.weights.get(name, 0) for name in STAND_INS)
    trusted = gain > TRUST * error and weight > 0
    evidence = {"gain": gain, "error": error, "weight": weight * trusted}
    return (fit if trusted else plain), {"surrogate": evidence}


def evidence_of(fit: weights.Fit) -> dict:
    gain, error = fit.gain(fit.best_single)
    return {
        "weights": fit.weights,
        "best_single": fit.best_single,
        "gain": gain if np.isfinite(gain) else None,
        "error": error if np.isfinite(error) else None,
    }
