"""Diversity: are emulated maps new, different from each other, and as scattered as true ones?

A batch descends together until the mean of its statistics is the target's, so its maps are
not independent: batch means scatter less than true ones would, and what matters is whether
the maps of a batch scatter as much, in their spectra and in their scattering coefficients.
Copies of the inputs, or of each other, would pass many tests of spectra and covariances and
are found here.

True maps are those of the reference, as many as there are emulated ones. Without a reference
they are the inputs: each is then compared with the other inputs, and as many emulated maps
with each other. What batches of true maps would give is not known then.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fewtomany.config.campaign import Campaign, Dataset
from fewtomany.validation.datasets import Reader
from fewtomany.validation.entries import Range, entry
from fewtomany.validation.judge.ranges import TOLERANCE

N_MAPS = 2000
"""Maps that are compared with each other, and whose scattering is measured, at most."""

CLOSER = 0.1
"""Mean correlation with the nearest map by which emulated maps may exceed true ones."""

VARIANCES = {"total": "in all", "within": "within batches", "between": "of batch means"}

PERCENTILES = (16, 50, 84)
"""Stored percentiles of the ratios of variances, over the statistics of a family."""

BINS = np.linspace(-0.2, 1.0, 61)
"""Edges of the stored histograms of nearest-neighbour correlations."""

Statistics = Callable[[str], Mapping[str, np.ndarray]]
"""Statistics of every map of a dataset by family: arrays of shape (n_maps, n_statistics)."""


def nearest(maps: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Correlation of every map with the most similar one of the others.

    Parameters
    ----------
    maps : array of shape (n_maps, n)
    others : array of shape (n_others, n); by default the maps themselves, each without itself

    Returns
    -------
    array of shape (n_maps,): largest cosine x·y / |x||y|; the maps have no mean to remove
    """
    first = _unit(maps)
    if others is not None:
        return (first @ _unit(others).T).max(axis=1)
    cosine = first @ first.T
    np.fill_diagonal(cosine, -1.0)
    return cosine.max(axis=1)


def _unit(maps: np.ndarray) -> np.ndarray:
    maps = maps.astype(np.float64)
    return maps / np.linalg.norm(maps, axis=1, keepdims=True)


def effective_maps(maps: np.ndarray) -> float:
    """Effective number of independent maps: participation ratio (tr G)² / tr G².

    G is the matrix of inner products of the maps about their mean. N maps of a covariance
    with d effective modes give 1 / (1/N + 1/d), so compare with as many true maps.
    """
    centred = maps - maps.mean(axis=0, dtype=np.float64)
    gram = centred @ centred.T
    return float(np.trace(gram) ** 2 / np.sum(gram**2))


def batch_variance(statistics: np.ndarray, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance of the maps within batches, and variance of the means of batches.

    Independent maps of variance σ² in batches of m have σ² and σ²/m. An average target
    pins the mean of every batch (0); single targets give it the scatter of the inputs (σ²).

    Parameters
    ----------
    statistics : array of shape (n_maps, n_statistics)
    batch : array of shape (n_maps,), int; at least one batch with two maps, and two batches

    Returns
    -------
    within, between : arrays of shape (n_statistics,)
    """
    _, number, size = np.unique(batch, return_inverse=True, return_counts=True)
    means = np.zeros((len(size), statistics.shape[1]))
    np.add.at(means, number, statistics)
    means /= size[:, None]
    within = np.sum((statistics - means[number]) ** 2, axis=0) / (len(batch) - len(size))
    return within, means.var(axis=0, ddof=1)


def scattering_families(values: np.ndarray, labels: Sequence[str]) -> dict[str, np.ndarray]:
    """Scattering coefficients by statistic, and by scale: the finer half and the coarser.

    Parameters
    ----------
    values : array of shape (n_maps, n_values)
    labels : of each value, "S3|Q|j1|..." as :func:`fewtomany.validation.measure.scattering.measure`
        gives them; S3' counts as S3, and j1 is the coarsest scale of a coefficient. S2 of
        one component is its power, of a pair a coherence, free of the amplitude: families apart

    Returns
    -------
    arrays of shape (n_maps, n_statistics) by the name of the family
    """
    parts = [label.split("|") for label in labels]
    statistic = np.array(
        [part[0][:2] + " pair" * (part[0] == "S2" and _is_pair(part[1])) for part in parts]
    )
    scale = np.array([int(part[2]) for part in parts])
    fine = 2 * scale < scale.max() + 1
    families = {kind: statistic == kind for kind in np.unique(statistic).tolist()}
    families |= {"fine-scale S1 to S4": fine, "coarse-scale S1 to S4": ~fine}
    return {name: values[:, chosen] for name, chosen in families.items() if chosen.any()}


def _is_pair(components: str) -> bool:
    """Whether a label's components are two: "QU", of several channels "a.Q×b.Q"."""
    return "×" in components or (len(components) > 1 and "." not in components)


def judge_diversity(
    campaign: Campaign,
    read: Reader,
    statistics: Statistics,
    batch_of: Callable[[str], np.ndarray],
) -> tuple[list[dict], dict]:
    """Metrics of diversity of every emulated dataset.

    Parameters
    ----------
    read : maps of a dataset by its name, (n_maps, n), K
    statistics : statistics of its first maps by family, of as many as there are; the
        first family is the one that the figure shows one by one
    batch_of : batch of every map of an emulated dataset

    Returns
    -------
    metrics : entries of the judgement
    numbers : for the figure, by dataset
    """
    entries, numbers = [], {}
    known = campaign.reference is not None
    for dataset in campaign.by_role("emulated"):
        inputs, maps = read(dataset.input), read(dataset.name)[:N_MAPS]
        yardstick = campaign.yardstick(dataset.name)
        true = read(yardstick)[: len(maps)] if known else inputs
        true_statistics = statistics(yardstick)
        some = maps if known else maps[: len(true)]
        found = {
            "input": (nearest(maps, inputs), nearest(true, inputs if known else None)),
            "other": (nearest(some), nearest(true)),
        }
        number = (effective_maps(some), effective_maps(true[: len(some)]))
        batch = batch_of(dataset.name)
        ratios = {
            family: _ratios(values, true_statistics[family], batch, known)
            for family, values in statistics(dataset.name).items()
        }
        entries += _entries(dataset, found, number, ratios, len(maps), len(inputs), known)
        numbers[dataset.name] = {
            "n_maps": len(maps),
            "n_inputs": len(inputs),
            "yardstick": yardstick,
            "nearest": {
                name: [np.histogram(values, BINS)[0] / len(values) for values in pair]
                for name, pair in found.items()
            },
            "ratios": {family: mine for family, (mine, _) in list(ratios.items())[:1]},
            "percentiles": {
                family: {
                    name: np.percentile(values, PERCENTILES) if values.size else []
                    for name, values in mine.items()
                }
                for family, (mine, _) in ratios.items()
            },
        }
    return entries, {"bins": BINS, "datasets": numbers}


def _ratios(
    values: np.ndarray, true: np.ndarray, batch: np.ndarray, in_batches: bool
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Variances over those of true maps, and the same of as many true maps in such batches."""
    known = true.std(axis=0) > 1e-6 * np.abs(true.mean(axis=0))  # where true maps vary
    true = true[:, known].astype(np.float64)
    variance = true.var(axis=0, ddof=1)

    def ratios(some: np.ndarray) -> dict[str, np.ndarray]:
        within, between = batch_variance(some, batch[: len(some)])
        parts = {"total": some.var(axis=0, ddof=1), "within": within, "between": between}
        return {name: part / variance for name, part in parts.items()}

    own = ratios(values[:, known].astype(np.float64))
    return own, ratios(true[: len(values)]) if in_batches else {}


def _entries(
    dataset: Dataset,
    found: Mapping[str, Sequence[np.ndarray]],
    number: tuple[float, float],
    ratios: Mapping[str, Sequence[Mapping[str, np.ndarray]]],
    n_maps: int,
    n_inputs: int,
    known: bool,
) -> list[dict]:
    sample = {"n_maps": n_maps, "n_inputs": n_inputs}
    entries = []
    for name, what in (("input", "input"), ("other", "other map of the dataset")):
        mine, true = (values.mean() for values in found[name])
        limit = Range(None, true + CLOSER, f"that of true maps and {CLOSER:g}; a copy has 1")
        entries.append(
            entry(
                f"diversity:nearest_{name}",
                dataset,
                mine,
                text=f"mean correlation with the nearest {what}",
                error=found[name][0].std(ddof=1) / np.sqrt(len(found[name][0])),
                draws=true,
                allowed=limit,
                sample=sample,
            )
        )
    mine, true = number
    entries.append(
        entry(
            "diversity:effective_maps",
            dataset,
            mine,
            text="effective number of independent maps",
            draws=true,
            allowed=Range((1 - TOLERANCE) * true, None, "90% of that of as many true maps"),
            unit="maps",
            sample=sample,
        )
    )
    around_one = _around_one(n_inputs, known)
    for family, (mine, true) in ratios.items():
        for name, what in VARIANCES.items():
            entries.append(
                entry(
                    f"diversity:{name}:{family}",
                    dataset,
                    np.median(mine[name]),
                    text=f"median variance of {family} {what}, over that of true maps",
                    draws=np.median(true[name]) if true else None,
                    allowed=around_one if name == "total" else None,
                    sample=sample,
                )
            )
    return entries


def _around_one(n_inputs: int, known: bool) -> Range:
    """What a median ratio of variances may be; inputs in place of a reference have an error.

    The statistics of a family are correlated, so that of a single variance is allowed for.
    """
    if known:
        return Range(1 - TOLERANCE, 1 + TOLERANCE, "within 10% of the reference")
    spread = TOLERANCE + 2 * np.sqrt(2 / (n_inputs - 1))
    return Range(
        max(1 - spread, 0.0),
        1 + spread,
        "within 10% and 2 standard errors of a variance of the inputs",
    )
