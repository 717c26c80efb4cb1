"""The container between judgement and figures: arrays, and what was compared."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry

KIND = "comparison"


@dataclass(frozen=True)
class Shown:
    """A dataset as figures and report show it.

    Attributes
    ----------
    role : of the campaign's datasets, or "exact"
    n_maps : its maps; 0 for an exact covariance
    input : name of its input dataset, or ""
    n_inputs : maps of that input (of itself for an input), or 0
    n_modes : leading modes used
    """

    role: str
    n_maps: int
    input: str
    n_inputs: int
    n_modes: int


@dataclass(frozen=True)
class Comparison:
    """Arrays for the figures, by "group/dataset/name".

    ======================================  ==========================================
    spectra/{dataset}/mean, scatter         (n_spectra, n_bins), K²
    spectra/{dataset}/residual              (n_spectra, n_bins - lmin), Δ_ℓ
    pixels/{dataset}/deviation              (n_components, n_pix), K
    correlation/{dataset}/full              (side, side), float32, means of blocks
    correlation/{dataset}/zoom              (width, width), first component; both of the
                                            sphere alone
    eigenvalues/{dataset}/values, ratio     (n_modes,), K² and over the true ones
    eigenvalues/{dataset}/true_draws        the ratio of as many true maps, at most as
                                            many as the reference has
    chi2/{dataset}/values                   (chi2_maps,), reduced χ²
    chi2/{dataset}/true_draws               the same under as many true maps
    {measured}/{dataset}/mean, scatter      of maps; measured is "scattering" (n_values,),
                                            "minkowski" (n_functionals, n_thresholds) or
                                            "distribution" (2, n_components, n_bins),
                                            fractions of pixels and their sums
    {measured}/{dataset}/residual           Δ, 0 where the true maps do not vary
    {measured}/labels                       names of the values, but for "distribution"
    sky/pixels                              the observed pixels; absent for the full sky
    ======================================  ==========================================

    Residuals and ratios are against the truth or, without one, against the inputs; χ² and
    true draws are there with a truth only.

    Attributes
    ----------
    truth : name of the true covariance, "exact" or "reference"; None where none is known
    stokes, channels, nside, frame : of the maps; nside is None on a plane or a line
    lmin, chi2_maps, minkowski_maps : of the comparison
    zoom : first and last + 1 pixel of the zoom
    datasets : the compared datasets by name; "exact" comes first where there is one
    shape, periodic : of a plane or a line
    """

    arrays: Mapping[str, np.ndarray]
    truth: str | None
    stokes: str
    channels: list[str]
    nside: int | None
    frame: str
    lmin: int
    chi2_maps: int
    minkowski_maps: int
    zoom: list[int]
    datasets: dict[str, Shown]
    shape: list[int] | None = None
    periodic: bool = False

    @property
    def components(self) -> Components:
        """What the compared maps consist of."""
        return Components(self.stokes, tuple(self.channels))

    @property
    def sky(self) -> Geometry:
        """The pixels of the compared maps."""
        facts = {"nside": self.nside}
        if self.shape is not None:
            facts = {"shape": self.shape, "periodic": self.periodic}
        return store.geometry_of(facts, self.arrays.get("sky/pixels"), None)

    @property
    def reference(self) -> bool:
        """Whether there is a reference, true maps that all datasets are held against."""
        return "reference" in self.datasets

    def yardstick(self, dataset: str) -> str:
        """The dataset of true maps that a dataset is held against."""
        if self.reference:
            return "reference"
        return self.datasets[dataset].input or dataset

    def labels(self, group: str) -> list[str]:
        """Names of the values of a measured statistic."""
        return [label.decode() for label in self.arrays[f"{group}/labels"]]

    def get(self, group: str, dataset: str, name: str) -> np.ndarray:
        """One array; UserError if the comparison does not hold it."""
        key = f"{group}/{dataset}/{name}"
        if key not in self.arrays:
            raise UserError(f"the comparison holds no {key}; datasets: {', '.join(self.datasets)}")
        return self.arrays[key]

    def families(self) -> dict[str, list[str]]:
        """Datasets by the input they come from: the input, emulations, Gaussian ones."""
        roles = {name: shown.role for name, shown in self.datasets.items()}
        return {
            source: [source]
            + [
                name
                for role in ("emulated", "gaussian")
                for name, shown in self.datasets.items()
                if (shown.role, shown.input) == (role, source)
            ]
            for source in roles
            if roles[source] == "input"
        }


def write(path: str | os.PathLike, content: Comparison, provenance: dict) -> None:
    """Write a comparison atomically."""
    about = asdict(content)
    arrays = about.pop("arrays")
    store.write(path, arrays, kind=KIND, provenance=provenance, about=json.dumps(about))


def read(path: str | os.PathLike) -> Comparison:
    """Read a comparison; UserError if the file is none."""
    about = json.loads(store.read_attributes(path, KIND)["about"])
    about["datasets"] = {name: Shown(**shown) for name, shown in about["datasets"].items()}
    return Comparison(arrays=store.read(path, KIND), **about)
