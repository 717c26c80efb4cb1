"""The model of an emulated dataset in two scales: the coarse sphere, and regions of the fine one.

The coarse sphere has the model of any dataset (:mod:`fewtomany.emulator.model`). Of the fine one
each region has its own: wavelet orientations and target statistics of the inputs inside it, so
that no statistic needs the whole fine sphere. Spectra, stripes and scatter are constrained on the
coarse sphere alone; finer multipoles have the power of the inputs from where a batch starts, and
from the wavelets' S2.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fewtomany.config.campaign import Emulator
from fewtomany.covariance import variances
from fewtomany.covariance.variances import Smoothing
from fewtomany.emulator import model
from fewtomany.emulator.conditioned import Blocks, Conditioning
from fewtomany.emulator.model import ScatteringModel
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet
from fewtomany.late import healpy as hp
from fewtomany.maps import region
from fewtomany.maps.components import Components
from fewtomany.maps.region import Region
from fewtomany.maps.sky import Sky
from fewtomany.spectra import spectra

KIND = "refined-emulation-model"

ITERATIONS = 2
"""Jacobi steps of the inputs' spectra, from which starts are drawn."""


@dataclass(frozen=True)
class RefinedModel:
    """What the batches of a dataset follow from in two scales.

    Attributes
    ----------
    settings : the emulator's settings, with their refinement
    sky : the fine sphere
    coarse : the model of the coarse sphere
    arrays : what was learnt on the fine sphere, by name

        ==========================  ===================================================
        mean, deviation             (F, n_pix), RING, in the inputs' unit
        cl                          (n_inputs, n_spectra, 3·nside): spectra of the
                                    normalized inputs
        regions/{number}/{name}     of a region's model but mean and deviation, see
                                    :class:`fewtomany.emulator.model.ScatteringModel`
        ==========================  ===================================================
    """

    settings: Emulator
    sky: Sky
    coarse: ScatteringModel
    arrays: Mapping[str, np.ndarray]

    @property
    def components(self) -> Components:
        return self.coarse.components

    @property
    def mean(self) -> np.ndarray:
        return self.arrays["mean"]

    @property
    def deviation(self) -> np.ndarray:
        return self.arrays["deviation"]

    @property
    def n_regions(self) -> int:
        return region.count(self.settings.refinement.regions)

    @functools.cached_property
    def blocks(self) -> Blocks:
        """The coarse pixels as blocks of the fine ones."""
        return Blocks(self.coarse.sky.nside, self.sky.nside)

    def region(self, number: int) -> ScatteringModel:
        """The model of one region."""
        prefix = f"regions/{number}/"
        own = {n[len(prefix) :]: a for n, a in self.arrays.items() if n.startswith(prefix)}
        pixels = regions(self.settings, self.sky.nside)[number]
        for name in ("mean", "deviation"):
            own[name] = pixels.restrict(self.arrays[name])
        return ScatteringModel(of_region(self.settings), self.components, pixels, own)

    def conditioning(self, number: int) -> Conditioning:
        """Gaussian maps with the spectra of one input."""
        return Conditioning(self.blocks, self.components, self.arrays["cl"][number], self.deviation)

    def fingerprint(self) -> str:
        """Hexadecimal digest of all that decides the emulated maps but the seed."""
        digest = hashlib.sha256(self.coarse.fingerprint().encode())
        digest.update(repr(self.settings.refinement).encode())
        for name in sorted(self.arrays):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.arrays[name]).tobytes())
        return digest.hexdigest()[:32]


def of_coarse(settings: Emulator) -> Emulator:
    """Settings of the coarse sphere, whose starts come from the fine one."""
    return settings.changed(refinement=None, start="white")


def of_region(settings: Emulator) -> Emulator:
    """Settings of a region: the scattering covariances alone."""
    return settings.changed(
        refinement=None,
        spectra=False,
        scatter=False,
        stripe_zones=0,
        start="white",
        n_steps=settings.refinement.n_steps,
    )


def regions(settings: Emulator, nside: int) -> tuple[Region, ...]:
    """The regions, with margins that hold all that the wavelets of both layers reach."""
    coarsest = nside >> (settings.first_scale + settings.n_scales - 1)
    reach = 2 * (settings.kernel_size // 2)
    return region.cover(nside, settings.refinement.regions, coarsest, reach)


def prepare(inputs: MapSet, settings: Emulator) -> RefinedModel:
    """Learn the model from the input maps of the fine sphere.

    Raises
    ------
    UserError : for maps of a part of the sky or of no sphere, and as
        :func:`fewtomany.emulator.model.prepare` does
    """
    sky, components = inputs.sky, inputs.components
    if not isinstance(sky, Sky) or not sky.is_full:
        raise UserError(
            f"emulator.refinement: not allowed for {inputs.dataset}; expected maps of the whole "
            "sphere"
        )
    blocks = Blocks(settings.refinement.coarse, sky.nside)
    coarse = replace(inputs, maps=blocks.means(inputs.maps), sky=None)
    smoothing = smoothing_of(coarse, settings)
    mean, deviation = normalization(inputs, settings, smoothing, blocks.nside // blocks.coarse)
    arrays = {"mean": mean, "deviation": deviation}
    for number, pixels in enumerate(regions(settings, sky.nside)):
        own = model.prepare(
            replace(inputs, maps=pixels.restrict(inputs.maps), sky=pixels),
            of_region(settings),
            normalization=(pixels.restrict(mean), pixels.restrict(deviation)),
        )
        for name, array in own.arrays.items():
            if name not in ("mean", "deviation"):
                arrays[f"regions/{number}/{name}"] = array
    arrays["cl"] = np.array(
        [_spectra((values - mean) / deviation, components) for values in inputs.maps]
    )
    whole = model.prepare(
        coarse, of_coarse(settings), normalization=normalization(coarse, settings, smoothing)
    )
    return RefinedModel(settings, sky, whole, arrays)


def smoothing_of(inputs: MapSet, settings: Emulator) -> Smoothing:
    """How strongly the variances are smoothed: as held-out maps like best."""
    if settings.variances == "inputs":
        return variances.NONE
    one = inputs.components.select(inputs.components.channels[0])
    return variances.choose(inputs.maps[:, one], inputs.stokes, centre=settings.mean == "inputs")


def normalization(
    inputs: MapSet, settings: Emulator, smoothing: Smoothing | None = None, finer: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of every pixel of the sphere, (F, n_pix).

    Parameters
    ----------
    smoothing : of the variances, chosen on a sphere that is ``finer`` times coarser; the best of
        these maps by default
    """
    smoothing = smoothing or smoothing_of(inputs, settings)
    mean, deviation = model.normalize(inputs.maps.astype(np.float64), inputs.sky, settings)
    smoothing = replace(smoothing, rings=finer * smoothing.rings)
    for channel in inputs.components.channels:
        some = inputs.components.select(channel)
        variance = variances.smooth(deviation[some] ** 2, inputs.stokes, smoothing)
        deviation[some] = np.sqrt(variance)
    return mean, deviation


def _spectra(values: np.ndarray, components: Components) -> np.ndarray:
    """Spectra of one map (F, n_pix), (n_spectra, lmax + 1)."""
    alms = spectra.to_harmonic(values, components, ITERATIONS)
    return np.array([hp.alm2cl(alms[a], alms[b]) for a, b in components.spectra_pairs])


def save(path: str | Path, found: RefinedModel, provenance: dict, **attributes) -> None:
    """Write the model atomically."""
    facts = model.attributes_of(found.coarse) | {"nside": found.sky.nside}
    with store.create(path, kind=KIND, provenance=provenance, **attributes) as file:
        for name, array in found.coarse.arrays.items():
            file[f"coarse/{name}"] = array
        for name, array in found.arrays.items():
            file[f"arrays/{name}"] = array
        file.attrs.update(facts)


def load(path: str | Path, settings: Emulator) -> RefinedModel:
    """Read a model written by :func:`save` under the same settings."""
    content = store.read(path, KIND)
    facts = store.read_attributes(path, KIND)
    components = Components(facts["stokes"], tuple(facts["channels"].split(",")))

    def arrays(prefix: str) -> dict[str, np.ndarray]:
        return {n[len(prefix) :]: a for n, a in content.items() if n.startswith(prefix)}

    sphere = Sky(settings.refinement.coarse)
    coarse = ScatteringModel(of_coarse(settings), components, sphere, arrays("coarse/"))
    return RefinedModel(settings, Sky(int(facts["nside"])), coarse, arrays("arrays/"))
