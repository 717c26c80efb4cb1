"""The maximum-entropy model of one emulated dataset, made from its input maps."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import healpy as hp
import numpy as np
import tensorflow as tf

from fewtomany import store
from fewtomany.config import Emulator
from fewtomany.emulator import statistics
from fewtomany.errors import UserError
from fewtomany.scattering import grid, stripes, wavelets
from fewtomany.spectra import lmax_of
from fewtomany.store import MapSet
from fewtomany.versions import STAGES

KIND = "emulation-model"
STRIPES = ("stripes/direction", "stripes/deviation")


@dataclass(frozen=True)
class Model:
    """Normalization, wavelet orientations and target statistics.

    Attributes
    ----------
    settings : the emulator's settings
    mean, deviation : arrays of shape (F, n_pix), RING, in the inputs' unit
    primary : for every group of wavelets and every scale, the primary orientation
        (n_pix,) in rad, NESTED; None when the wavelets are not oriented
    stripes : direction of the stripes (n_pix,) in rad from south to east, NESTED, and
        standard deviation of Q and U in their frame (n_pix, 2); None without
    of_inputs : array of shape (n_inputs, n_statistics): Φ of every input map; those of
        "scatter" are unbiased squared deviations, whose mean is the variance
    """

    settings: Emulator
    mean: np.ndarray
    deviation: np.ndarray
    primary: list[list[np.ndarray]] | None
    stripes: tuple[np.ndarray, np.ndarray] | None
    of_inputs: np.ndarray

    @property
    def nside(self) -> int:
        return store.nside_of(self.mean.shape[1])

    def operators(self) -> statistics.Operators:
        """Tensors that turn normalized maps into statistics."""
        hierarchy = _hierarchy(self.nside, self.settings)
        deviation, lines = to_nested(self.deviation), None
        if self.stripes is not None:
            direction, own = self.stripes
            n_scales, dtype = self.settings.n_scales, self.settings.dtype
            lines = stripes.build(direction, np.array([deviation, own]), n_scales, dtype)
        return statistics.build_operators(
            self.settings, hierarchy, self.primary, lines, to_nested(self.mean), deviation
        )

    def target(self, strategy: str, number: int) -> np.ndarray:
        """Target statistics of a batch, shape (n_statistics,).

        The maps of a single target shall not scatter about it.
        """
        if strategy == "average-target":
            return self.of_inputs.mean(axis=0)
        scatter = statistics.members(self.settings, lmax_of(self.nside), "scatter")
        return np.where(scatter, 0, self.of_inputs[number])

    def loss_weights(self) -> np.ndarray:
        """See :func:`fewtomany.emulator.statistics.loss_weights`."""
        return statistics.loss_weights(self.settings, lmax_of(self.nside), self.of_inputs)

    def fingerprint(self) -> str:
        """Hexadecimal digest of all that decides the emulated maps but the seed."""
        digest = hashlib.sha256()
        facts = asdict(self.settings)
        digest.update(json.dumps([STAGES["emulate"].version, facts], sort_keys=True).encode())
        for array in (self.mean, self.deviation, self.of_inputs):
            digest.update(np.ascontiguousarray(array).tobytes())
        for group in self.primary or []:
            for array in group:
                digest.update(np.ascontiguousarray(array).tobytes())
        for array in self.stripes or ():
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:32]


def to_nested(maps: np.ndarray) -> np.ndarray:
    """RING maps (..., n_pix) to (n_pix, ...), NESTED."""
    n_pix = maps.shape[-1]
    order = hp.nest2ring(hp.npix2nside(n_pix), np.arange(n_pix))
    return np.moveaxis(maps, -1, 0)[order]


def to_ring(maps: np.ndarray) -> np.ndarray:
    """NESTED maps (n_pix, ...) to (..., n_pix), RING."""
    n_pix = len(maps)
    order = hp.ring2nest(hp.npix2nside(n_pix), np.arange(n_pix))
    return np.moveaxis(maps[order], 0, -1)


def prepare(inputs: MapSet, settings: Emulator) -> Model:
    """Learn the model from the input maps.

    Raises
    ------
    UserError : when a pixel is the same in all inputs, so that it has no scatter
    """
    maps = inputs.maps.astype(np.float64)
    mean, deviation = _normalization(maps, settings)
    if not (deviation > 0).all():
        component, pixel = np.argwhere(deviation == 0)[0]
        raise UserError(
            f"{inputs.dataset}: Stokes {inputs.stokes[component]} of pixel {pixel} does not vary "
            f"over the {len(maps)} maps; the emulator needs scatter in every pixel"
        )
    normalized = to_nested((maps - mean) / deviation)
    hierarchy = _hierarchy(inputs.nside, settings)
    primary = None
    if settings.orientation != "none":
        finest = wavelets.average(normalized, hierarchy[0].n_pix).numpy()
        primary = [
            primary_orientations(hierarchy, settings, finest[..., _components(group)])
            for group in statistics.groups(settings.orientation)
        ]
    found = _stripes(settings, normalized, to_nested(deviation))
    bare = Model(settings, mean, deviation, primary, found, np.empty((0, 0)))
    operators = bare.operators()
    of_inputs = np.concatenate(
        [
            statistics.statistics(
                settings,
                operators,
                tf.constant(normalized[:, k : k + 1], settings.dtype),
            ).numpy()
            for k in range(len(maps))
        ]
    ).astype(np.float64)
    scatter = statistics.members(settings, lmax_of(inputs.nside), "scatter")
    squares = of_inputs[:, scatter]
    n_maps = len(maps)
    of_inputs[:, scatter] = (squares - squares.mean(axis=0)) ** 2 * n_maps / (n_maps - 1)
    return replace(bare, of_inputs=of_inputs)


def _normalization(maps: np.ndarray, settings: Emulator) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every pixel of maps (n_maps, F, n_pix)."""
    if settings.mean == "zero":
        return np.zeros(maps.shape[1:]), np.sqrt(np.mean(maps**2, axis=0))
    return maps.mean(axis=0), maps.std(axis=0, ddof=settings.ddof)


def _hierarchy(nside: int, settings: Emulator) -> list[grid.Grid]:
    return grid.healpix_hierarchy(
        nside, settings.n_scales, settings.kernel_size, settings.first_scale
    )


def _stripes(settings: Emulator, normalized: np.ndarray, deviation: np.ndarray):
    """Direction of the stripes, and the deviation of Q and U in their frame."""
    if not settings.stripe_zones:
        return None
    finest = grid.healpix_hierarchy(store.nside_of(len(normalized)), 1, settings.kernel_size)
    wave = primary_orientations(finest, settings, normalized)[0]
    direction = -wave  # along the stripes, from the south; the wave is across, from the east
    turned = np.einsum("pfg,pmg->pmf", stripes.rotation(direction), normalized * deviation[:, None])
    return direction, np.sqrt(np.mean(turned**2, axis=1))


def _components(group: str) -> list[int]:
    return [statistics.STOKES.index(name) for name in group]


def primary_orientations(
    hierarchy: list[grid.Grid], settings: Emulator, normalized: np.ndarray
) -> list[np.ndarray]:
    """Primary orientation of the maps at every pixel and scale (Appendix A.2).

    The mean modulus of the wavelet coefficients over all maps, as a function of the
    wavelet's orientation (period π), has a phase; its vector is smoothed over the
    neighbours in the pixel's own frame. The whole input set enters.

    Parameters
    ----------
    normalized : array of shape (n_pix, n_maps, F), NESTED

    Returns
    -------
    for every scale an array of shape (n_pix,), rad
    """
    n_orientations = max(settings.n_orientations, 3)  # two cannot tell a direction
    scales = wavelets.build_scales(hierarchy, n_orientations, None, tf.float64)
    turn = np.exp(2j * np.pi * np.arange(n_orientations) / n_orientations)
    maps = tf.constant(normalized.reshape(len(normalized), -1))
    result = []
    for level, scale in zip(hierarchy, scales, strict=True):
        vector = np.zeros(level.n_pix, complex)
        for some in tf.split(maps, maps.shape[1], axis=1):
            transform = wavelets.stencil.apply(scale.wavelets, some).numpy()[..., 0]
            vector += np.hypot(transform[:, 0::2], transform[:, 1::2]) @ turn
        around = np.maximum(level.neighbours, 0)
        moved = vector[around] * np.exp(-2j * level.frame_angle)
        smooth = np.sum(wavelets.smoothing_weights(level) * moved, axis=1)
        result.append(np.angle(smooth) / 2)
        if level is not hierarchy[-1]:
            maps = wavelets.coarsen(scale, level.n_pix // level.n_children, maps)
    return result


def save(path: str | Path, model: Model, provenance: dict, **attributes) -> None:
    """Write the model atomically."""
    arrays = {"mean": model.mean, "deviation": model.deviation, "of_inputs": model.of_inputs}
    for group, name in enumerate(statistics.groups(model.settings.orientation)):
        for scale in range(model.settings.n_scales if model.primary else 0):
            arrays[f"primary/{name}/{scale}"] = model.primary[group][scale]
    if model.stripes:
        arrays |= dict(zip(STRIPES, model.stripes, strict=True))
    store.write(path, arrays, kind=KIND, provenance=provenance, **attributes)


def load(path: str | Path, settings: Emulator) -> Model:
    """Read a model written by :func:`save` under the same settings."""
    names = ["mean", "deviation", "of_inputs"]
    keys = [
        [f"primary/{group}/{scale}" for scale in range(settings.n_scales)]
        for group in statistics.groups(settings.orientation)
    ]
    oriented = settings.orientation != "none"
    wanted = [key for group in keys for key in group] if oriented else []
    lines = STRIPES if settings.stripe_zones else ()
    arrays = store.read(path, KIND, *names, *wanted, *lines)
    primary = [[arrays[key] for key in group] for group in keys] if oriented else None
    return Model(
        settings,
        arrays["mean"],
        arrays["deviation"],
        primary,
        tuple(arrays[name] for name in lines) or None,
        arrays["of_inputs"],
    )
