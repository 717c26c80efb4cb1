"""How far the loss of every batch of an emulation falls."""

from collections.abc import Mapping, Sequence

import numpy as np

from fewtomany.config.campaign import Campaign, Dataset
from fewtomany.validation.entries import Range, entry

N_SHOWN = 50
"""Batches of a dataset whose losses are kept for the figure, at most."""

N_POINTS = 200
"""Steps of each that are kept, at most, from dense to sparse."""


def judge_losses(
    campaign: Campaign, losses: Mapping[str, Sequence[np.ndarray]]
) -> tuple[list[dict], dict]:
    """Metrics of the descents of every emulated dataset.

    Parameters
    ----------
    losses : by dataset, of each of its batches an array (n_steps + 1, n_terms)

    Returns
    -------
    metrics : entries of the judgement
    numbers : for the figure, by dataset
    """
    entries, numbers = [], {}
    for dataset in campaign.by_role("emulated"):
        totals = [batch.sum(axis=1) for batch in losses[dataset.name]]
        fall = np.array([total[0] / total[-1] for total in totals])
        last = np.array([total[-1] for total in totals])
        steps = [_kept(len(total)) for total in totals[:N_SHOWN]]
        entries += _entries(campaign, dataset, fall, last, losses[dataset.name][0].shape[1])
        numbers[dataset.name] = {
            "n_batches": len(totals),
            "n_maps": campaign.emulator.batch_size,
            "fall": float(np.median(fall)),
            "smallest_fall": float(fall.min()),
            "curves": [
                {"steps": kept, "loss": total[kept]}
                for kept, total in zip(steps, totals[:N_SHOWN], strict=True)
            ],
        }
    return entries, {"datasets": numbers}


def _kept(n_steps: int) -> np.ndarray:
    """Steps that are shown of so many: all at first, then ever fewer."""
    return np.unique(np.rint(np.geomspace(1, n_steps, N_POINTS)).astype(int)) - 1


def _entries(
    campaign: Campaign, dataset: Dataset, fall: np.ndarray, last: np.ndarray, n_terms: int
) -> list[dict]:
    single = dataset.strategy == "single-target"
    n_inputs = 1 if single else campaign.datasets[dataset.input].n_maps
    sample = {"n_batches": len(fall), "n_inputs": n_inputs}
    return [
        entry(
            "descent:decades",
            dataset,
            float(np.log10(np.median(fall))),
            text="orders of magnitude that the loss of a batch falls by, median",
            sample=sample,
        ),
        entry(
            "descent:last",
            dataset,
            float(last.max()),
            text="largest last loss of a batch",
            allowed=Range(
                None,
                n_terms / n_inputs,
                "the mean of a batch is nearer to its target than the target, a mean of inputs, "
                "is known to be",
            ),
            sample=sample,
        ),
    ]
