"""The prior of regressions on neighbours that held-out inputs like best.

Turned maps are many and alike, so that their evidence says little of the prior, and how much they
are worth beside the inputs depends on the maps. So the prior's numbers, of which one is what
turned maps count, maximize the likelihood of held-out inputs: of a fold's maps x, with β and d²
learnt from the others (notation of :mod:`fewtomany.covariance.regressions`),

    −½ [ (x_i − Σ_k β_k x_k)² / d² + ln d² ],

averaged over values i at some pixels and over the folds. Every pixel is a regression of its
own, so few of them tell; each fold has others. Of many inputs the number of
neighbours is chosen so, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from fewtomany.covariance.regressions import STEPS, Base, Prior, Problem, Samples

N_VALUES = 300
"""Values whose regressions tell, of every fold."""

START = np.array([1.0, -3.0, 1.6, 0.3, 0.0])
"""Where the search begins: the numbers of a loose prior, and ln of what turned maps count."""

N_TRIED = 120
"""Priors that are tried, at most."""


@dataclass(frozen=True)
class HeldPixels:
    """Some regressions of a fold and the maps that it held out.

    Attributes
    ----------
    own, turned : of the inputs and of the turned maps
    base : isotropic correlations of the inputs
    held : array of shape (n, n_held, q): held-out maps, what the regressions see of them
    """

    own: Problem
    turned: Problem | None
    base: Base
    held: np.ndarray

    @classmethod
    def of(cls, samples: Samples, held: np.ndarray, shift: float) -> "HeldPixels":
        """Of held-out maps (n_held, n_components, n_pix) over the deviations of the others.

        Parameters
        ----------
        shift : of the pixels that tell, 0 ≤ shift < 1
        """
        n_pix = held.shape[2]
        n = min(max(N_VALUES // held.shape[1], 1), n_pix)
        places = np.unique(((np.arange(n) + shift) * n_pix / n).astype(int))
        order = samples.order
        values = order.values(held[:, :, order.pixels], places)
        return cls(*samples.problems(places), samples.base, values)

    def score(self, free: np.ndarray) -> float:
        """Log-likelihood of the held-out maps per value, nats, up to a constant."""
        prior = Prior.of(self.base, free)
        coefficients, variance = self.own.with_turned(self.turned, prior).means(prior)
        n_components, q = coefficients.shape[1], self.held.shape[2]
        left = self.held[:, :, q - n_components :].transpose(0, 2, 1) - np.einsum(
            "ncq,nhq->nch", coefficients, self.held[:, :, :-1]
        )
        return -0.5 * float(np.mean(np.mean(left**2, axis=2) / variance + np.log(variance)))


@dataclass(frozen=True)
class Tuned:
    """What held-out maps chose.

    Attributes
    ----------
    numbers : of the prior (:meth:`Prior.of`)
    turned : name of the turned maps that regressions learn from
    n_neighbours : of a regression
    score : log-likelihood of held-out maps per value, nats, up to a constant
    """

    numbers: np.ndarray
    turned: str
    n_neighbours: int
    score: float


def tune(folds: Sequence[HeldPixels], turned: str, n_neighbours: int) -> Tuned:
    """The prior of regressions on some neighbours under which held-out maps are likeliest."""

    def loss(free: np.ndarray) -> float:
        try:
            found = -np.mean([fold.score(free) for fold in folds])
        except np.linalg.LinAlgError:
            return np.inf
        return found + 1e-5 * np.sum((free - START) ** 2)

    simplex = START + np.vstack([np.zeros(5), np.diag([*STEPS, -1.0])])
    options = {"initial_simplex": simplex, "xatol": 0.05, "fatol": 1e-5, "maxfev": N_TRIED}
    found = scipy.optimize.minimize(loss, START, method="Nelder-Mead", options=options)
    return Tuned(found.x, turned, n_neighbours, -float(found.fun))
