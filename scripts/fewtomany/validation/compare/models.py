"""The comparison of covariance models: how far each is from the truth, and how many true
simulations that is worth.

Models are the sample covariances of all datasets, what can be made of the inputs alone
(``baselines``, nonlinear shrinkage, the best covariance without emulation), and the recommended
ones.
"""

import functools
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from fewtomany import covariance, seeds
from fewtomany.config.campaign import Campaign, Dataset
from fewtomany.covariance import Covariance, baselines, nonlinear
from fewtomany.covariance.baselines import Estimator
from fewtomany.emulator import batches
from fewtomany.errors import UserError
from fewtomany.validation.compare import distances, equivalent, views
from fewtomany.validation.compare.views import View, Viewer
from fewtomany.validation.datasets import Reader
from fewtomany.validation.entries import UNITS, Range, entry, title
from fewtomany.validation.recommend import WITHOUT, emulation

HEADLINES = ("kl", "forstner", "variance_error", "correlation_error")
"""Distances that models are judged by, in this order."""

ROUNDING = 1e-6
"""By which the same covariance in another form may be farther."""

LISTED_OF_BASELINES = ("kl", "correlation_error")
"""Distances of the baselines that are metrics; all of them are in the figures."""

log = logging.getLogger(__name__)


def units(campaign: Campaign, dataset: Dataset) -> np.ndarray:
    """Which maps of a dataset belong together, shape (n_maps,), int.

    Isotropic maps of one input and emulations of one target share its fluctuations, so
    an error that leaves them out together holds the scatter of the inputs; the batches
    of an average target share one target, and their error does not.
    """
    if dataset.model == "isotropic":
        return np.arange(dataset.n_maps) % campaign.datasets[dataset.input].n_maps
    if dataset.role == "emulated":
        plan = batches.dataset_plan(campaign, dataset.name)
        if dataset.strategy == "single-target":
            return plan.target[plan.batch_of_map]
        return plan.batch_of_map
    return np.arange(dataset.n_maps)


@dataclass(frozen=True)
class Known:
    """Covariances that were made before.

    Attributes
    ----------
    learnt : the best one without emulation, by input dataset
    recommended : files of the recommended ones, by emulated dataset
    """

    learnt: Mapping[str, Covariance]
    recommended: Mapping[str, str | os.PathLike]


def compare(
    campaign: Campaign, true_covariance: str | os.PathLike, read: Reader, known: Known
) -> tuple[list[dict], dict]:
    """Compare every covariance model with the truth.

    Parameters
    ----------
    true_covariance : file of the exact covariance, or of the reference's
    read : maps of a dataset by its name; there is a reference
    known : covariances that were made before

    Returns
    -------
    metrics : entries of the judgement
    numbers : for the figures: "truth", "n_modes", "curves" (of true maps, raw and shrunk),
        "datasets" and "models" (distances and errors) and "equivalent"
    """
    viewer, truth_name = _viewer(campaign, true_covariance)
    n_modes = len(viewer.truth.modes)
    directions = baselines.random_directions(campaign.seed, n_modes, len(viewer.truth.variance))
    curves = _true_curves(campaign, read("reference"), viewer, directions)

    values, errors = {}, {}
    for dataset in campaign.datasets.values():
        if dataset.name == truth_name:
            continue
        log.info("distances of %s", dataset.name)
        maps = read(dataset.name)
        found = distances.jackknife(maps, units(campaign, dataset), viewer)
        values[dataset.name], errors[dataset.name] = found

    models = {}
    for dataset in campaign.by_role("input"):
        log.info("models made from %s", dataset.name)
        models[dataset.name] = _models_of(campaign, dataset, read, viewer, directions, known)
    entries = []
    equivalents = {}
    for dataset in campaign.datasets.values():
        if dataset.name not in values:
            continue
        sample = {
            "n_maps": dataset.n_maps,
            "n_modes": n_modes,
            "n_reference": campaign.datasets["reference"].n_maps,
        }
        if dataset.role == "emulated":
            rivals = models[dataset.input]
            own, found = _emulated_entries(
                campaign, dataset, values, errors, rivals, curves, sample
            )
            entries += own
            equivalents |= found
        else:
            entries += [
                _distance_entry(dataset, name, values, errors, curves, None, sample)
                for name in values[dataset.name]
                if _is_listed(name)
            ]
        if dataset.role == "input":
            entries += _baseline_entries(dataset, models[dataset.name], sample)
    numbers = {
        "truth": truth_name,
        "n_modes": n_modes,
        "curves": {
            model: {name: vars(curve) for name, curve in some.items()}
            for model, some in curves.items()
        },
        "datasets": {name: {"values": values[name], "errors": errors[name]} for name in values},
        "models": models,
        "equivalent": equivalents,
    }
    return entries, numbers


def _viewer(campaign: Campaign, path: str | os.PathLike) -> tuple[Viewer, str]:
    truth = covariance.load(path)
    expected = (campaign.maps.stokes, campaign.maps.nside)
    if (truth.stokes, truth.nside) != expected:
        raise UserError(
            f"{path}: Stokes {truth.stokes} at nside {truth.nside}, expected {expected[0]} "
            f"at nside {expected[1]}"
        )
    return views.make_viewer(truth, truth.leading(campaign.validation.n_modes)), truth.dataset


def _true_curves(
    campaign: Campaign, maps: np.ndarray, viewer: Viewer, directions: np.ndarray
) -> dict[str, dict[str, equivalent.Curve]]:
    """Curves of true maps: their raw covariance, and shrunk toward its own diagonal.

    The intensity is cross-validated; in the campaign's comparison of baselines this does
    better than the unit matrix as a target, as pixels differ in variance.
    """

    def shrunk(some: np.ndarray, view: View) -> View:
        intensity = baselines.diagonal_intensity(some, directions)
        return baselines.toward_diagonal(intensity, viewer)(view)

    wanted = {min(dataset.n_maps, len(maps)) for dataset in campaign.datasets.values()}
    sizes = sorted({*equivalent.sizes(len(maps), len(viewer.truth.modes)), *wanted})
    log.info("curves of true maps, %d sizes", len(sizes))
    return equivalent.curves(
        maps,
        viewer,
        [size for size in sizes if size >= 3],
        {"raw": lambda some, view: view, "shrunk": shrunk},
    )


def _models_of(
    campaign: Campaign,
    dataset: Dataset,
    read: Reader,
    viewer: Viewer,
    directions: np.ndarray,
    known: Known,
) -> dict[str, dict]:
    """Values, errors and intensity of every model made from an input dataset.

    The errors leave out inputs; targets and intensities stay. Models that are not linear in the
    inputs have none. The intensity of a recommended covariance is the weight of the emulation.
    """
    inputs = read(dataset.name).astype(np.float64)
    sets = [
        other.name
        for other in campaign.by_role("gaussian")
        if other.input == dataset.name and other.model == "isotropic"
    ]
    isotropic = {"isotropic" if len(sets) == 1 else name: read(name) for name in sets}
    models, intensities = baselines.models(inputs, viewer, isotropic, directions)
    measure: Callable[[Estimator], tuple] = functools.partial(
        distances.jackknife, inputs, np.arange(len(inputs)), viewer
    )
    result = {}
    for name, model in models.items():
        values, errors = measure(model)
        result[name] = {
            "values": values,
            "errors": errors,
            "intensity": intensities.get(name),
            "emulated": False,
        }
    random = seeds.generator(campaign.seed, "nercome", dataset.name)
    for name, view in _fixed(inputs, viewer, random, known.learnt[dataset.name]).items():
        result[name] = _without_error(view, viewer, None, emulated=False)
    for other in campaign.by_role("emulated"):
        if other.input == dataset.name:
            found = covariance.load(known.recommended[other.name])
            view, share = _of_pixels(found, viewer), emulation(found.evidence["weights"])
            result[f"toward {other.name}"] = _without_error(view, viewer, share, emulated=True)
    return result


def _fixed(
    inputs: np.ndarray, viewer: Viewer, random: np.random.Generator, learnt: Covariance
) -> dict[str, View]:
    """Models that are not linear in the inputs."""
    maps = (inputs, learnt.components, learnt.sky)
    found = {WITHOUT: _of_pixels(learnt, viewer)}
    if len(inputs) >= nonlinear.MIN_NONLINEAR:
        found["nonlinear"] = viewer.of_model(nonlinear.analytical(*maps))
    found["nercome"] = viewer.of_model(nonlinear.nercome(*maps, random))
    return found


def _of_pixels(found: Covariance, viewer: Viewer) -> View:
    """Its view, with the variances of pixels that it knows in place of inflated ones."""
    view = viewer.of_model(found.model)
    return replace(view, variance=view.variance / found.inflation)


def _without_error(view: View, viewer: Viewer, intensity: float | None, emulated: bool) -> dict:
    values = distances.distances(view, viewer)
    errors = dict.fromkeys(values, float("nan"))
    return {"values": values, "errors": errors, "intensity": intensity, "emulated": emulated}


def _is_listed(name: str) -> bool:
    """Whether a distance is a metric; the errors by separation are for the figures only."""
    return not name.startswith("correlation_error:")


def _distance_entry(
    dataset: Dataset,
    name: str,
    values: Mapping,
    errors: Mapping,
    curves: Mapping,
    allowed: Range | None,
    sample: dict,
) -> dict:
    draws = None
    if dataset.role in ("emulated", "gaussian"):
        curve = curves["raw"][name]
        n_true = min(dataset.n_maps, sample["n_reference"])
        place = np.flatnonzero(curve.n_maps == n_true)
        draws = curve.mean[place[0]] if len(place) else None
    return entry(
        name,
        dataset,
        values[dataset.name][name],
        error=errors[dataset.name][name],
        draws=draws,
        allowed=allowed,
        sample=sample,
    )


def _emulated_entries(
    campaign: Campaign,
    dataset: Dataset,
    values: Mapping,
    errors: Mapping,
    rivals: Mapping[str, dict],
    curves: Mapping,
    sample: dict,
) -> tuple[list[dict], dict]:
    """Entries of an emulated dataset and of the recommended covariance."""
    n_inputs = campaign.datasets[dataset.input].n_maps
    sample = {**sample, "n_inputs": n_inputs}
    mixed = rivals[f"toward {dataset.name}"]
    alone = {name: model for name, model in rivals.items() if not model["emulated"]}
    best = {
        name: min(
            (model["values"][name], np.nan_to_num(model["errors"][name]), label)
            for label, model in alone.items()
        )
        for name in HEADLINES
    }
    limits = {
        name: Range(
            None,
            value * (1 + ROUNDING) + error,
            f"the best covariance from {dataset.input} alone ({label}) and its standard error",
        )
        for name, (value, error, label) in best.items()
    }
    entries = [
        _distance_entry(dataset, name, values, errors, curves, limits.get(name), sample)
        for name in values[dataset.name]
        if _is_listed(name)
    ]
    entries += [
        entry(
            f"recommended:{name}",
            dataset,
            mixed["values"][name],
            text=f"{title(name)}: recommended",
            error=mixed["errors"][name],
            allowed=limits[name],
            unit=UNITS.get(name, "1"),
            sample=sample,
        )
        for name in HEADLINES
    ]
    entries.append(
        entry(
            "recommended:intensity",
            dataset,
            mixed["intensity"],
            text="weight of the emulation in the recommended covariance, by held-out inputs",
            sample=sample,
        )
    )
    found = {}
    for label, (value, error) in {
        dataset.name: (values[dataset.name], errors[dataset.name]),
        f"toward {dataset.name}": (mixed["values"], mixed["errors"]),
    }.items():
        found[label] = {
            kind: {
                name: equivalent.equivalent(value[name], error[name], curves[kind][name])
                for name in value
                if name in HEADLINES or name.startswith("correlation_error:")
            }
            for kind in curves
        }
        prefix = "equivalent" if label == dataset.name else "recommended:equivalent"
        entries += _equivalent_entries(dataset, found[label], prefix, n_inputs, sample)
    plain = {
        label: {
            kind: {name: vars(number) if number else None for name, number in some.items()}
            for kind, some in kinds.items()
        }
        for label, kinds in found.items()
    }
    return entries, plain


def _equivalent_entries(
    dataset: Dataset, found: Mapping, prefix: str, n_inputs: int, sample: dict
) -> list[dict]:
    """Equivalent numbers; those by separation are for the figures only."""
    own = "" if prefix == "equivalent" else ": recommended"
    entries = []
    kinds = {"": "raw", ":shrunk": "shrunk"} if prefix == "equivalent" else {"": "raw"}
    for kind, model in kinds.items():
        of_kind = found[model]
        against = "shrunk " if kind else ""
        for name in HEADLINES:
            if of_kind[name] is None:
                continue
            number = of_kind[name]
            entries.append(
                entry(
                    f"{prefix}{kind}:{name}",
                    dataset,
                    number.n_maps,
                    text=f"{against}true simulations worth: {title(name)}{own}",
                    allowed=Range(n_inputs, None, "more than the simulations it was made from"),
                    unit="maps",
                    sample=sample,
                )
                | {"interval": [number.low, number.high]}
            )
    return entries


def _baseline_entries(dataset: Dataset, models: Mapping[str, dict], sample: dict) -> list[dict]:
    return [
        entry(
            f"{name}:{label}",
            dataset,
            model["values"][name],
            text=f"{title(name)}: {label}",
            error=model["errors"][name],
            sample={**sample, "n_inputs": dataset.n_maps},
        )
        for name in LISTED_OF_BASELINES
        for label, model in models.items()
        if label != "raw" and not model["emulated"]
    ]
