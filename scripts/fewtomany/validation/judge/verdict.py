"""The judgement: every dataset against the truth, as metrics and as arrays for figures.

The true covariance is the exact one where the simulation engine gives it, else the
reference's own; true maps are the reference's. Without a reference every dataset is held
against the inputs it comes from, with their sampling error. One tested covariance is in
memory at a time, beside the true one.
"""

import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from fewtomany import covariance
from fewtomany.config.campaign import Campaign, Dataset
from fewtomany.config.products import products_of
from fewtomany.config.statistics import RESIDUALS, STATISTICS, n_measured
from fewtomany.covariance.product import Covariance, Modes
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.spectra import spectra
from fewtomany.validation import entries
from fewtomany.validation.entries import Range
from fewtomany.validation.judge import harmonic, pixel, ranges
from fewtomany.validation.judge.chi2 import reduced_chi2
from fewtomany.validation.judge.comparison import Comparison, Shown
from fewtomany.validation.judge.ranges import Sample
from fewtomany.validation.judge.statistics import (
    PixelStatistics,
    Truth,
    Yardstick,
    of_measured,
    of_pixels,
    of_spectra,
    pixel_statistics,
    reference_chi2,
    sampling_noise,
)
from fewtomany.validation.measure import moments
from fewtomany.validation.measure.moments import Moments

PICTURE_SIZE = 768
"""Largest side of the stored picture of a correlation matrix."""

Paths = Mapping[str, Sequence[str | os.PathLike]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Files:
    """What the judge reads of a campaign.

    Attributes
    ----------
    covariances : the file of each dataset, and of "exact" where there is one
    measured : "spectra" and each of :func:`measured`, the files of each dataset in order
    maps : the map files of the reference, in their order; none without a reference
    """

    covariances: Paths
    measured: Mapping[str, Paths]
    maps: Paths


def measured(campaign: Campaign) -> tuple[str, ...]:
    """Statistics of which moments are kept that the maps of a campaign have."""
    return tuple(s for s in STATISTICS if s in products_of(campaign).measured)


def judge(campaign: Campaign, files: Files) -> tuple[list[dict], Comparison]:
    """Compare every dataset of a campaign with the truth, or with its inputs.

    Returns
    -------
    metrics : one entry per dataset and metric, see ``entries.entry``
    comparison : arrays for the figures

    Raises
    ------
    UserError : when files of a dataset are missing or are another dataset's
    """
    _check_files(campaign, files)
    yardsticks = {
        name: _yardstick(campaign, files, name)
        for name in dict.fromkeys(map(campaign.yardstick, campaign.datasets))
    }
    truth, true_draws = _truth(campaign, files)
    components, sky = campaign.components, None
    arrays, shown, found = {}, {}, []
    if truth is not None and truth.covariance.dataset == "exact":
        arrays |= _matrix_arrays(truth.covariance) | _mode_arrays("exact", truth.modes, truth)
        shown["exact"] = Shown("exact", 0, "", 0, len(truth.modes))
    for dataset in campaign.datasets.values():
        log.info("judging %s", dataset.name)
        name = dataset.name
        yardstick = yardsticks[campaign.yardstick(name)]
        tested = _read_covariance(campaign, files.covariances[name], name)
        sky = tested.sky
        own = moments.of(spectra.read(files.measured["spectra"][name], name, components))
        of_maps, _ = _moments(campaign, files, name)
        arrays |= _matrix_arrays(tested)
        arrays |= _spectra_arrays(name, own, yardstick.spectra, sky.first_bin)
        arrays |= _moment_arrays(name, of_maps, yardstick.measured)
        sample = _sample(campaign, dataset)
        counted = (components.spectra, sample.n_inputs, sky.first_bin)
        values = of_spectra(own, yardstick.spectra, *counted)
        values |= of_measured(of_maps, yardstick, components)
        if truth is not None:
            judged = _against_truth(campaign, dataset, tested, truth, true_draws, sample)
            pixels, draws, sample, more = judged
            noise = sampling_noise(yardstick, sample.n_maps, components)
            draws |= noise if draws else {}
            values, arrays = values | pixels, arrays | more
        else:
            known, inputs = (
                _read_covariance(campaign, files.covariances[which], which)
                for which in (yardstick.dataset, dataset.input or name)
            )
            pixels, error, sample, more = _beside(campaign, tested, known, inputs, sample)
            draws, values, arrays = {}, values | pixels, arrays | more
        shown[name] = Shown(
            dataset.role, dataset.n_maps, dataset.input, sample.n_inputs, sample.n_modes
        )
        of_truth = truth.covariance.dataset if truth is not None else None
        values = ranges.not_trivial(values, name, of_truth, yardstick.dataset)
        if dataset.role not in ("original", "reference"):
            values.pop("correlation_rms", None)  # "correlation_error" has it, with an error
        allowed: dict[str, Range] = {}
        if dataset.role == "emulated" and truth is not None:
            allowed = ranges.emulated_ranges(values, draws, sample)
        elif dataset.role == "emulated":
            n_multipoles = yardstick.spectra.mean[:, sky.first_bin :].size
            counts = {"residual": n_multipoles}
            counts |= {s: yardstick.measured[s].mean.size for s in of_maps if s in RESIDUALS}
            allowed = ranges.ranges_beside_inputs(values, error, n_multipoles, counts, sample)
        elif dataset.role in ("original", "reference") and truth is not None:
            kind = (campaign.reference.covariance, sample, campaign.reference.draws)
            allowed = ranges.sanity_ranges(dataset, values, *kind)
        if truth is not None and sample.n_maps >= sample.n_reference:
            # the true draws are the reference itself
            draws = ranges.not_trivial(draws, "reference", of_truth, "reference")
        found += [
            entries.entry(
                metric,
                dataset,
                value,
                draws=draws.get(metric),
                allowed=allowed.get(metric),
                sample=asdict(sample),
            )
            for metric, value in values.items()
        ]
    first = next(iter(yardsticks.values()))
    for statistic, labels in first.labels.items():
        if len(labels):
            arrays[f"{statistic}/labels"] = np.array([label.encode() for label in labels], "S")
    if not sky.is_full:
        arrays["sky/pixels"] = sky.pixels
    zoom = pixel.zoom_range(sky.n_pix)
    return found, Comparison(
        arrays=arrays,
        truth=truth.covariance.dataset if truth is not None else None,
        stokes=components.stokes,
        channels=list(components.channels),
        nside=campaign.maps.nside,
        shape=campaign.maps.shape and list(campaign.maps.shape),
        periodic=campaign.maps.periodic,
        frame=campaign.maps.frame,
        lmin=sky.first_bin,
        chi2_maps=len(truth.maps) if truth is not None else 0,
        minkowski_maps=_n_minkowski(campaign),
        zoom=[zoom.start, zoom.stop],
        datasets=shown,
    )


def _check_files(campaign: Campaign, files: Files) -> None:
    names = list(campaign.datasets)
    _check_names("--covariance", files.covariances, names, [*names, "exact"])
    for statistic in ("spectra", *measured(campaign)):
        _check_names(f"--{statistic}", files.measured[statistic], names, names)
    of_truth = ["reference"] if campaign.truth and campaign.reference else []
    _check_names("--maps", files.maps, of_truth, names)


def _check_names(option: str, given: Paths, needed: Sequence[str], known: Sequence[str]) -> None:
    missing = [name for name in needed if not given.get(name)]
    unknown = [name for name in given if name not in known]
    if missing:
        raise UserError(f"{option}: no file of {', '.join(missing)}")
    if unknown:
        raise UserError(f"{option}: unknown {', '.join(unknown)}; known: {', '.join(known)}")


def _read_covariance(campaign: Campaign, paths: Sequence, name: str) -> Covariance:
    """The covariance of a dataset, checked against the campaign."""
    found = covariance.load(paths[0])
    maps, where = campaign.maps, found.sky.whole
    grid = maps.flat.name if maps.flat else f"nside {maps.nside}"
    expected = (name, maps.stokes, grid)
    if len(paths) > 1 or (found.dataset, found.stokes, where.name) != expected:
        raise UserError(
            f"{', '.join(map(str, paths))}: expected one covariance of {name}, Stokes "
            f"{expected[1]}, {grid}; found {found.dataset}, {found.stokes}, {where.name}"
        )
    return found


def _yardstick(campaign: Campaign, files: Files, name: str) -> Yardstick:
    cl = spectra.read(files.measured["spectra"][name], name, campaign.components)
    found, labels = _moments(campaign, files, name)
    return Yardstick(name, len(cl), moments.of(cl), found, labels)


TrueDraws = Callable[[int], tuple[PixelStatistics, Moments]]


def _truth(campaign: Campaign, files: Files) -> tuple[Truth, TrueDraws] | tuple[None, None]:
    """The truth, and statistics of so many true maps; nothing where no truth is known.

    True draws are the last ones of the reference, all of it at most. The χ² is taken of the
    first ones, so only large samples share maps with it.
    """
    if campaign.truth is None:
        return None, None
    content = store.read_dataset(
        files.maps["reference"],
        campaign.maps.stokes,
        n_maps=campaign.datasets["reference"].n_maps,
        dataset="reference",
        nside=campaign.maps.nside,
        first=0,
    )
    maps = content.maps.reshape(len(content), -1)
    n_modes = campaign.validation.n_modes
    own = _read_covariance(campaign, files.covariances["reference"], "reference")
    modes = reference_modes = own.leading(n_modes)
    if files.covariances.get("exact"):
        own = _read_covariance(campaign, files.covariances["exact"], "exact")
        modes = own.leading(n_modes)
    few = maps[: campaign.validation.chi2_maps].astype(np.float64)
    truth = Truth(own, modes, reference_modes, few)
    cl = spectra.read(files.measured["spectra"]["reference"], "reference", campaign.components)

    @functools.cache
    def measure(n_maps: int) -> tuple[PixelStatistics, Moments]:
        some = store.MapSet(**{**vars(content), "maps": content.maps[-n_maps:]})
        tested = covariance.of_maps(lambda: [some], "reference")
        return pixel_statistics(tested, truth), moments.of(cl[-n_maps:])

    return truth, lambda n_maps: measure(min(n_maps, len(maps)))


def _against_truth(
    campaign: Campaign,
    dataset: Dataset,
    tested: Covariance,
    truth: Truth,
    true_draws: TrueDraws,
    sample: Sample,
) -> tuple[dict[str, float], dict[str, float], Sample, dict[str, np.ndarray]]:
    """Metrics of a covariance, the same of true draws, sample sizes and arrays."""
    name = dataset.name
    found = pixel_statistics(tested, truth)
    sample = Sample(**{**asdict(sample), "n_modes": len(found.modes)})
    arrays = _mode_arrays(name, found.modes, truth)
    own_chi2, draws = reference_chi2(truth, sample.n_modes), {}
    if dataset.role in ("gaussian", "emulated"):
        twin, twin_spectra = true_draws(sample.n_maps)
        true_spectra = true_draws(sample.n_reference)[1]
        draws = of_spectra(twin_spectra, true_spectra, campaign.components.spectra, sample.n_inputs)
        draws |= of_pixels(twin, twin.chi2)
        del draws["chi2_ks"]  # a distance from themselves
        own_chi2 = twin.chi2
        arrays[f"eigenvalues/{name}/true_draws"] = twin.eigenvalue_ratio
        arrays[f"chi2/{name}/true_draws"] = twin.chi2
    return of_pixels(found, own_chi2), draws, sample, arrays


def _beside(
    campaign: Campaign,
    tested: Covariance,
    known: Covariance,
    inputs: Covariance,
    sample: Sample,
) -> tuple[dict[str, float], float, Sample, dict[str, np.ndarray]]:
    """Metrics of a covariance beside that of true maps, the error of its inputs' total variance.

    Modes of the pixels are compared where pixels differ. The error is that of Gaussian maps,
    √(2 tr C² / ν) / tr C, with tr C² free of the bias that few maps give it.

    Parameters
    ----------
    known : of the yardstick: the inputs themselves, or, on a plane or a line, a reference
    inputs : of the inputs
    """
    total, freedom = inputs.variance.sum(), inputs.n_maps - 1
    values = {"total_variance": float(tested.variance.sum() / known.variance.sum())}
    arrays = {}
    if tested.sky.is_homogeneous:
        square = inputs.square
    else:
        modes = tested.leading(min(campaign.validation.n_modes, tested.n_maps - 1))
        true = known.leading(known.n_maps - 1)
        square = np.sum(true.values**2)
        shared = min(len(modes), len(true))
        arrays = {
            f"eigenvalues/{tested.dataset}/values": modes.values,
            f"eigenvalues/{tested.dataset}/ratio": modes.values[:shared] / true.values[:shared],
        }
        sample = Sample(**{**asdict(sample), "n_modes": len(modes)})
    square -= total**2 / freedom
    error = np.sqrt(2 * max(square, total**2 / len(inputs)) / freedom) / total
    return values, float(error), sample, arrays


def _sample(campaign: Campaign, dataset: Dataset) -> Sample:
    source = dataset if dataset.role == "input" else campaign.datasets.get(dataset.input)
    sizes = {name: found.n_maps for name, found in campaign.datasets.items()}
    return Sample(
        n_maps=dataset.n_maps,
        n_inputs=source.n_maps if source else 0,
        n_modes=0,
        chi2_maps=campaign.validation.chi2_maps if campaign.truth else 0,
        n_reference=sizes.get("reference", 0),
        n_original=sizes.get("original", 0),
        n_minkowski=_n_minkowski(campaign),
    )


def _n_minkowski(campaign: Campaign) -> int:
    """Maps of each dataset whose Minkowski functionals are taken; 0 on a plane or a line."""
    return campaign.validation.minkowski_maps if campaign.validation else 0


def _matrix_arrays(found: Covariance) -> dict[str, np.ndarray]:
    deviation = {f"pixels/{found.dataset}/deviation": found.deviation}
    if found.sky.is_homogeneous:
        return deviation  # its correlations are those of the spectra
    zoom = pixel.zoom_range(found.sky.n_pix)
    return deviation | {
        f"correlation/{found.dataset}/full": pixel.shrink(found, PICTURE_SIZE),
        f"correlation/{found.dataset}/zoom": pixel.correlation(found, zoom, zoom),
    }


def _mode_arrays(name: str, modes: Modes, truth: Truth) -> dict[str, np.ndarray]:
    return {
        f"eigenvalues/{name}/values": modes.values,
        f"eigenvalues/{name}/ratio": modes.values / truth.modes.values[: len(modes)],
        f"chi2/{name}/values": reduced_chi2(truth.maps, modes),
    }


def _spectra_arrays(name: str, found: Moments, true: Moments, first: int) -> dict[str, np.ndarray]:
    return {
        f"spectra/{name}/mean": found.mean,
        f"spectra/{name}/scatter": found.scatter,
        f"spectra/{name}/residual": np.nan_to_num(harmonic.residual(found, true, first)),
    }


def _moments(
    campaign: Campaign, files: Files, name: str
) -> tuple[dict[str, Moments], dict[str, list[str]]]:
    """Moments of a dataset by statistic, and the labels of their values."""
    found, labels = {}, {}
    for statistic in measured(campaign):
        n_maps = n_measured(campaign, statistic, campaign.datasets[name].n_maps)
        paths = files.measured[statistic][name]
        found[statistic], labels[statistic] = moments.read(paths, statistic, name, n_maps)
    return found, labels


def _moment_arrays(
    name: str, found: Mapping[str, Moments], true: Mapping[str, Moments]
) -> dict[str, np.ndarray]:
    arrays = {}
    for statistic, content in found.items():
        delta = moments.residual(content, true[statistic])
        arrays[f"{statistic}/{name}/mean"] = content.mean
        arrays[f"{statistic}/{name}/scatter"] = content.scatter
        arrays[f"{statistic}/{name}/residual"] = np.nan_to_num(delta)
    return arrays
