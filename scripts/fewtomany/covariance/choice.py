"""The symmetry of a scan, chosen from the inputs alone.

Each fold of the inputs is held out in turn; the others make the covariances, and the
Gaussian likelihood of the held-out maps decides. It is taken in the leading modes of a
mixture of candidates of equal total variance, made from the training maps alone: in random
directions every covariance of the right variances is nearly as likely as the true one.

A symmetry is scored, and weighed, before the last scaling to the smoothed variances, which is a few
percent of an element: what a fold keeps is made once for all widths and tapers, while the scaling
is another for every symmetry. Weighed after it, the paper's case is as far from the truth (two
draws of ten inputs: 26.27 and 33.45 nats in place of 26.26 and 33.41), in 1.3 times the time.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fewtomany.covariance import heldout, turned, turning, weights
from fewtomany.covariance.base import Model
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.turned import Symmetry, Training, Turned
from fewtomany.errors import UserError

WIDTHS_DEG = (0.0, 5.0, 10.0, 20.0, 40.0, 80.0, np.inf)
COHERENCES_DEG = (14.0, 20.0, 30.0, 45.0, 70.0, np.inf)
FOLDS = (1, 2)
N_CENTRES = 32
"""Turns that may follow a reflection, evenly spaced."""

N_DIRECTIONS = 100
N_FOLDS = 5
FEWEST = 5
"""Inputs up to which folds hold one."""

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
        return heldout.paired_gain(self.scores[self.symmetry], self.scores[rival])


def make_folds(
    training: Training,
    seed: int,
    n_directions: int = N_DIRECTIONS,
    surrogate: Factor | None = None,
) -> list["TurnedFold"]:
    """The inputs cut into folds, every one held out once.

    Parameters
    ----------
    training : at least 4 inputs
    seed : of the draws that the directions are made from
    n_directions : modes in which the likelihood is taken
    surrogate : of which some modes are among these

    Raises
    ------
    UserError : with fewer than 4 inputs, or where a pixel has no variance
    """
    if len(training) < 4:
        raise UserError(f"to choose a symmetry takes at least 4 inputs, found {len(training)}")
    return [
        TurnedFold(*training.split(held), ("symmetry", number), seed, n_directions, surrogate)
        for number, held in enumerate(held_out(len(training)))
    ]


def held_out(n_maps: int) -> list[np.ndarray]:
    """Which inputs every fold holds out: two or more, of at most ``FEWEST`` inputs one.

    Two of four would leave two, which have the same distance from their mean.
    """
    n_folds = n_maps if n_maps <= FEWEST else min(N_FOLDS, n_maps // 2)
    return [np.arange(fold, n_maps, n_folds) for fold in range(n_folds)]


def choose(folds: Sequence["TurnedFold"], dipole_deg: tuple[float, float] | None = None) -> Choice:
    """The symmetry that makes held-out inputs likeliest, of maps with the sign of a dipole or not.

    Widths, folds and coherences are tried together; then, with the best of them, every
    reflection, and again the widths and coherences with it.
    """
    scores: dict[Symmetry, np.ndarray] = {}

    def best(tried: Sequence[Symmetry]) -> Symmetry:
        new = list(dict.fromkeys(symmetry for symmetry in tried if symmetry not in scores))
        if new:
            found = np.concatenate([fold.scores(new) for fold in folds], axis=1)
            scores.update(zip(new, found, strict=True))
        return max(tried, key=lambda symmetry: scores[symmetry].mean())

    grid = [
        Symmetry(width, order, coherence_deg=coherence, dipole_deg=dipole_deg)
        for width, order, coherence in itertools.product(WIDTHS_DEG, FOLDS, COHERENCES_DEG)
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
    gain, error = heldout.paired_gain(scores[found], scores[without])
    return found if gain > SIGNIFICANT * error else without


class TurnedFold:
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
        training: Training,
        held: np.ndarray,
        key: tuple[str | int, ...],
        seed: int,
        n_directions: int,
        surrogate: Factor | None = None,
    ) -> None:
        self.training = training
        self.maps, self.deviation = training.normalized, training.deviation
        self.modes = self._directions(key, seed, n_directions, surrogate)
        self.amplitudes = held.reshape(len(held), -1) @ self.modes.T
        self.diagonal = (self.modes * self.deviation.ravel() ** 2) @ self.modes.T
        self.directions = self.modes.reshape(-1, *self.deviation.shape) * self.deviation
        self.longitude = turning.directions(training.sky.nside)[1]
        self.upper = np.ravel_multi_index(np.triu_indices(len(self.modes)), [len(self.modes)] * 2)
        self.products: dict[tuple[str, int, tuple | None], np.ndarray] = {}

    def _directions(
        self, key: tuple[str | int, ...], seed: int, n_directions: int, surrogate: Factor | None
    ) -> np.ndarray:
        about = self.training.components, self.training.sky, self.maps, self.deviation
        known: dict[str | int, Model] = {n: Turned(*about, s) for n, s in enumerate(BROAD)}
        if surrogate is not None:
            known["surrogate"] = surrogate.scaled(self.deviation)
        samples = [self.training.away.reshape(len(self.maps), -1)]
        for name, found in known.items():
            drawn = found.draw(seed, (*key, name), 0, N_DRAWS)
            samples.append(drawn.reshape(N_DRAWS, -1))
        return heldout.mixture_modes(samples, n_directions)

    def scores(self, symmetries: Sequence[Symmetry]) -> np.ndarray:
        """Log-likelihoods of the held-out maps, nats, up to a constant; (n_symmetries, n_held)."""
        return np.stack(
            [
                heldout.log_likelihood(
                    self.amplitudes, (1 - FLOOR) * covariance + FLOOR * self.diagonal
                )
                for covariance in self.covariances(symmetries)
            ]
        )

    def covariance(self, symmetry: Symmetry) -> np.ndarray:
        """The covariance of a symmetry in the fold's directions, shape (k, k), K²."""
        return self.covariances([symmetry])[0]

    def covariances(self, symmetries: Sequence[Symmetry]) -> np.ndarray:
        """Covariances of symmetries of one sign, in the directions, (n_symmetries, k, k), K².

        All at once: the products of a reflection and a frequency are read once for all turns.
        """
        n_angles = 8 * self.training.sky.nside
        tapers = [symmetry.taper() for symmetry in symmetries]
        powers = np.zeros((len(symmetries), max(map(len, tapers))), np.float32)
        for row, taper in zip(powers, tapers, strict=True):
            row[: len(taper)] = taper
        total = np.zeros((len(symmetries), len(self.upper)))
        for name in turning.OPERATIONS:
            using = [n for n, one in enumerate(symmetries) if name in one.reflections]
            if using:
                turns = [_turns(symmetries[n], name, n_angles) for n in using]
                found = self._sums(name, np.array(turns, np.float32), powers[using], symmetries[0])
                total[using] += found
        full = np.zeros((len(symmetries), *(len(self.directions),) * 2))
        for matrix, symmetry, values in zip(full, symmetries, total, strict=True):
            matrix.ravel()[self.upper] = values / len(symmetry.reflections)
            matrix += np.triu(matrix, 1).T
        return full

    def _sums(
        self, reflection: str, turns: np.ndarray, powers: np.ndarray, symmetry: Symmetry
    ) -> np.ndarray:
        """Sums of products with weights turns (n, n_angles) × powers (n, n_frequencies).

        Those of equal turns are made together, and those of equal weights are equal to the last
        bit, as ties decide which symmetry is the first.
        """
        both, place = np.unique(np.hstack([turns, powers]), axis=0, return_inverse=True)
        after, group = np.unique(both[:, : turns.shape[1]], axis=0, return_inverse=True)
        powers = both[:, turns.shape[1] :]
        used, waves = np.flatnonzero(after.any(axis=0)), np.flatnonzero(powers.any(axis=0))
        few: slice | np.ndarray = used if 2 * len(used) < turns.shape[1] else slice(None)  # a copy
        made = np.stack(
            [after[:, few] @ self._products(reflection, k, symmetry)[few] for k in waves], axis=1
        )
        found = np.empty((len(both), made.shape[-1]), np.float32)
        for n, of_turn in enumerate(made):
            found[group == n] = powers[group == n][:, waves] @ of_turn
        return found[place]

    def _products(self, reflection: str, k: int, symmetry: Symmetry) -> np.ndarray:
        """Sums over maps of products of amplitudes, (n_angles, upper triangle), float32.

        Of the symmetry only the sign of the signal counts.
        """
        key = reflection, k, symmetry.dipole_deg
        if key not in self.products:
            sign = symmetry.sign(self.training.sky.nside)
            coefficients = turning.analyse(
                turning.reflect(
                    sign * self.maps, self.training.components.letters, reflection
                ).astype(np.float32)
            )
            found: np.ndarray | float = 0.0
            for wave in (np.cos, np.sin) if k else (np.cos,):
                amplitudes = turned.products(
                    coefficients,
                    (self.directions * (sign * wave(k * self.longitude))).astype(np.float32),
                ).transpose(1, 0, 2)
                square = np.matmul(amplitudes.transpose(0, 2, 1), amplitudes)
                found = found + square.reshape(len(square), -1)[:, self.upper]
            self.products[key] = found.astype(np.float32)
        return self.products[key]


def _turns(symmetry: Symmetry, reflection: str, n_angles: int) -> np.ndarray:
    """Weights (n_angles,) of the turns that follow a reflection."""
    shift = round(symmetry.reflections[reflection] / 360 * n_angles)
    return np.roll(symmetry.weights(n_angles), shift)


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
    folds: Sequence[TurnedFold],
    symmetries: Mapping[str, Symmetry],
    others: Sequence[Mapping[str, np.ndarray]] = (),
) -> weights.Fit:
    """Weights of several symmetries, a diagonal covariance, and others.

    Parameters
    ----------
    folds : the inputs' folds
    symmetries : targets by name
    others : for every fold more targets in its ``modes``, (k, k) by name, as a
        surrogate's
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
    return weights.fit([fold.amplitudes for fold in folds], targets)
