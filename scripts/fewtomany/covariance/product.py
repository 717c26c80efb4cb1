"""Covariances as products: a model and what a reader has to know of it.

    from fewtomany import covariance

    found = covariance.load("results/mine/recommended/emulated.h5")
    total = found.plus(noise_variance)  # (n,) K², all Q pixels before all U pixels, RING
    chi2 = map @ total.solve(map)
    log_likelihood = -0.5 * (chi2 + total.log_determinant())

All files of covariances have one format: the arrays of a model (:mod:`fewtomany.covariance.base`)
and, as attributes, which model they make, of which maps. A covariance of maps is a dense matrix
or, above :data:`DENSE_LIMIT` values a map, leading modes and a diagonal, C = Vᵀ Λ V + diag(d),
which keeps every pixel's variance; a recommended one of so many values has a sparse factor in
place of the diagonal (:mod:`fewtomany.covariance.compact`). All are inverted without a matrix, by
the Woodbury identity.
"""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from fewtomany.covariance import (  # noqa: F401 - kinds
    compact,
    completed,
    local,
    mixture,
    rotated,
    scales,
)
from fewtomany.covariance.base import Dense, Key, Model, SingularError, apart, together
from fewtomany.covariance.eigenmodes import (
    RANK_TOLERANCE,
    Modes,
    estimate,
    modes_of_factor,
    stream_modes,
)
from fewtomany.covariance.factor import Factor
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.sky import Sky

KIND = "covariance"
FACTOR_KIND = "factor"

DENSE_LIMIT = 16_000
"""Values of a map above which modes and a diagonal are kept: a dense matrix would have 2 GB."""

KEPT_MODES = 512
"""Modes that are kept of a covariance of more values, at most."""


@dataclass(frozen=True, eq=False)
class Covariance:
    """Second moments of maps.

    Attributes
    ----------
    model : the covariance itself, which knows components and observed pixels of its maps
    mean : array of shape (n,), float64, K; 0 by default
    n_maps : maps whose sample covariance it is; 0 where it is none, but exact or put together
    dataset : its name
    frame : of the maps
    evidence : plain JSON: what was chosen and why, such as the weights of its parts
    smoothed : deviations (n_components, n_pix), K, that the parts of a covariance that was
        learnt are scaled to; None of others
    """

    model: Model
    mean: np.ndarray | None = None
    n_maps: int = 0
    dataset: str = ""
    frame: str = "galactic"
    evidence: dict[str, Any] = field(default_factory=dict)
    smoothed: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.mean is None:
            object.__setattr__(self, "mean", np.zeros(len(self.model)))
        if self.mean.shape != (len(self.model),):
            raise UserError(
                f"mean of shape {self.mean.shape}, expected ({len(self.model)},) for Stokes "
                f"{self.stokes} of {self.sky.name}"
            )

    def __len__(self) -> int:
        return len(self.model)

    @property
    def components(self) -> Components:
        """What a map consists of."""
        return self.model.components

    @property
    def sky(self) -> Geometry:
        """The observed pixels."""
        return self.model.sky

    @property
    def stokes(self) -> str:
        return self.components.stokes

    @property
    def channels(self) -> tuple[str, ...]:
        return self.components.channels

    @property
    def nside(self) -> int | None:
        """Resolution of the sphere; None on a plane or a line."""
        return self.sky.attributes().get("nside")

    @property
    def is_dense(self) -> bool:
        return isinstance(self.model, Dense)

    @property
    def covariance(self) -> np.ndarray:
        """The matrix, shape (n, n), K²; made where it is not held."""
        return self.model.covariance if self.is_dense else self.model.dense()

    @property
    def variance(self) -> np.ndarray:
        """Variance of every value, shape (n,), K²."""
        return self.model.variance

    @property
    def inflation(self) -> float:
        """How many times those of the maps' pixels its variances are.

        Mostly more than 1 of a covariance that is made to be inverted and whose correlations few
        maps tell: see :func:`fewtomany.covariance.scales.join`. Of the maps, without noise that was
        added.
        """
        return float(self.evidence.get("inflation", 1.0))

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of every pixel, shape (n_components, n_pix), K."""
        return self.model.deviation

    @cached_property
    def modes(self) -> Modes:
        """All modes that are kept."""
        return self.model.leading(len(self))

    @property
    def square(self) -> float:
        """Sum of the squares of all elements, tr C²; of modes and a diagonal that of the modes."""
        if self.is_dense:
            return float(np.vdot(self.covariance, self.covariance))
        return float(np.sum(self.modes.values**2))

    @property
    def held(self) -> float:
        """Fraction of the total variance that the matrix or the modes hold."""
        return 1.0 if self.is_dense else float(self.modes.values.sum() / self.variance.sum())

    def rows(self, chosen: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Some rows of the matrix, shape (n_rows, n_columns), K²."""
        return self.model.rows(chosen, columns)

    def leading(self, n_modes: int) -> Modes:
        """Leading modes, at most as many as the rank or as are kept."""
        return self.model.leading(n_modes)

    def draw(self, seed: int, key: Key, start: int, stop: int) -> np.ndarray:
        """Gaussian maps as the maps are, without the :attr:`inflation`, ``start <= k < stop``.

        Returns
        -------
        float64 array of shape (stop - start, n_components, n_pix), K, of zero mean
        """
        return self.model.draw(seed, key, start, stop) / np.sqrt(self.inflation)

    def plus(self, variance: np.ndarray | float) -> "Covariance":
        """This covariance and independent noise of the given variances (n,) or (), K²."""
        return replace(self, model=self.model.plus(variance))

    def solve(self, x: np.ndarray) -> np.ndarray:
        """C⁻¹ x.

        Parameters
        ----------
        x : array of shape (..., n), K

        Raises
        ------
        SingularError : where the covariance has no inverse
        """
        try:
            return self.model.solve(x)
        except SingularError:
            raise self._singular() from None

    def log_determinant(self) -> float:
        """ln det C (of K²); SingularError where the covariance has no inverse."""
        try:
            return self.model.log_determinant()
        except SingularError:
            raise self._singular() from None

    def _singular(self) -> SingularError:
        source = f" (from {self.n_maps} maps)" if self.n_maps else ""
        return SingularError(
            f"{self.dataset}: the covariance of {len(self)} values{source} is singular; "
            f"add the variance of the noise with plus(), or make more maps"
        )


def of_matrix(
    mean: np.ndarray,
    matrix: np.ndarray,
    n_maps: int,
    stokes: str,
    nside: int | None,
    dataset: str,
    channels: tuple[str, ...] = ("",),
    frame: str = "galactic",
    sky: Geometry | None = None,
) -> Covariance:
    """A covariance (n, n), K², on the observed pixels of ``sky``; the full sky by default."""
    model = Dense(Components(stokes, channels), sky or Sky(nside), matrix)
    return Covariance(model, mean, n_maps, dataset, frame)


def of_maps(maps: Callable[[], Iterable[store.MapSet]], dataset: str) -> Covariance:
    """The sample covariance of a dataset, in the form that its size asks for.

    Parameters
    ----------
    maps : gives, each time it is called, the map sets of the dataset in order
    dataset : its name
    """
    first = next(iter(maps()))
    components, sky = first.components, first.sky
    if first.maps[0].size <= DENSE_LIMIT:
        mean, matrix, n_maps = estimate(part.maps for part in maps())
        model = Dense(components, sky, matrix)
    else:
        mean, variance, modes, n_maps = stream_modes(
            lambda: (part.maps for part in maps()), KEPT_MODES
        )
        model = of_modes(components, sky, variance, modes)
    return Covariance(model, mean, n_maps, dataset, first.frame)


def of_factor(rows: np.ndarray, components: Components, sky: Geometry) -> Factor:
    """FᵀF of rows F (n_rows, n), K, as leading modes and a diagonal."""
    return of_modes(components, sky, *modes_of_factor(rows, KEPT_MODES))


def of_modes(components: Components, sky: Geometry, variance: np.ndarray, modes: Modes) -> Factor:
    """Modes, and what they leave of the variances (n,), K²."""
    rows = np.sqrt(modes.values)[:, None] * modes.vectors
    left = variance - np.einsum("ki,ki->i", rows, rows)
    left[left < RANK_TOLERANCE * variance] = 0.0
    return Factor.of_rows(components, sky, rows, left)


def write(path: str | os.PathLike, content: Covariance, provenance: dict) -> None:
    """Write a covariance atomically."""
    arrays, about = apart(content.model)
    facts = {"about": json.dumps(about), "evidence": json.dumps(content.evidence)}
    with store.create(path, kind=KIND, provenance=provenance, **_facts(content), **facts) as file:
        file["mean"] = content.mean
        if content.smoothed is not None:
            file["smoothed"] = content.smoothed
        for name, array in arrays.items():
            file[name] = array
        store.write_sky(file, content.sky)


def _facts(content: Covariance) -> dict[str, Any]:
    return {
        "n_maps": content.n_maps,
        "stokes": content.stokes,
        "channels": ",".join(content.channels),
        **{name: fact for name, fact in content.sky.attributes().items() if name != "ordering"},
        "frame": content.frame,
        "dataset": content.dataset,
    }


def load(path: str | os.PathLike) -> Covariance:
    """Read and check a covariance; UserError if the file holds none."""
    attributes, arrays = store.read_attributes(path, KIND), store.read(path, KIND)
    components, sky = _maps_of(attributes, arrays)
    try:
        smoothed, mean = arrays.pop("smoothed", None), arrays.pop("mean")
        return Covariance(
            _model_of(attributes, arrays, components, sky),
            mean,
            int(attributes["n_maps"]),
            attributes["dataset"],
            attributes.get("frame", "galactic"),
            json.loads(attributes.get("evidence", "{}")),
            smoothed,
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: holds no whole covariance: {error}") from None


def read_evidence(path: str | os.PathLike) -> dict[str, Any]:
    """What was chosen of a covariance and why, without its arrays."""
    return json.loads(store.read_attributes(path, KIND).get("evidence", "{}"))


def _maps_of(attributes: dict[str, Any], arrays: dict[str, np.ndarray]) -> tuple:
    """Components and sky of a file; the arrays of the sky are taken out."""
    components = Components(attributes["stokes"], tuple(attributes.get("channels", "").split(",")))
    pixels, weights = arrays.pop("pixels", None), arrays.pop("weights", None)
    return components, store.geometry_of(attributes, pixels, weights)


def _model_of(
    attributes: dict[str, Any],
    arrays: dict[str, np.ndarray],
    components: Components,
    sky: Geometry,
) -> Model:
    """The model of a file; those of before 0.3 do not say what they are."""
    if "about" in attributes:
        return together(arrays, json.loads(attributes["about"]), components, sky)
    if "covariance" in arrays:
        return Dense(components, sky, arrays["covariance"])
    rows = np.sqrt(arrays["modes/values"])[:, None] * arrays["modes/vectors"]
    return Factor.of_rows(components, sky, rows, arrays["diagonal"])


read = load


def write_factor(
    path: str | os.PathLike,
    eigenvalues: np.ndarray,
    root: np.ndarray,
    source: Covariance,
    provenance: dict,
) -> None:
    """Write the factor of a covariance: its eigenvalues (K²) and its symmetric root (K)."""
    with store.create(path, kind=FACTOR_KIND, provenance=provenance, **_facts(source)) as file:
        file["eigenvalues"] = eigenvalues
        file["root"] = root
        store.write_sky(file, source.sky)


def read_factor(path: str | os.PathLike, stokes: str, nside: int) -> tuple[np.ndarray, Sky, str]:
    """Read a factor for ``linear.draw``.

    Returns
    -------
    root : array of shape (n, n_components, n_pix), float32, K; float32 because map files are
    sky, frame : of the maps it gives

    Raises
    ------
    UserError : when the factor is of other Stokes components or another resolution
    """
    attributes, arrays = store.read_attributes(path, FACTOR_KIND), store.read(path, FACTOR_KIND)
    components, sky = _maps_of(attributes, arrays)
    found = (components.stokes, attributes.get("nside"))
    if found != (stokes, nside):
        raise UserError(
            f"{path}: Stokes {found[0]} at nside {found[1]}, expected {stokes} at nside {nside}"
        )
    root = arrays["root"].astype(np.float32)
    frame = attributes.get("frame", "galactic")
    return root.reshape(len(root), len(components), -1), sky, frame
