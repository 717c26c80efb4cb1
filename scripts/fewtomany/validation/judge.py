"""The judgement: every dataset against the truth, as metrics and as arrays for figures.

The true covariance is the exact one where the simulation engine gives it, else the
reference's own; the true spectra are the reference's. One tested covariance is in
memory at a time, beside the true one.
"""

import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fewtomany import covariance, spectra, store
from fewtomany.config import Campaign, Dataset
from fewtomany.covariance import Covariance, Modes
from fewtomany.errors import UserError
from fewtomany.validation import harmonic, metrics, moments, pixel
from fewtomany.validation.chi2 import reduced_chi2
from fewtomany.validation.comparison import Comparison, Shown
from fewtomany.validation.metrics import Sample
from fewtomany.validation.moments import Moments
from fewtomany.validation.statistics import (
    PixelStatistics,
    Truth,
    pixel_statistics,
    reference_chi2,
    sampling_noise,
    summarize,
    summarize_measured,
)

PICTURE_SIZE = 768
"""Largest side of the stored picture of a correlation matrix."""

MEASURED = ("scattering", "minkowski", "distribution")
"""Statistics of which moments are kept."""

Paths = Mapping[str, Sequence[str | os.PathLike]]

log = logging.getLogger(__name__)


def judge(
    campaign: Campaign, covariances: Paths, measured: Mapping[str, Paths], maps: Paths
) -> tuple[list[dict], Comparison]:
    """Compare every dataset of a campaign with the truth.

    Parameters
    ----------
    covariances : the file of each dataset, and of "exact" where there is one
    measured : "spectra" and each of :data:`MEASURED`, the files of each dataset in order
    maps : the map files of the reference, in their order

    Returns
    -------
    metrics : one entry per dataset and metric, see ``metrics.verdict``
    comparison : arrays for the figures

    Raises
    ------
    UserError : when files of a dataset are missing or are another dataset's
    """
    names = list(campaign.datasets)
    _check_names("--covariance", covariances, names, [*names, "exact"])
    for statistic in ("spectra", *MEASURED):
        _check_names(f"--{statistic}", measured[statistic], names, names)
    _check_names("--maps", maps, ["reference"], names)
    stokes = campaign.maps.stokes

    reference = store.read_dataset(
        maps["reference"],
        stokes,
        n_maps=campaign.datasets["reference"].n_maps,
        dataset="reference",
        nside=campaign.maps.nside,
        first=0,
    ).maps
    reference = reference.reshape(len(reference), -1)
    reference_spectra = spectra.read(measured["spectra"]["reference"], "reference", stokes)
    truth = _truth(campaign, covariances, reference, reference_spectra)
    true_draws = _true_draws(truth, reference, reference_spectra)
    true_moments, labels = _moments(campaign, measured, "reference")

    arrays, shown, values, entries = {"scattering/labels": np.array(labels, "S")}, {}, {}, []
    if truth.covariance.dataset == "exact":
        arrays |= _matrix_arrays(truth.covariance) | _mode_arrays("exact", truth.modes, truth)
        shown["exact"] = Shown("exact", 0, "", 0, len(truth.modes))
    for dataset in campaign.datasets.values():
        log.info("judging %s", dataset.name)
        name, role = dataset.name, dataset.role
        tested = _read_covariance(campaign, covariances[name], name)
        of_spectra = moments.of(spectra.read(measured["spectra"][name], name, stokes))
        of_maps, _ = _moments(campaign, measured, name)
        arrays |= _matrix_arrays(tested) | _spectra_arrays(name, of_spectra, truth)
        arrays |= _moment_arrays(name, of_maps, true_moments)
        found = pixel_statistics(tested.covariance, tested.n_maps, truth)
        arrays |= _mode_arrays(name, found.modes, truth)
        sample = _sample(campaign, dataset, len(found.modes))
        shown[name] = Shown(role, dataset.n_maps, dataset.input, sample.n_inputs, sample.n_modes)
        own_chi2 = reference_chi2(truth, sample.n_modes)
        draws = {}
        if role in ("gaussian", "emulated"):
            twin, twin_moments = true_draws(sample.n_maps)
            draws = summarize(twin, twin_moments, sample.n_inputs, twin.chi2, truth)
            del draws["chi2_ks"]  # a distance from themselves
            draws |= sampling_noise(true_moments, sample.n_maps, stokes)
            own_chi2 = twin.chi2
            arrays[f"eigenvalues/{name}/true_draws"] = twin.eigenvalue_ratio
            arrays[f"chi2/{name}/true_draws"] = twin.chi2
        mine = summarize(found, of_spectra, sample.n_inputs, own_chi2, truth)
        mine |= summarize_measured(of_maps, true_moments, labels, stokes)
        mine = metrics.not_trivial(mine, name, truth.covariance.dataset)
        ranges = {}
        if role == "emulated":
            ranges = metrics.emulated_ranges(mine, values[dataset.input], draws, sample)
        elif role in ("original", "reference"):
            ranges = metrics.sanity_ranges(dataset, mine, campaign.reference.covariance, sample)
        if sample.n_maps >= sample.n_reference:  # the true draws are the reference itself
            draws = metrics.not_trivial(draws, "reference", truth.covariance.dataset)
        values[name] = mine
        entries += metrics.verdict(dataset, mine, ranges, draws, sample)
    zoom = pixel.zoom_range(campaign.maps.nside)
    return entries, Comparison(
        arrays=arrays,
        truth=truth.covariance.dataset,
        stokes=stokes,
        nside=campaign.maps.nside,
        lmin=harmonic.LMIN,
        chi2_maps=len(truth.maps),
        minkowski_maps=campaign.validation.minkowski_maps,
        spectra_names=list(truth.spectra_names),
        zoom=[zoom.start, zoom.stop],
        datasets=shown,
    )


def _check_names(option: str, given: Paths, needed: Sequence[str], known: Sequence[str]) -> None:
    missing = [name for name in needed if not given.get(name)]
    unknown = [name for name in given if name not in known]
    if missing:
        raise UserError(f"{option}: no file of {', '.join(missing)}")
    if unknown:
        raise UserError(f"{option}: unknown {', '.join(unknown)}; known: {', '.join(known)}")


def _read_covariance(campaign: Campaign, paths: Sequence, name: str) -> Covariance:
    """The covariance of a dataset, checked against the campaign."""
    found = covariance.read(paths[0])
    expected = (name, campaign.maps.stokes, campaign.maps.nside)
    if len(paths) > 1 or (found.dataset, found.stokes, found.nside) != expected:
        raise UserError(
            f"{', '.join(map(str, paths))}: expected one covariance of {name}, Stokes "
            f"{expected[1]}, nside {expected[2]}; found {found.dataset}, {found.stokes}, "
            f"{found.nside}"
        )
    return found


def _truth(
    campaign: Campaign, covariances: Paths, maps: np.ndarray, reference_spectra: np.ndarray
) -> Truth:
    """Assemble the truth; ``maps`` are all reference maps, of shape (n_maps, n)."""
    n_modes = campaign.validation.n_modes
    own = _read_covariance(campaign, covariances["reference"], "reference")
    modes = reference_modes = covariance.leading_modes(own.covariance, n_modes)
    if covariances.get("exact"):
        own = _read_covariance(campaign, covariances["exact"], "exact")
        modes = covariance.leading_modes(own.covariance, n_modes)
    return Truth(
        covariance=own,
        modes=modes,
        reference_modes=reference_modes,
        maps=maps[: campaign.validation.chi2_maps].astype(np.float64),
        spectra=moments.of(reference_spectra),
        spectra_names=tuple(spectra.names(campaign.maps.stokes)),
    )


def _true_draws(
    truth: Truth, maps: np.ndarray, cl: np.ndarray
) -> Callable[[int], tuple[PixelStatistics, Moments]]:
    """Statistics of so many true maps: the last ones of the reference, all of it at most.

    The χ² is taken of the first ones, so only large samples share maps with it.
    """

    @functools.cache
    def measure(n_maps: int) -> tuple[PixelStatistics, Moments]:
        _, tested, n_found = covariance.estimate([maps[-n_maps:]])
        return pixel_statistics(tested, n_found, truth), moments.of(cl[-n_maps:])

    return lambda n_maps: measure(min(n_maps, len(maps)))


def _sample(campaign: Campaign, dataset: Dataset, n_modes: int) -> Sample:
    source = dataset if dataset.role == "input" else campaign.datasets.get(dataset.input)
    return Sample(
        n_maps=dataset.n_maps,
        n_inputs=source.n_maps if source else 0,
        n_modes=n_modes,
        chi2_maps=campaign.validation.chi2_maps,
        n_reference=campaign.datasets["reference"].n_maps,
        n_original=campaign.datasets["original"].n_maps,
        n_minkowski=campaign.validation.minkowski_maps,
    )


def _matrix_arrays(found: Covariance) -> dict[str, np.ndarray]:
    zoom = pixel.zoom_range(found.nside)
    return {
        f"pixels/{found.dataset}/deviation": found.deviation,
        f"correlation/{found.dataset}/full": pixel.shrink(found.covariance, PICTURE_SIZE),
        f"correlation/{found.dataset}/zoom": pixel.correlation(found.covariance, zoom, zoom),
    }


def _mode_arrays(name: str, modes: Modes, truth: Truth) -> dict[str, np.ndarray]:
    return {
        f"eigenvalues/{name}/values": modes.values,
        f"eigenvalues/{name}/ratio": modes.values / truth.modes.values[: len(modes)],
        f"chi2/{name}/values": reduced_chi2(truth.maps, modes),
    }


def _spectra_arrays(name: str, found: Moments, truth: Truth) -> dict[str, np.ndarray]:
    return {
        f"spectra/{name}/mean": found.mean,
        f"spectra/{name}/scatter": found.scatter,
        f"spectra/{name}/residual": harmonic.residual(found, truth.spectra),
    }


def _moments(
    campaign: Campaign, measured: Mapping[str, Paths], name: str
) -> tuple[dict[str, Moments], list[str]]:
    """Moments of a dataset by statistic, and the labels of the scattering values."""
    n_maps = dict.fromkeys(MEASURED, campaign.datasets[name].n_maps)
    n_maps["minkowski"] = min(n_maps["minkowski"], campaign.validation.minkowski_maps)
    found = {s: moments.read(measured[s][name], s, name, n_maps[s]) for s in MEASURED}
    return {s: content for s, (content, _) in found.items()}, found["scattering"][1]


def _moment_arrays(
    name: str, found: Mapping[str, Moments], reference: Mapping[str, Moments]
) -> dict[str, np.ndarray]:
    arrays = {}
    for statistic, content in found.items():
        delta = moments.residual(content, reference[statistic])
        arrays[f"{statistic}/{name}/mean"] = content.mean
        arrays[f"{statistic}/{name}/scatter"] = content.scatter
        arrays[f"{statistic}/{name}/residual"] = np.nan_to_num(delta)
    return arrays
