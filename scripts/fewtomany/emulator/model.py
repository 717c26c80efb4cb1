"""The maximum-entropy model of one emulated dataset, made from its input maps."""

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from fewtomany import covariance, seeds
from fewtomany.config.campaign import Emulator
from fewtomany.config.versions import STAGES
from fewtomany.covariance import Covariance
from fewtomany.emulator.statistics import (
    Group,
    Phi,
    Scattering,
    ScatteringOperators,
    Spectra,
    SpectraOperators,
    groups,
)
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry
from fewtomany.scattering import domains, grid, stripes, wavelets
from fewtomany.spectra import isotropic

KIND = "emulation-model"
START = "start/"

FEW = 10
"""With fewer inputs the scatter of statistics is not theirs, where Gaussian maps can give it."""

N_GAUSSIAN = 64
"""Gaussian maps whose statistics give that scatter, to 9%."""

AT_ONCE = 2**15
"""Values of small maps that are looked at together: each operation has a cost of its own."""


@dataclass(frozen=True)
class ScatteringModel:
    """Normalization, wavelet orientations and target statistics.

    Attributes
    ----------
    settings : the emulator's settings
    components, sky : of the maps
    arrays : what was learnt from the inputs, by name

        ========================  ====================================================
        mean, deviation           (F, n_pix), in the order of files, in the inputs' unit
        of_inputs                 (n_inputs, n_statistics), Φ of every input map; those of
                                  "scatter" are unbiased squared deviations, whose mean is
                                  the variance
        variance                  (n_statistics,), of Φ of Gaussian maps with the spectra of the
                                  inputs; absent where that of the inputs is taken
        primary/{group}/{scale}   (n_pix,), primary orientation in rad, nested; absent
                                  where the wavelets are not oriented
        stripes/direction         (n_pix,), of the stripes, rad from south to east, NESTED
        stripes/deviation         (n_pix, F), of the components in their frame; both absent
                                  without stripes
        start/inputs              (n_inputs, F, n_pix), their deviations from the mean, for an
                                  isotropic start
        start/...                 the covariance whose draws are a turned start, see
                                  :func:`fewtomany.covariance.apart`, and
                                  "start/about", its JSON as bytes
        ========================  ====================================================
    """

    settings: Emulator
    components: Components
    sky: Geometry
    arrays: Mapping[str, np.ndarray]

    @property
    def mean(self) -> np.ndarray:
        return self.arrays["mean"]

    @property
    def deviation(self) -> np.ndarray:
        return self.arrays["deviation"]

    @property
    def of_inputs(self) -> np.ndarray:
        return self.arrays["of_inputs"]

    @functools.cached_property
    def nested(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation as all is computed with: (n_pix, F) each, NESTED."""
        return self.sky.to_nested(self.mean), self.sky.to_nested(self.deviation)

    @functools.cached_property
    def phi(self) -> Phi:
        """The statistics."""
        zones = self.settings.stripe_zones
        n_zones = int(stripes.zone_of(self.sky, zones).max()) + 1 if zones else 0
        sky = self.sky
        return Phi(self.settings, self.components, sky.n_bins, sky.first_bin, n_zones)

    def operators(self) -> tuple:
        """Tensors that turn normalized maps into statistics, of every block of Φ."""
        return tuple(self._operators(block) for block in self.phi.blocks)

    def _operators(self, block):
        settings, dtype = self.settings, self.settings.dtype
        if isinstance(block, Scattering):
            hierarchy = _hierarchy(self.sky, settings)
            primary = None
            if settings.orientation != "none":
                primary = [
                    self.arrays[f"primary/{_key(block.group)}/{k}"] for k in _scales(settings)
                ]
            scales = wavelets.build_scales(hierarchy, settings.n_orientations, primary, dtype)
            finer = tuple(wavelets.merging_stencil(step, dtype) for step in hierarchy.finer)
            return ScatteringOperators(None if None in finer or not finer else finer, scales)
        if isinstance(block, Spectra):
            mean, deviation = self.nested
            rms = _field_rms(self.components, deviation)
            return SpectraOperators(
                domains.transform(self.sky, self.components, dtype),
                tf.constant(mean[:, None] / rms, dtype),
                tf.constant(deviation[:, None] / rms, dtype),
            )
        own = self.arrays["stripes/deviation"]
        return stripes.build(
            self.sky,
            self.components,
            self.arrays["stripes/direction"],
            np.array([self.nested[1], own]),
            settings.stripe_zones,
            settings.n_scales,
            dtype,
        )

    @functools.cached_property
    def _start(self) -> covariance.Model:
        """The covariance whose draws are a turned start."""
        own = covariance.below(self.arrays, START)
        about = json.loads(own.pop("about").tobytes())
        return covariance.together(own, about, self.components, self.sky)

    def start(self, campaign_seed: int, dataset: str, target: int, index: int) -> np.ndarray:
        """Normalized maps from which a batch descends, (m, F, n_pix), RING."""
        size, kind = self.settings.batch_size, self.settings.start
        if kind == "white":
            random = seeds.generator(campaign_seed, "start", dataset, target, index)
            return random.standard_normal((size, *self.mean.shape))
        key, span = ("start", dataset, target), (index * size, (index + 1) * size)
        if kind == "turned":
            drawn = self._start.draw(campaign_seed, key, *span, block=size)
        else:
            inputs = self.arrays[f"{START}inputs"]
            drawn = isotropic.draw(inputs, self.components, campaign_seed, key, *span, self.sky)
        return drawn / self.deviation

    def target(
        self, strategy: str, number: int, random: np.random.Generator | None = None
    ) -> np.ndarray:
        """Target statistics of a batch, shape (n_statistics,).

        average-target: the mean over the inputs. drawn-target: the mean over as many inputs as a
        batch has maps, drawn with replacement, so that the means of batches scatter as those of
        true maps do. single-target: those of one input; its maps shall not scatter about it.
        """
        if strategy == "average-target":
            return self.of_inputs.mean(axis=0)
        if strategy == "drawn-target":
            chosen = random.integers(len(self.of_inputs), size=self.settings.batch_size)
            return self.of_inputs[chosen].mean(axis=0)
        return np.where(self.phi.members("scatter"), 0, self.of_inputs[number])

    def loss_weights(self) -> np.ndarray:
        """See :meth:`fewtomany.emulator.statistics.Phi.loss_weights`."""
        variance = self.arrays.get("variance")
        return self.phi.loss_weights(self.of_inputs.var(axis=0) if variance is None else variance)

    def floor(self, strategy: str) -> float:
        """Loss below which a batch ends: see ``emulator.tolerance``."""
        n_inputs = 1 if strategy == "single-target" else len(self.of_inputs)
        return self.settings.tolerance * len(self.phi.term_names) / n_inputs

    def fingerprint(self) -> str:
        """Hexadecimal digest of all that decides the emulated maps but the seed."""
        digest = hashlib.sha256()
        settings = {k: v for k, v in self.settings if k != "refinement"}
        facts = [settings, asdict(self.components), self.sky.attributes()]
        digest.update(json.dumps([STAGES["emulate"].version, *facts], sort_keys=True).encode())
        for name in sorted(self.arrays):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.arrays[name]).tobytes())
        for array in (self.sky.pixels, self.sky.weights):
            digest.update(b"" if array is None else array.tobytes())
        return digest.hexdigest()[:32]


def _scales(settings: Emulator) -> range:
    return range(settings.n_scales)


def _key(group: Group) -> str:
    """Name of a group in the model file."""
    return group.name.replace("/", "_")


def _field_rms(components: Components, deviation: np.ndarray) -> np.ndarray:
    """Rms of the deviation (n_pix, F), (F,): of T alone, of Q and U together."""
    square = np.mean(deviation**2, axis=0)
    for q in components.spins:
        square[q : q + 2] = np.mean(deviation[:, q : q + 2] ** 2)
    return np.sqrt(square)


def prepare(
    inputs: MapSet,
    settings: Emulator,
    learnt: Covariance | None = None,
    normalization: tuple[np.ndarray, np.ndarray] | None = None,
) -> ScatteringModel:
    """Learn the model from the input maps.

    Parameters
    ----------
    learnt : the best covariance without emulation, for a turned start or smoothed variances
    normalization : mean and deviation of every pixel, (F, n_pix), where they are known; as the
        settings say by default

    Raises
    ------
    UserError : when a pixel is the same in all inputs, so that it has no scatter; for settings
        that the geometry has no meaning for, or too few pixels for its scales
    """
    maps = inputs.maps.astype(np.float64)
    components, sky = inputs.components, inputs.sky
    _check(inputs, settings)
    mean, deviation = normalization or normalize(maps, sky, settings)
    if settings.variances == "smoothed" and normalization is None:
        deviation = learnt.smoothed
    if not (deviation > 0).all():
        component, pixel = np.argwhere(deviation == 0)[0]
        raise UserError(
            f"{inputs.dataset}: Stokes {components.names[component]} of pixel {sky.indices[pixel]} "
            f"does not vary over the {len(maps)} maps; the emulator needs scatter in every pixel"
        )
    normalized = sky.to_nested((maps - mean) / deviation)
    arrays = {"mean": mean, "deviation": deviation}
    if settings.start == "isotropic":
        arrays[f"{START}inputs"] = maps - mean
    if settings.start == "turned":
        # White noise makes a covariance invertible; maps of little power on small scales keep it.
        own, about = covariance.apart(learnt.model.start)
        arrays |= {f"{START}{name}": array for name, array in own.items()}
        arrays[f"{START}about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    if settings.orientation != "none":
        hierarchy = _hierarchy(sky, settings)
        for group in groups(settings.orientation, components):
            chosen = normalized[..., list(group.places)]
            found = primary_orientations(hierarchy, settings, chosen)
            arrays |= {f"primary/{_key(group)}/{k}": angle for k, angle in enumerate(found)}
    if settings.stripe_zones:
        arrays |= _stripes(sky, components, settings, normalized, sky.to_nested(deviation))
    bare = ScatteringModel(settings, components, sky, arrays)
    arrays["of_inputs"] = _statistics(bare, normalized)
    if _scatter_is_gaussian(inputs, settings):
        random = seeds.generator(0, "gaussian scatter")
        drawn = domains.gaussian_like(sky, (maps - mean) / deviation, random, N_GAUSSIAN)
        arrays["variance"] = _statistics(bare, sky.to_nested(drawn)).var(axis=0)
    learned = replace(bare, arrays=arrays)
    with np.errstate(divide="ignore"):
        if not np.isfinite(learned.loss_weights()).all():
            raise UserError(
                f"{inputs.dataset}: half of the scattering coefficients are the same for all maps; "
                f"{sky.n_pix} observed pixels are too few for emulator.n_scales = "
                f"{settings.n_scales}, emulator.kernel_size = {settings.kernel_size}"
            )
    return learned


def _check(inputs: MapSet, settings: Emulator) -> None:
    """Raise UserError for settings that mean nothing for these inputs."""
    name, sky, n_maps = inputs.dataset, inputs.sky, len(inputs.maps)
    domains.check(sky, inputs.components, settings, name)
    if n_maps == 1 and not _scatter_is_gaussian(inputs, settings):
        raise UserError(
            f"{name}: one map; expected two or more, or a plane or a line with "
            "emulator.normalization global"
        )
    if n_maps == 1 and settings.scatter:
        raise UserError(f"emulator.scatter: true is not allowed for {name}: one map has no scatter")


def _scatter_is_gaussian(inputs: MapSet, settings: Emulator) -> bool:
    """Whether the scatter in the loss is that of Gaussian maps, the inputs being too few."""
    alike_everywhere = settings.normalization == "global"
    return alike_everywhere and len(inputs) < FEW and domains.draws_gaussian(inputs.sky)


def _statistics(model: ScatteringModel, normalized: np.ndarray) -> np.ndarray:
    """Φ of every one of normalized maps (n_pix, n_maps, F), nested: (n_maps, n_statistics).

    Those of "scatter" are unbiased squared deviations from the mean of these maps.
    """
    phi, operators, dtype = model.phi, model.operators(), model.settings.dtype
    n_pix, n_maps, n_fields = normalized.shape
    size = max(1, AT_ONCE // (n_pix * n_fields))
    together = [tf.constant(normalized[:, k : k + size], dtype) for k in range(0, n_maps, size)]
    found = np.concatenate([phi.evaluate(operators, x, x.shape[1]).numpy() for x in together])
    found = found.astype(np.float64)
    scatter = phi.members("scatter")
    if scatter.any():
        squares = found[:, scatter]
        found[:, scatter] = (squares - squares.mean(axis=0)) ** 2 * n_maps / (n_maps - 1)
    return found


def normalize(maps: np.ndarray, sky: Geometry, settings: Emulator) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every pixel of maps (n_maps, F, n_pix).

    With ``normalization: global`` they are those of all pixels and maps together.
    """
    if settings.normalization == "global":
        mean = np.zeros(maps.shape[1])
        if settings.mean == "inputs":
            mean = np.average(maps.mean(axis=0), axis=1, weights=sky.weight)
        squares = np.mean((maps - mean[:, None]) ** 2, axis=0)
        deviation = np.sqrt(np.average(squares, axis=1, weights=sky.weight))
        return tuple(np.repeat(x[:, None], sky.n_pix, axis=1) for x in (mean, deviation))
    if settings.mean == "zero":
        return np.zeros(maps.shape[1:]), np.sqrt(np.mean(maps**2, axis=0))
    return maps.mean(axis=0), maps.std(axis=0, ddof=settings.ddof)


def _hierarchy(sky: Geometry, settings: Emulator) -> grid.Hierarchy:
    return domains.hierarchy(sky, settings.n_scales, settings.kernel_size, settings.first_scale)


def _stripes(
    sky: Geometry,
    components: Components,
    settings: Emulator,
    normalized: np.ndarray,
    deviation: np.ndarray,
) -> dict[str, np.ndarray]:
    """Direction of the stripes, and the deviation of the components in their frame."""
    finest = grid.healpix_hierarchy(sky, 1, settings.kernel_size)
    wave = primary_orientations(finest, settings, normalized)[0]
    direction = -wave  # along the stripes, from the south; the wave is across, from the east
    frame = stripes.rotation(direction, components)
    turned = np.einsum("pfg,pmg->pmf", frame, normalized * deviation[:, None])
    own = np.sqrt(np.mean(turned**2, axis=1))
    return {"stripes/direction": direction, "stripes/deviation": own}


def primary_orientations(
    hierarchy: grid.Hierarchy, settings: Emulator, normalized: np.ndarray
) -> list[np.ndarray]:
    """Primary orientation of the maps at every pixel and scale (Appendix A.2).

    The mean modulus of the wavelet coefficients over all maps, as a function of the
    wavelet's orientation (period π), has a phase; its vector is smoothed over the
    neighbours in the pixel's own frame. The whole input set enters.

    Parameters
    ----------
    normalized : array of shape (n_pix, n_maps, F), nested

    Returns
    -------
    for every scale an array of shape (n_pix,), rad
    """
    n_orientations = max(settings.n_orientations, 3)  # two cannot tell a direction
    scales = wavelets.build_scales(hierarchy, n_orientations, None, tf.float64)
    turn = np.exp(2j * np.pi * np.arange(n_orientations) / n_orientations)
    maps = tf.constant(normalized.reshape(len(normalized), -1))
    if None in hierarchy.finer:
        maps = wavelets.average(maps, hierarchy[0].n_pix)
    else:
        for step in hierarchy.finer:
            maps = wavelets.stencil.apply(wavelets.merging_stencil(step, tf.float64), maps)[:, 0]
    result = []
    for number, (level, scale) in enumerate(zip(hierarchy, scales, strict=True)):
        vector = np.zeros(level.n_pix, complex)
        for some in tf.split(maps, maps.shape[1], axis=1):
            transform = wavelets.stencil.apply(scale.wavelets, some).numpy()[..., 0]
            vector += np.hypot(transform[:, 0::2], transform[:, 1::2]) @ turn
        around = np.maximum(level.neighbours, 0)
        moved = vector[around] * np.exp(-2j * level.frame_angle)
        smooth = np.sum(wavelets.smoothing_weights(level) * moved, axis=1)
        result.append(np.angle(smooth) / 2)
        if number < len(hierarchy) - 1:
            maps = wavelets.coarsen(scale, hierarchy[number + 1].n_pix, maps)
    return result


def save(path: str | Path, model: ScatteringModel, provenance: dict, **attributes) -> None:
    """Write the model atomically."""
    with store.create(path, kind=KIND, provenance=provenance, **attributes) as file:
        for name, array in model.arrays.items():
            file[f"arrays/{name}"] = array
        store.write_sky(file, model.sky)
        file.attrs.update(attributes_of(model))


def attributes_of(model: ScatteringModel) -> dict[str, Any]:
    """What a file says of the maps of a model."""
    channels = ",".join(model.components.channels)
    return {"stokes": model.components.stokes, "channels": channels, **model.sky.attributes()}


def load(path: str | Path, settings: Emulator) -> ScatteringModel:
    """Read a model written by :func:`save` under the same settings."""
    content = store.read(path, KIND)
    facts = store.read_attributes(path, KIND)
    components = Components(facts["stokes"], tuple(facts["channels"].split(",")))
    sky = store.geometry_of(facts, content.get("pixels"), content.get("weights"))
    arrays = {
        name.removeprefix("arrays/"): array
        for name, array in content.items()
        if name.startswith("arrays/")
    }
    return ScatteringModel(settings, components, sky, arrays)
