"""The covariance to use: the best one without emulation and the emulated one, mixed.

Both have the smoothed pixel variances of the inputs. The weight is the one that makes held-out
inputs likeliest: each fold's maps are judged under what was learnt and emulated from the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fewtomany import covariance
from fewtomany.covariance import heldout, mixture
from fewtomany.covariance.learn import Learnt
from fewtomany.covariance.mixture import Fit, Mixture, Model
from fewtomany.covariance.product import Covariance
from fewtomany.covariance.sample import Sample
from fewtomany.files.store import MapSet
from fewtomany.validation import effective
from fewtomany.validation.compare.equivalent import Equivalent

WITHOUT, EMULATED = "without-emulation", "emulated"
"""The parts of the recommended covariance."""

EQUAL = {WITHOUT: 0.5, EMULATED: 0.5}
"""Their weights where no fold can tell."""

N_DRAWS = 200
"""Draws of the covariance without emulation that directions are made from."""

BLOCK = 128
"""Draws in memory at a time."""

N_DIRECTIONS = 100
"""Directions of the held-out likelihood, at most."""

SINGULAR = 1e-10
"""Smallest over largest eigenvalue below which a covariance counts as singular."""


@dataclass(frozen=True)
class FoldMaps:
    """What a fold knows.

    Attributes
    ----------
    held : array of shape (n_held, n_components, n_pix), K: maps that it did not see
    learnt : the best covariance without emulation from the others
    emulated : array of shape (n_maps, n_components, n_pix), K: their emulation
    """

    held: np.ndarray
    learnt: Learnt
    emulated: np.ndarray


@dataclass(frozen=True)
class Weighed:
    """What the folds' held-out maps say.

    Attributes
    ----------
    fit : weights of the two parts
    chi2 : array of shape (n_held,), χ² of every held-out map under the mixture of its fold;
        infinite where that is singular
    n_directions : in which the maps were judged
    """

    fit: Fit
    chi2: np.ndarray
    n_directions: int

    @property
    def number(self) -> Equivalent | None:
        """Simulations that would leave held-out maps at the same χ² (``held_out_number``).

        As a t-distribution counts them; infinite where χ² is as it should be, as far as so few
        maps can tell; None of a singular covariance.
        """
        if not np.isfinite(self.chi2).all():
            return None
        return effective.held_out_number(self.chi2, self.n_directions)

    @property
    def reduced_chi2(self) -> tuple[float, float]:
        """Mean of χ² per direction, 1 if the mixture is right, and its standard error."""
        reduced = self.chi2 / self.n_directions
        return float(reduced.mean()), float(reduced.std(ddof=1) / len(reduced) ** 0.5)

    @property
    def evidence(self) -> dict:
        """The same as plain JSON; None is an open end or infinity."""
        number = self.number
        ends = (number.n_maps, number.low, number.high) if number else (None, None, None)
        ends = [end if end is not None and np.isfinite(end) else None for end in ends]
        chi2 = [x if np.isfinite(x) else None for x in self.reduced_chi2]
        return {
            "weights": self.fit.weights,
            "n_held_out": len(self.fit.scores),
            "n_directions": self.n_directions,
            "held_out": {"chi2": dict(zip(("value", "error"), chi2, strict=True))},
            "effective_number": dict(zip(("n_maps", "low", "high"), ends, strict=True)),
        }


def parts(learnt: Learnt, emulated: np.ndarray) -> dict[str, Model]:
    """The two covariances, of the same pixel variances."""
    centred = emulated.astype(np.float64)
    centred -= centred.mean(axis=0)
    return {WITHOUT: learnt.mixture, EMULATED: Sample.of(centred, learnt.deviation)}


def weigh(folds: Sequence[FoldMaps], seed: int) -> Weighed:
    """Weights of the two by the likelihood of held-out maps, and what the mixture is worth."""
    held, targets = [], []
    for number, fold in enumerate(folds):
        drawn = fold.learnt.mixture.draw(seed, ("recommend", number), 0, N_DRAWS)
        samples = [
            maps.reshape(len(maps), -1).astype(np.float64) for maps in (drawn, fold.emulated)
        ]
        size = min(N_DIRECTIONS, len(fold.emulated) // 2, fold.held[0].size // 2)
        directions = heldout.mixture_modes(samples, max(size, 1))
        held.append(fold.held.reshape(len(fold.held), -1).astype(np.float64) @ directions.T)
        made = parts(fold.learnt, fold.emulated)
        targets.append({name: part.within(directions) for name, part in made.items()})
    fit = mixture.fit(held, targets)
    chi2 = [
        _chi2(maps, sum(fit.weights[name] * target for name, target in fold.items()))
        for maps, fold in zip(held, targets, strict=True)
    ]
    return Weighed(fit, np.concatenate(chi2), held[0].shape[1])


def _chi2(maps: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """xᵀ C⁻¹ x of maps (n_maps, k); infinite of a singular C."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] <= SINGULAR * values[-1]:
        return np.full(len(maps), np.inf)
    return np.sum((maps @ vectors) ** 2 / values, axis=1)


def recommend(learnt: Learnt, emulated: np.ndarray, weights: dict[str, float]) -> Mixture:
    """The recommended covariance of all inputs and their emulation."""
    kept = {name: weight for name, weight in weights.items() if weight > 0}
    made = parts(learnt, emulated)
    return Mixture({name: made[name] for name in kept}, kept)


def product(found: Mixture, like: MapSet, name: str, seed: int) -> Covariance:
    """A covariance product: dense, or of many values the modes of its Gaussian draws.

    Parameters
    ----------
    like : maps with the components, pixels and frame of the covariance; as many draws are made
    """
    if like.maps[0].size > covariance.product.DENSE_LIMIT:
        spans = [(k, min(k + BLOCK, len(like))) for k in range(0, len(like), BLOCK)]

        def drawn() -> Iterator[MapSet]:
            for span in spans:
                yield replace(like, maps=found.draw(seed, ("recommended", name), *span))

        return covariance.of_maps(drawn, name)
    return Covariance(
        np.zeros(like.maps[0].size),
        found.covariance(),
        len(like),
        like.stokes,
        like.nside,
        name,
        like.channels,
        like.frame,
        like.sky,
    )
