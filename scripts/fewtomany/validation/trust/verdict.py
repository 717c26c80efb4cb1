"""The verdict of cross-validation: gains, χ² and spectra of held-out inputs as metrics."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import scipy

from fewtomany.config.campaign import Campaign, Dataset
from fewtomany.covariance import baselines
from fewtomany.covariance.product import Covariance
from fewtomany.files.store import MapSet
from fewtomany.spectra import isotropic, spectra
from fewtomany.validation import recommend
from fewtomany.validation.entries import Range, entry
from fewtomany.validation.recommend import EMULATED, WITHOUT, FoldMaps
from fewtomany.validation.trust.folds import (
    RECOMMENDED,
    Fold,
    best_rival,
    expected_gain,
    expected_width,
    gains_in_all_values,
    judge_fold,
    paired_gain,
    spectra_inside,
)

SIGNIFICANT = 2.0
"""Standard errors that a better likelihood must reach."""

DISAGREEMENT = 0.0027
"""How seldom the estimate may lie so far from the expectation under the truth: 3 σ."""

CHI2_TOLERANCE = 0.1
"""Relative accuracy asked of χ², besides two standard errors."""


def cross_validate(
    campaign: Campaign,
    dataset: Dataset,
    inputs: MapSet,
    emulated: Mapping[str, np.ndarray],
    learnt: Mapping[str, Covariance],
    truth: Covariance | None,
) -> tuple[list[dict], dict]:
    """Cross-validate an emulated dataset.

    Parameters
    ----------
    inputs : all its inputs, K
    emulated : maps of every fold by its name, (n_maps, n_components, n_pix), K
    learnt : the best covariance without emulation from the other inputs, by fold
    truth : true covariance, where there is one

    Returns
    -------
    metrics : entries of the judgement
    numbers : for the figure: gains over the best rival by candidate, held out and expected
        under the truth; what the emulation added to the recommended covariance; nats per
        direction. Of few values what every other covariance gains over it in all of these, nats
        a map
    """
    components, sky = inputs.components, inputs.sky
    n = inputs.maps[0].size
    neutral = baselines.random_directions(campaign.seed, campaign.trust.n_directions, n)
    every = campaign.folds_of(dataset.name)
    made = [
        FoldMaps(
            fold.name,
            np.delete(inputs.maps, list(fold.selection), axis=0),
            learnt[fold.name],
            emulated[fold.name],
            campaign.seed,
        )
        for fold in every
    ]
    ballots = [recommend.ballot(fold) for fold in made]
    folds, held_spectra, emulated_spectra = [], [], []
    for number, fold in enumerate(every):
        training = inputs.maps[list(fold.selection)]
        others = [*ballots[:number], *ballots[number + 1 :]]
        key = ("trust", fold.name)
        naive = isotropic.draw(training, components, campaign.seed, key, 0, fold.n_maps, sky)
        folds.append(
            judge_fold(
                training.reshape(-1, n).astype(np.float64),
                made[number],
                recommend.weigh(others),
                naive.reshape(-1, n),
                neutral,
                truth,
            )
        )
        held_spectra.append(spectra.measure(made[number].held, components, sky))
        emulated_spectra.append(spectra.measure(emulated[fold.name], components, sky))
    inside = spectra_inside(held_spectra, emulated_spectra, len(every[0].selection))
    return _entries(campaign, dataset, folds, inside), _numbers(campaign, dataset, folds)


def _entries(
    campaign: Campaign, dataset: Dataset, folds: Sequence[Fold], inside: tuple[float, int]
) -> list[dict]:
    chi2 = np.concatenate([fold.chi2 for fold in folds])
    sample = {
        "n_inputs": len(chi2),
        "n_folds": len(folds),
        "n_maps": campaign.trust.n_maps,
        "n_directions": campaign.trust.n_directions,
    }
    rival = best_rival(folds)
    entries = []
    for name, what in (
        (EMULATED, "emulated covariance"),
        (RECOMMENDED, "recommended covariance"),
    ):
        gain, error = paired_gain(folds, name, rival)
        limit = Range(
            SIGNIFICANT * error,
            None,
            f"better than the best without emulation ({rival}) by twice its standard error",
        )
        entries.append(
            entry(
                f"trust:{name}",
                dataset,
                gain,
                text=f"held-out likelihood gained: {what}",
                error=error,
                allowed=limit,
                unit="nats per direction",
                sample=sample,
            )
        )
        if folds[0].expected:
            expected = expected_gain(folds, name, rival)
            # the error is that of a few folds' means: Student's t, not a normal deviate
            farthest = float(scipy.stats.t.ppf(1 - DISAGREEMENT / 2, len(folds) - 1))
            limit = Range(
                -farthest,
                farthest,
                f"within {farthest:.2g} standard errors of the gain {expected:.3g} under the "
                f"truth, 3 σ for {len(folds)} folds",
            )
            entries.append(
                entry(
                    f"trust:{name}:truth",
                    dataset,
                    (gain - expected) / error if error else 0.0,
                    text=f"the same, less the gain under the truth: {what}",
                    allowed=limit,
                    unit="standard errors",
                    sample=sample,
                )
            )
    error = chi2.std(ddof=1) / math.sqrt(len(chi2))
    tolerance = CHI2_TOLERANCE + 2 * error
    source = "within 10% and two standard errors of 1"
    width = chi2.std(ddof=1) / expected_width(campaign.trust.n_directions, campaign.trust.n_maps)
    spread = CHI2_TOLERANCE + 2 / math.sqrt(2 * (len(chi2) - 1))
    fraction, n_multipoles = inside
    scatter = math.sqrt(0.683 * 0.317 / n_multipoles)
    return [
        *entries,
        entry(
            "trust:chi2_mean",
            dataset,
            chi2.mean(),
            text="mean reduced χ² of held-out maps, emulated covariance, random directions",
            error=error,
            allowed=Range(1 - tolerance, 1 + tolerance, source),
            sample=sample,
        ),
        entry(
            "trust:chi2_width",
            dataset,
            width,
            text="width of the same over the expected one",
            error=width / math.sqrt(2 * (len(chi2) - 1)),
            allowed=Range(1 - spread, 1 + spread, source),
            sample=sample,
        ),
        entry(
            "trust:spectra",
            dataset,
            fraction,
            text="multipoles where held-out and emulated spectra agree within 1 σ",
            allowed=Range(0.683 - 2 * scatter, None, "68% of independent ones, less 2 σ"),
            sample=sample,
        ),
    ]


def _numbers(campaign: Campaign, dataset: Dataset, folds: Sequence[Fold]) -> dict:
    rival = best_rival(folds)
    gains = {}
    for name in folds[0].scores:
        held, error = paired_gain(folds, name, rival)
        true = expected_gain(folds, name, rival) if folds[0].expected else None
        gains[name] = {"held_out": held, "error": error, "truth": true}
    added, error = paired_gain(folds, RECOMMENDED, WITHOUT)
    return {
        "dataset": dataset.name,
        "rival": rival,
        "gains": gains,
        "added": {"gain": added, "error": error},
        "all_values": {
            name: {"gain": gain, "error": error}
            for name, (gain, error) in gains_in_all_values(folds).items()
        },
        "chi2": np.concatenate([fold.chi2 for fold in folds]),
        "intensities": [fold.intensity for fold in folds],
        "n_folds": len(folds),
        "n_inputs": sum(len(fold.chi2) for fold in folds),
        "n_maps": campaign.trust.n_maps,
        "n_directions": campaign.trust.n_directions,
    }
