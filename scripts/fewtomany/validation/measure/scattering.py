"""Scattering coefficients of maps, measured (Appendix C of arXiv:2503.11643).

The maps are taken as they are, in the unit of figures (µK on the sphere), with wavelets along the
east: no normalization by pixel and no orientation, which an emulator learns from a few inputs,
enters the measure.
S̄1, S̄3 and S̄4 are free of the map's amplitude; S2 (µK²) holds it. Of a partial sky, wavelets and
averages take the observed pixels alone, as those of the emulator do, with their weights.
"""

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from fewtomany.config.campaign import Campaign
from fewtomany.files import store
from fewtomany.files.store import MapSet
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.sky import Sky
from fewtomany.spectra.spectra import components_of
from fewtomany.validation.measure import moments
from fewtomany.validation.measure.moments import Moments

BATCH = 10
"""Maps at a time."""


def of_maps(source: MapSet, campaign: Campaign, unit: None) -> tuple[Moments, list[str], dict]:
    """Moments of the coefficients by the emulator's wavelets."""
    keys = ("n_scales", "n_orientations", "kernel_size")
    wavelets = {key: getattr(campaign.emulator, key) for key in keys}
    return *measure(source.maps, source.components, **wavelets, sky=source.sky), wavelets


def metrics(
    tested: Moments, true: Moments, labels: Sequence[str], components: Components
) -> dict[str, float]:
    """Largest |Δ| of S1 to S4, the fraction of values within ±1, and the median scatter."""
    delta = np.abs(moments.residual(tested, true))
    kinds = np.array([label[:2] for label in labels])
    values = {f"scattering:{kind}": np.nanmax(delta[kinds == kind]) for kind in np.unique(kinds)}
    values["scattering_inside"] = np.mean(delta[np.isfinite(delta)] < 1)
    values["scattering_scatter"] = np.nanmedian(moments.scatter_ratio(tested, true))
    return values


def measure(
    maps: np.ndarray,
    stokes: str | Components,
    n_scales: int,
    n_orientations: int,
    kernel_size: int,
    sky: Geometry | None = None,
) -> tuple[Moments, list[str]]:
    """Moments of the scattering coefficients S1 to S4 of maps.

    Parameters
    ----------
    maps : array of shape (n_maps, n_components, n_pix), in the order of files
    stokes : the components
    n_scales, n_orientations, kernel_size : of the wavelets
    sky : the pixels of the maps; the full sky by default

    Returns
    -------
    moments : of the values, shape (n_values,), float64
    labels : of each value, "S3|Q|j1|γ1|j2|γ2|j3|γ3|re": its label in
        :func:`fewtomany.scattering.covariance.labels` and its part, "re" or "im"; a pair is
        "QU", of several channels "a.Q×b.Q"
    """
    names, places = _used(n_scales, n_orientations, components_of(stokes))
    pieces = _pieces(maps, places, sky, n_scales, n_orientations, kernel_size)
    return moments.merge(map(moments.of, pieces)), names


def coefficients(
    maps: np.ndarray,
    stokes: str | Components,
    n_scales: int,
    n_orientations: int,
    kernel_size: int,
    sky: Geometry | None = None,
) -> tuple[np.ndarray, list[str]]:
    """Scattering coefficients S1 to S4 of every map; arguments and labels as :func:`measure`.

    Returns
    -------
    values : array of shape (n_maps, n_values), float32
    labels : of each value
    """
    names, places = _used(n_scales, n_orientations, components_of(stokes))
    pieces = _pieces(maps, places, sky, n_scales, n_orientations, kernel_size)
    return np.concatenate(list(pieces)), names


def _pieces(
    maps: np.ndarray, places: np.ndarray, sky: Geometry | None, *wavelets: int
) -> Iterator[np.ndarray]:
    """The values at ``places`` of some maps after the other: (n_some, n_values), float32."""
    import tensorflow as tf  # here: who compares moments needs it not

    sky = sky or Sky(store.nside_of(maps.shape[-1]))
    values = _program(sky, *wavelets)
    _, scale = sky.shown
    for first in range(0, len(maps), BATCH):
        some = sky.to_nested(maps[first : first + BATCH]) * scale
        missing = min(BATCH, len(maps)) - some.shape[1]  # the last batch has the others' shape
        some = np.pad(some, ((0, 0), (0, missing), (0, 0)), mode="wrap")
        found = values(tf.constant(some, tf.float32)).numpy()[:, places]
        yield found[: len(found) - missing]


@functools.cache
def _program(sky: Geometry, n_scales: int, n_orientations: int, kernel_size: int):
    """Compiled: maps (n_pix, n_maps, n_stokes), nested, to all values (n_maps, n_all)."""
    import tensorflow as tf

    from fewtomany.scattering import covariance, domains, wavelets

    hierarchy = domains.hierarchy(sky, n_scales, kernel_size)
    scales = wavelets.build_scales(hierarchy, n_orientations, None, tf.float32)

    @tf.function(jit_compile=True, autograph=False)
    def values(maps):
        found = covariance.coefficients(maps, scales, n_groups=maps.shape[1])
        parts = [tf.reshape(part, (maps.shape[1], -1)) for scale in found for part in scale]
        return tf.concat(parts, axis=-1)

    return values


def _used(
    n_scales: int, n_orientations: int, components: Components
) -> tuple[list[str], np.ndarray]:
    """Label and place of every value that is no copy of another and is not zero."""
    from fewtomany.scattering import covariance

    letters = "".join(map(chr, range(ord("A"), ord("A") + len(components))))  # one for each
    spelled = dict(zip(letters, components.names, strict=True))
    mark = "" if components.channels == ("",) else "×"
    names, places, count = [], [], 0
    for scale in covariance.labels(n_scales, n_orientations, letters):
        for kind, labels in zip(scale._fields, scale, strict=True):
            parts = ("re", "im") if kind == "covariance" else ("re",)
            for part in parts:
                for place, label in enumerate(labels.ravel()):
                    if label is not None and not (part == "im" and _is_real(label)):
                        statistic, pair, *rest = label
                        pair = mark.join(spelled[k] for k in pair)
                        names.append("|".join(map(str, (statistic, pair, *rest, part))))
                        places.append(count + place)
                count += labels.size
    return names, np.array(places)


def _is_real(label: tuple) -> bool:
    """Whether a coefficient is a variance: S4 of one component and one inner wavelet."""
    statistic, components, _, _, j2, gamma2, j3, gamma3 = label
    return statistic == "S4" and len(components) == 1 and (j2, gamma2) == (j3, gamma3)
