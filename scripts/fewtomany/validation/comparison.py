"""The container between judgement and figures: arrays, and what was compared."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from fewtomany import store
from fewtomany.errors import UserError

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
    spectra/{dataset}/mean, scatter         (n_spectra, lmax + 1), K²
    spectra/{dataset}/residual              (n_spectra, lmax + 1 - lmin), Δ_ℓ
    pixels/{dataset}/deviation              (n_stokes, n_pix), K, standard deviations
    correlation/{dataset}/full              (side, side), float32, means of blocks
    correlation/{dataset}/zoom              (width, width), float32, Q with Q
    eigenvalues/{dataset}/values, ratio     (n_modes,), K² and over the true ones
    eigenvalues/{dataset}/true_draws        the ratio of as many true maps, at most as
                                            many as the reference has
    chi2/{dataset}/values                   (chi2_maps,), reduced χ²
    chi2/{dataset}/true_draws               the same under as many true maps
    {measured}/{dataset}/mean, scatter      of maps; measured is "scattering" (n_values,),
                                            which scattering/labels names, "minkowski"
                                            (4, n_thresholds) or "distribution" (2, n_stokes,
                                            n_bins), fractions of pixels and their sums
    {measured}/{dataset}/residual           Δ, 0 where the reference does not vary
    ======================================  ==========================================

    Attributes
    ----------
    truth : name of the true covariance, "exact" or "reference"
    stokes, nside, lmin, chi2_maps, minkowski_maps : of the comparison
    spectra_names : for example ["EE", "BB", "EB"]
    zoom : first and last + 1 pixel of the zoom
    datasets : the compared datasets by name; "exact" comes first where there is one
    """

    arrays: Mapping[str, np.ndarray]
    truth: str
    stokes: str
    nside: int
    lmin: int
    chi2_maps: int
    minkowski_maps: int
    spectra_names: list[str]
    zoom: list[int]
    datasets: dict[str, Shown]

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
