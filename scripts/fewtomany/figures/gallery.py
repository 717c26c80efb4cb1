"""Every figure of a campaign: the files it is drawn from, and how."""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
from matplotlib.figure import Figure

from fewtomany.config import products, versions
from fewtomany.config.campaign import Campaign
from fewtomany.config.statistics import STATISTICS
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.figures import (
    baselines,
    chi2,
    correlations,
    cost,
    descent,
    distribution,
    diversity,
    eigenvalues,
    equivalent,
    fields,
    glance,
    maps,
    minkowski,
    parameter,
    scattering,
    spectra,
    transfer,
    trust,
    wavelets,
)
from fewtomany.figures.values import Values
from fewtomany.files import integrity, store
from fewtomany.validation import answer, parts
from fewtomany.validation.judge.comparison import Comparison
from fewtomany.validation.judge.comparison import read as read_comparison

COMPARED = {
    "spectra": spectra,
    "correlations": correlations,
    "eigenvalues": eigenvalues,
    "chi2": chi2,
    "scattering": scattering,
    "minkowski": minkowski,
    "distribution": distribution,
}
COMPARED |= {name: Values(name) for name in STATISTICS if name not in COMPARED}
"""Figures of the comparison of all datasets."""

OF_PARTS = {
    "equivalent": equivalent,
    "baselines": baselines,
    "trust": trust,
    "parameter": parameter,
    "diversity": diversity,
    "descent": descent,
}
"""Figures of a part of the judgement; that of a dataset is called "trust-DATASET"."""

OF_WAVELETS = {"wavelets": wavelets, "transfer": transfer}
OF_MAPS = ("maps", "glance")


@dataclass(frozen=True)
class Gallery:
    """The files that figures are drawn from; only those of the figures that are wanted.

    Attributes
    ----------
    campaign : the campaign
    comparison : arrays of the judgement (HDF5)
    metrics : of the judgement (JSON)
    maps : map files of each dataset, those of its first maps, in order
    wavelets : shapes and transfer functions (HDF5)
    parts : parts of the judgement (JSON) by figure
    """

    campaign: Campaign
    comparison: str | None = None
    metrics: str | None = None
    maps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wavelets: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """Digest of what a figure follows from."""
        facts = [name, versions.STAGES["plot"].version]
        facts += [integrity.content(Path(path)) for path in self._files(name)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    def draw(self, name: str) -> tuple[Figure, str, str]:
        """A figure, its title and its caption."""
        self._files(name)
        if name in OF_MAPS:
            return self._draw_maps(name)
        if name in OF_WAVELETS:
            return self._draw_wavelets(name)
        if name == "cost":
            drawing: ModuleType | Values = cost
            numbers = cost.load()
        elif name in COMPARED:
            drawing, numbers = COMPARED[name], self._compared
        else:
            drawing, numbers = OF_PARTS[_kind(name)], parts.read(self.parts[name])
        return drawing.draw(numbers), drawing.TITLE, drawing.caption(numbers)

    def _files(self, name: str) -> list[str]:
        """The files of a figure; UserError where there are none."""
        if name == "cost":
            return []
        if name in OF_WAVELETS:
            found = [("--wavelets", self.wavelets)]
        elif name in COMPARED:
            found = [("--comparison", self.comparison)]
        elif name in OF_MAPS:
            found = [("--comparison", self.comparison)]
            shown: list[str | None] = [path for some in self.maps.values() for path in some]
            found += [("--maps", path) for path in shown or [None]]
            found += [("--metrics", self.metrics)] * (name == "glance")
        elif _kind(name) in OF_PARTS:
            found = [("--parts", self.parts.get(name))]
        else:
            known = ", ".join([*COMPARED, *OF_PARTS, *OF_WAVELETS, *OF_MAPS, "cost"])
            raise UserError(f"--figure: {name} is not allowed; expected one of {known}")
        for option, path in found:
            if path is None:
                raise UserError(f"{option}: missing; {name} is drawn from it")
        return [path for _, path in found]

    @functools.cached_property
    def _compared(self) -> Comparison:
        return read_comparison(self.comparison)

    @functools.cached_property
    def _shown(self) -> dict[str, np.ndarray]:
        """The first maps of every dataset."""
        shown = {}
        for name, files in self.maps.items():
            some = np.concatenate([observed.read_maps(file, self.campaign).maps for file in files])
            if len(some) < self._drawing.N_SHOWN:
                held = f"{', '.join(map(str, files))}: {len(some)} maps of {name}"
                expected = f"at least {self._drawing.N_SHOWN}, which are shown"
                raise UserError(f"{held}; expected {expected}")
            shown[name] = some[: products.MOST_SHOWN]
        return shown

    @property
    def _drawing(self) -> ModuleType:
        return maps if self._compared.shape is None else fields

    def _draw_maps(self, name: str) -> tuple[Figure, str, str]:
        about: tuple = (self._compared, self._shown)
        if name == "maps":
            drawing = self._drawing
            return drawing.draw(*about), drawing.TITLE, drawing.caption(self._compared)
        order = answer.order(store.read_json(self.metrics))
        best = self.campaign.dataset(order[0], "emulated")
        pair = (best.input, best.name)
        return glance.draw(*about, *pair), glance.TITLE, glance.caption(self._compared, *pair)

    def _draw_wavelets(self, name: str) -> tuple[Figure, str, str]:
        arrays = store.read(self.wavelets, "wavelets")
        about = store.read_attributes(self.wavelets, "wavelets")
        if name == "wavelets":
            place = tuple(map(float, about["place_deg"]))
            text = wavelets.caption(arrays["shapes"], place, int(about["kernel_size"]))
            return wavelets.draw(arrays["shapes"], place), wavelets.TITLE, text
        functions = {
            int(path.partition("/")[2]): array
            for path, array in sorted(arrays.items())
            if path.startswith("transfer/")
        }
        text = transfer.caption(functions, int(about["n_places"]))
        return transfer.draw(functions), transfer.TITLE, text


def _kind(name: str) -> str:
    """The figure of a part of a dataset or of all: "trust" of "trust-emulated-10"."""
    return name.partition("-")[0]
