"""The symmetry of a scan, chosen from the inputs alone.

Each fold of the inputs is held out in turn; the others make the covariances, and the
Gaussian likelihood of the held-out maps decides. It is taken in the leading modes of a
mixture of candidates of equal total variance, made from the training maps alone: in random
directions every covariance of the right variances is nearly as likely as the true one.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from fewtomany.covariance import heldout, model, turning
from fewtomany.covariance.model import Symmetry
from fewtomany.covariance.surrogate import Surrogate
from fewtomany.covariance.variances import Smoothing
from fewtomany.errors import UserError

WIDTHS_DEG = (0.0, 5.0, 10.0, 20.0, 40.0, 80.0, np.inf)
COHERENCES_DEG = (14.0, 20.0, 30.0, 45.0, 70.0, np.inf)
FOLDS = (1, 2)
N_CENTRES = 32
"""Turns that may follow a reflection, evenly spaced."""

N_DIRECTIONS = 100
N_FOLDS = 5
N_DRAWS = 200
"""Draws of every candidate that the directions are made from."""

BROAD = (
    Symmetry(),
    Symmetry(20.0, coherence_deg=30.0),
    Symmetry(20.0, folds=2, coherence_deg=30.0),
    Symmetry(10.0, coherence_deg=20.0),
)
"""Candidates whose modes the likelihood is taken in, besides the inputs' own."""

FLOOR = 0.01
"""Share of a diagonal covariance that every candidate is judged with; none is singular."""

SIGNIFICANT = 1.0
"""Standard errors that a reflection must gain: its angle is one more free number."""


@dataclass(frozen=True)
class Choice:
    """What was chosen, and the evidence.

    Attributes
    ----------
    symmetry : the best one
    scores : by symmetry the array (n_maps,) of log-likelihoods of held-out maps, fold by
        fold, nats, up to a constant
    """

    symmetry: Symmetry
    scores: dict[Symmetry, np.ndarray]

    def gain(self, rival: Symmetry) -> tuple[float, float]:
        """Nats per held-out map gained over a rival, and the standard error."""
        return paired_gain(self.scores[self.symmetry], self.scores[rival])


def paired_gain(scores: np.ndarray, rivals: np.ndarray) -> tuple[float, float]:
    """Mean of paired differences, and its standard error over the maps."""
    difference = scores - rivals
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))


def log_likelihood(maps: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log-likelihood of maps (n, k), nats, up to a constant; −∞ where singular."""
    try:
        root = scipy.linalg.cholesky(covariance, lower=True)
    except scipy.linalg.LinAlgError:
        return np.full(len(maps), -np.inf)
    white = scipy.linalg.solve_triangular(root, maps.T, lower=True)
    return -np.sum(white**2, axis=0) / 2 - np.sum(np.log(np.diagonal(root)))


def make_folds(
    maps: np.ndarray,
    stokes: str,
    seed: int,
    smoothing: Smoothing,
    centre: bool = False,
    n_directions: int = N_DIRECTIONS,
    surrogate: Surrogate | None = None,
    shape: np.ndarray | None = None,
) -> list["Fold"]:
    """The inputs cut into folds, every one held out once.

    Parameters
    ----------
    maps : array of shape (n_maps, n_stokes, n_pix), at least 4 inputs
    stokes : their components
    seed : of the draws that the directions are made from
    smoothing : of the training maps' variances
    centre : whether means are taken off
    n_directions : modes in which the likelihood is taken
    surrogate : of which some modes are among these
    shape : that variances are smoothed relative to, as of ``variances.smooth``

    Raises
    ------
    UserError : with fewer than 4 inputs, or where a pixel has no variance
    """
    if len(maps) < 4:
        raise UserError(f"to choose a symmetry takes at least 4 inputs, found {len(maps)}")
    n_folds = min(N_FOLDS, len(maps) // 2)
    return [
        Fold(
            maps,
            np.arange(fold, len(maps), n_folds),
            stokes,
            (seed, fold),
            smoothing,
            centre,
            n_directions,
            surrogate,
            shape,
        )
        for fold in range(n_folds)
    ]


def choose(folds: Sequence["Fold"], dipole_deg: tuple[float, float] | None = None) -> Choice:
    """The symmetry that makes held-out inputs likeliest, of maps with the sign of a dipole or not.

    Widths, folds and coherences are tried together; then, with the best of them, every
    reflection, and again the widths and coherences with it.
    """
    scores: dict[Symmetry, np.ndarray] = {}

    def best(tried: Sequence[Symmetry]) -> Symmetry:
        for symmetry in tried:
            if symmetry not in scores:
                scores[symmetry] = np.concatenate([fold.score(symmetry) for fold in folds])
        return max(tried, key=lambda symmetry: scores[symmetry].mean())

    grid = [
        Symmetry(width, n_folds, coherence_deg=coherence, dipole_deg=dipole_deg)
        for width, n_folds, coherence in itertools.product(WIDTHS_DEG, FOLDS, COHERENCES_DEG)
    ]
    found = best(grid)
    for reflection in ("flip_deg", "mirror_deg"):
        found = _with_reflection(found, reflection, best, scores)
    return Choice(found, scores)


def _with_reflection(
    found: Symmetry,
    reflection: str,
    best: Callable[[Sequence[Symmetry]], Symmetry],
    scores: dict[Symmetry, np.ndarray],
) -> Symmetry:
    """The best symmetry with one more reflection, or the one without if it is no worse."""
    without = found
    every = np.isinf(found.width_deg)
    angles = [0.0] if every else np.arange(N_CENTRES // found.folds) * 360 / N_CENTRES
    found = best([replace(found, **{reflection: float(angle)}) for angle in angles])
    near = [
        replace(found, width_deg=width, coherence_deg=coherence)
        for width, coherence in itertools.product(WIDTHS_DEG, COHERENCES_DEG)
    ]
    found = best(near)
    gain, error = paired_gain(scores[found], scores[without])
    return found if gain > SIGNIFICANT * error else without


class Fold:
    """Training maps of a fold, turned, in the directions of its likelihood.

    The covariance of every symmetry is a weighted sum of few matrices: products of the
    training maps' amplitudes by reflection, frequency of the taper and angle. They are made
    when first asked for.

    Attributes
    ----------
    modes : array of shape (k, n), orthonormal directions of the likelihood
    amplitudes : array of shape (n_held, k), held-out maps in these, K
    diagonal : array of shape (k, k), the covariance of independent pixels of the smoothed
        variances, K²
    """

    def __init__(
        self,
        maps: np.ndarray,
        held: np.ndarray,
        stokes: str,
        key: tuple[int, int],
        smoothing: Smoothing,
        centre: bool,
        n_directions: int,
        surrogate: Surrogate | None = None,
        shape: np.ndarray | None = None,
    ) -> None:
        training, left = np.delete(maps, held, axis=0), maps[held].astype(np.float64)
        if centre:
            left = left - training.mean(axis=0)
        self.stokes = stokes
        self.maps, variance = model.normalized(training, stokes, smoothing, centre, shape)
        self.deviation = np.sqrt(variance)
        directions = self._directions(key, n_directions, surrogate)
        self.amplitudes = left.reshape(len(left), -1) @ directions.T
        self.diagonal = (directions * variance.ravel()) @ directions.T
        self.modes = directions
        self.directions = directions.reshape(-1, *self.deviation.shape) * self.deviation
        self.longitude = turning.directions(turning.nside_of(maps))[1]
        self.upper = np.triu_indices(len(directions))
        self.products: dict[tuple[str, int, tuple | None], np.ndarray] = {}

    def _directions(
        self, key: tuple[int, int], n_directions: int, surrogate: Surrogate | None
    ) -> np.ndarray:
        samples = [(self.maps * self.deviation).reshape(len(self.maps), -1)]
        for index, symmetry in enumerate(BROAD):
            broad = model.Turned(self.maps, self.deviation, symmetry)
            drawn = broad.draw(key[0], ("symmetry", key[1], index), 0, N_DRAWS)
            samples.append(drawn.reshape(N_DRAWS, -1))
        if surrogate is not None:
            scaled = surrogate.scaled(self.deviation)
            drawn = scaled.draw(key[0], ("symmetry", key[1], "surrogate"), 0, N_DRAWS)
            samples.append(drawn.reshape(N_DRAWS, -1))
        return heldout.mixture_modes(samples, n_directions)

    def score(self, symmetry: Symmetry) -> np.ndarray:
        """Log-likelihood of the held-out maps, nats, up to a constant; shape (n_held,)."""
        covariance = (1 - FLOOR) * self.covariance(symmetry) + FLOOR * self.diagonal
        return log_likelihood(self.amplitudes, covariance)

    def covariance(self, symmetry: Symmetry) -> np.ndarray:
        """The covariance of a symmetry in the fold's directions, shape (k, k), K²."""
        n_angles = 8 * turning.nside_of(self.maps)
        weights = symmetry.weights(n_angles)
        reflections, power = symmetry.reflections, symmetry.taper()
        total = np.zeros(len(self.upper[0]))
        for name, angle in reflections.items():
            turned = np.roll(weights, round(angle / 360 * n_angles))
            used = np.flatnonzero(turned)
            for k in np.flatnonzero(power):
                total += power[k] * (turned[used] @ self._products(name, int(k), symmetry)[used])
        full = np.zeros((len(self.directions),) * 2)
        full[self.upper] = total / len(reflections)
        return full + np.triu(full, 1).T

    def _products(self, reflection: str, k: int, symmetry: Symmetry) -> np.ndarray:
        """Sums over maps of products of amplitudes, (n_angles, upper triangle), float32.

        Of the symmetry only the sign of the signal counts.
        """
        key = reflection, k, symmetry.dipole_deg
        if key not in self.products:
            sign = symmetry.sign(turning.nside_of(self.maps))
            coefficients = turning.analyse(
                turning.reflect(sign * self.maps, self.stokes, reflection)
            )
            found: np.ndarray | float = 0.0
            for wave in (np.cos, np.sin) if k else (np.cos,):
                amplitudes = model.products(
                    coefficients, self.directions * (sign * wave(k * self.longitude))
                ).transpose(1, 0, 2)
                square = np.matmul(amplitudes.transpose(0, 2, 1), amplitudes)
                found = found + square[:, *self.upper]
            self.products[key] = found.astype(np.float32)
        return self.products[key]
