"""Trust without a reference: emulate from a part of the inputs, judge by the rest.

Each fold of the inputs is held out in turn. From the others come the covariances that a
user could choose between: shrunk ones, an isotropic one, the best one without emulation, the
emulated one, and the recommended one, which is made of the last two. The Gaussian likelihood of the
held-out maps decides, in the directions where at least one of these covariances has its variance.
No truth is needed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fewtomany.covariance import Model, baselines, heldout
from fewtomany.covariance.product import Covariance
from fewtomany.validation import recommend
from fewtomany.validation.judge.harmonic import LMIN
from fewtomany.validation.recommend import EMULATED, WITHOUT, FoldMaps, Weighed

RECOMMENDED = "recommended"
"""With the emulated one, the candidates that emulation gives; the others are its rivals."""


@dataclass(frozen=True)
class Fold:
    """One fold, judged.

    Attributes
    ----------
    scores : by candidate an array (n_held,): log-likelihood of held-out maps, nats per
        direction, up to a constant
    expected : by candidate the mean of the same over all maps of the truth, where it is known
    chi2 : array (n_held,), reduced χ² of held-out maps under the emulated covariance, free
        of the bias of a covariance from few maps
    intensity : weight of the emulation in the recommended covariance, by the other folds
    whole : as scores, in all values where these are few, nats a map; empty of many. A covariance
        that is singular there has none
    """

    scores: dict[str, np.ndarray]
    expected: dict[str, float]
    chi2: np.ndarray
    intensity: float
    whole: dict[str, np.ndarray]


def candidates(
    training: np.ndarray,
    made: FoldMaps,
    recommended: Model,
    naive: np.ndarray,
    directions: np.ndarray,
    neutral: np.ndarray,
) -> dict[str, np.ndarray]:
    """Covariances in the given directions, made from training maps alone.

    Parameters
    ----------
    training, naive : maps (…, n), K: inputs, and isotropic Gaussian maps with their spectra
    made : what was learnt and emulated from the training maps
    recommended : covariance of the same maps, with weights from other folds
    directions : array of shape (k, n), in which the covariances are wanted
    neutral : random directions (k, n), in which intensities are cross-validated

    Returns
    -------
    covariances : (k, k) arrays by name; singular ones are left out
    """
    space = baselines.Directions(directions)
    emulated = made.emulated.reshape(len(made.emulated), -1)
    models, _ = baselines.models(
        training, space, {"isotropic": naive}, neutral, training.var(axis=0, ddof=1)
    )
    sample = space.of_maps(training)
    found = {name: model(sample) for name, model in models.items()}
    found[WITHOUT] = made.learnt.model.within(directions)
    found[EMULATED] = space.of_maps(emulated)
    found[RECOMMENDED] = recommended.within(directions)
    if len(training) <= len(directions):
        del found[baselines.RAW]
    return found


def unbiased_chi2(maps: np.ndarray, model: np.ndarray, n_maps: int) -> np.ndarray:
    """Reduced χ² under a covariance from ``n_maps`` maps, of mean 1 (Hartlap et al. 2007)."""
    k = len(model)
    chi2 = np.einsum("ia,ia->i", maps, np.linalg.solve(model, maps.T).T) / k
    return chi2 * (n_maps - k - 2) / (n_maps - 1)


def expected_width(n_directions: int, n_maps: int) -> float:
    """Standard deviation of :func:`unbiased_chi2` where the model is right (Hotelling's T²)."""
    k, m = n_directions, n_maps - n_directions
    return math.sqrt(2 * (k + m - 2) / (k * (m - 4)))


def judge_fold(
    training: np.ndarray,
    made: FoldMaps,
    weighed: Weighed,
    naive: np.ndarray,
    neutral: np.ndarray,
    truth: Covariance | None,
) -> Fold:
    """Judge the candidates of one fold by its held-out maps.

    Parameters
    ----------
    training, naive : maps (…, n), K
    made : held-out maps, and what was learnt and emulated from the others
    weighed : what other folds say of the recommended covariance
    neutral : random directions (k, n), for intensities and χ²; the likelihood is taken in
        as many modes
    truth : true covariance, where there is one
    """
    recommended, _ = made.parts.join(weighed)
    drawn = made.learnt.model.draw(made.seed, ("trust", made.name), 0, recommend.N_DRAWS)
    emulated, held, drawn = (
        maps.reshape(len(maps), -1).astype(np.float64) for maps in (made.emulated, made.held, drawn)
    )
    directions = heldout.mixture_modes((training, emulated, naive, drawn), len(neutral))
    models = candidates(training, made, recommended, naive, directions, neutral)
    amplitudes = held @ directions.T
    whole = {}
    if held.shape[1] <= heldout.FEW:
        values = np.eye(held.shape[1])
        every = candidates(training, made, recommended, naive, values, neutral)
        scores = {name: heldout.log_likelihood(held, model) for name, model in every.items()}
        whole = {name: score for name, score in scores.items() if np.isfinite(score).all()}
    expected = {}
    if truth is not None:
        true = truth.model.within(directions)
        expected = {
            name: heldout.expected_log_likelihood(true, model) / len(directions)
            for name, model in models.items()
        }
    return Fold(
        {
            name: heldout.log_likelihood(amplitudes, model) / len(directions)
            for name, model in models.items()
        },
        expected,
        unbiased_chi2(held @ neutral.T, np.cov((emulated @ neutral.T).T), len(emulated)),
        recommend.emulation(weighed.fit.weights),
        whole,
    )


def paired_gain(folds: Sequence[Fold], name: str, rival: str) -> tuple[float, float]:
    """Mean of the paired differences in score over the held-out maps, and its standard error.

    Held-out maps of a fold share their models, so the error is that of the folds' means.
    """
    return _paired([fold.scores[name] - fold.scores[rival] for fold in folds])


def gains_in_all_values(folds: Sequence[Fold]) -> dict[str, tuple[float, float]]:
    """What every candidate gains over the recommended one in all values, nats a map.

    With its standard error, as in :func:`paired_gain`. Empty where values are many; without
    candidates that are singular in a fold.
    """
    known = set.intersection(*(set(fold.whole) for fold in folds))
    if RECOMMENDED not in known:
        return {}
    return {
        name: _paired([fold.whole[name] - fold.whole[RECOMMENDED] for fold in folds])
        for name in sorted(known - {RECOMMENDED})
    }


def _paired(differences: Sequence[np.ndarray]) -> tuple[float, float]:
    means = np.array([difference.mean() for difference in differences])
    sizes = [len(difference) for difference in differences]
    return float(np.average(means, weights=sizes)), float(means.std(ddof=1) / len(means) ** 0.5)


def expected_gain(folds: Sequence[Fold], name: str, rival: str) -> float:
    """What :func:`paired_gain` would be with all maps of the truth as held-out maps."""
    sizes = [len(fold.chi2) for fold in folds]
    gains = [fold.expected[name] - fold.expected[rival] for fold in folds]
    return float(np.average(gains, weights=sizes))


def best_rival(folds: Sequence[Fold]) -> str:
    """The candidate without emulation that the held-out maps like best."""
    scores = {
        name: np.concatenate([fold.scores[name] for fold in folds]).mean()
        for name in folds[0].scores
        if name not in (EMULATED, RECOMMENDED)
    }
    return max(scores, key=scores.get)


def spectra_inside(
    held: Sequence[np.ndarray], emulated: Sequence[np.ndarray], n_training: float
) -> tuple[float, int]:
    """Fraction of multipoles where held-out and emulated mean spectra agree within 1 σ.

    σ is the scatter of the held-out spectra times √(1/n_held + 1/n_training): the emulation
    has the noise of the inputs it was made from. The fold's differences are averaged.

    Parameters
    ----------
    held, emulated : for every fold an array (n_maps, n_spectra, lmax + 1), K²
    n_training : inputs behind an emulation

    Returns
    -------
    fraction, and the number of multipoles (of all spectra) it is taken over
    """
    every = np.concatenate(held)[..., LMIN:]
    difference = np.mean(
        [
            h[..., LMIN:].mean(axis=0) - e[..., LMIN:].mean(axis=0)
            for h, e in zip(held, emulated, strict=True)
        ],
        axis=0,
    )
    sigma = every.std(axis=0, ddof=1) * math.sqrt(1 / len(every) + 1 / n_training)
    return float(np.mean(np.abs(difference) <= sigma)), difference.size
