"""Covariances as products, and what a likelihood asks of them.

    from fewtomany import covariance

    found = covariance.load("results/mine/recommended/emulated.h5")
    total = found.plus(noise_variance)  # (n,) K², all Q pixels before all U pixels, RING
    chi2 = map @ total.solve(map)
    log_likelihood = -0.5 * (chi2 + total.log_determinant())

A covariance has one of two forms: a dense matrix, or, above :data:`DENSE_LIMIT` values a
map, leading modes and a diagonal, C = Vᵀ Λ V + diag(d), which keeps every pixel's variance.
Both are inverted exactly, the second by the Woodbury identity.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg

from fewtomany.covariance.eigenmodes import (
    RANK_TOLERANCE,
    Modes,
    estimate,
    leading_modes,
    modes_of_factor,
    stream_modes,
    symmetric_root,
)
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.sky import Sky

__all__ = [
    "Covariance",
    "Modes",
    "estimate",
    "leading_modes",
    "load",
    "of_maps",
    "read",
    "read_factor",
    "stream_modes",
    "symmetric_root",
    "write",
    "write_factor",
]

KIND = "covariance"
FACTOR_KIND = "factor"

DENSE_LIMIT = 16_000
"""Values of a map above which modes and a diagonal are kept: a dense matrix would have 2 GB."""

KEPT_MODES = 512
"""Modes that are kept of a covariance of more values, at most."""


@dataclass(frozen=True, eq=False)
class Covariance:
    """Second moments of the maps of one dataset.

    Attributes
    ----------
    mean : array of shape (n,), float64, K
    covariance : array of shape (n, n), float64, K²; None where modes are kept instead
    n_maps : maps it was estimated from; 0 for an analytic covariance
    stokes, nside, dataset : of the maps; nside is None on a plane or a line
    channels, frame : of the maps
    sky : their observed pixels; the full sky by default
    modes, diagonal : leading modes, and the variance (n,) that they leave, K²
    """

    mean: np.ndarray
    covariance: np.ndarray | None
    n_maps: int
    stokes: str
    nside: int | None
    dataset: str
    channels: tuple[str, ...] = ("",)
    frame: str = "galactic"
    sky: Geometry | None = None
    modes: Modes | None = None
    diagonal: np.ndarray | None = None

    def __post_init__(self):
        if self.sky is None:
            object.__setattr__(self, "sky", Sky(self.nside))

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def components(self) -> Components:
        """What a map consists of."""
        return Components(self.stokes, self.channels)

    @property
    def is_dense(self) -> bool:
        return self.covariance is not None

    @cached_property
    def variance(self) -> np.ndarray:
        """Variance of every value, shape (n,), K²."""
        if self.is_dense:
            return np.diagonal(self.covariance).copy()
        return self.diagonal + np.einsum("ki,k,ki->i", *self._parts)

    @property
    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.modes.vectors, self.modes.values, self.modes.vectors

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of every pixel, shape (n_components, n_pix), K."""
        return np.sqrt(self.variance).reshape(len(self.components), -1)

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
        if self.is_dense:
            return self.covariance[chosen, columns]
        vectors, values, _ = self._parts
        found = (vectors[:, chosen].T * values) @ vectors[:, columns]
        index = np.arange(len(self))
        same = index[chosen][:, None] == index[columns]
        return found + np.where(same, self.diagonal[columns], 0.0)

    def leading(self, n_modes: int) -> Modes:
        """Leading modes, at most as many as the rank or as are kept."""
        if self.is_dense:
            return leading_modes(self.covariance, n_modes)
        return self.modes.first(n_modes)

    def project(self, directions: np.ndarray) -> np.ndarray:
        """D C Dᵀ in directions D of shape (k, n)."""
        if self.is_dense:
            return directions @ self.covariance @ directions.T
        vectors, values, _ = self._parts
        amplitudes = directions @ vectors.T
        return (amplitudes * values) @ amplitudes.T + (directions * self.diagonal) @ directions.T

    def plus(self, variance: np.ndarray) -> "Covariance":
        """This covariance and independent noise of the given variances (n,) or (), K²."""
        if self.is_dense:
            matrix = self.covariance.copy()
            matrix[np.diag_indices_from(matrix)] += variance
            return dataclasses.replace(self, covariance=matrix)
        return dataclasses.replace(self, diagonal=self.diagonal + variance)

    def mixed(self, weight: float, other: "Covariance", other_weight: float) -> "Covariance":
        """weight · this + other_weight · other, of the same form; name and maps are this one's.

        Dense matrices of both are overwritten. Of modes and diagonals the mixture is exact.
        """
        if self.is_dense != other.is_dense:
            raise UserError(f"{self.dataset} and {other.dataset}: one is dense, one is not")
        if self.is_dense:
            np.multiply(self.covariance, weight, out=self.covariance)
            np.multiply(other.covariance, other_weight, out=other.covariance)
            matrix = np.add(self.covariance, other.covariance, out=self.covariance)
            return dataclasses.replace(self, covariance=matrix)
        parts = ((self, weight), (other, other_weight))
        stack = np.concatenate(
            [np.sqrt(w * c.modes.values)[:, None] * c.modes.vectors for c, w in parts if w > 0]
        )
        values, turn = scipy.linalg.eigh(stack @ stack.T)
        keep = values > RANK_TOLERANCE * values[-1]
        values, turn = values[keep][::-1], turn[:, keep][:, ::-1]
        vectors = (turn / np.sqrt(values)).T @ stack
        diagonal = weight * self.diagonal + other_weight * other.diagonal
        return dataclasses.replace(self, modes=Modes(values, vectors), diagonal=diagonal)

    @cached_property
    def _factor(self) -> tuple:
        """What solve and log_determinant share: a Cholesky factor, and V / d."""
        if self.is_dense:
            try:
                found = scipy.linalg.cholesky(self.covariance, lower=True, check_finite=False)
            except np.linalg.LinAlgError:
                raise self._singular() from None
            pivots = np.diagonal(found) ** 2 / self.variance
            if pivots.min() < RANK_TOLERANCE:
                raise self._singular()
            return found, None
        if (self.diagonal <= RANK_TOLERANCE * self.variance).any():
            raise self._singular()
        scaled = self.modes.vectors / self.diagonal
        inner = np.diag(1 / self.modes.values) + scaled @ self.modes.vectors.T
        return scipy.linalg.cholesky(inner, lower=True, check_finite=False), scaled

    def _singular(self) -> UserError:
        source = f"from {self.n_maps} maps" if self.n_maps else "analytic"
        return UserError(
            f"{self.dataset}: the covariance of {len(self)} values ({source}) is singular; "
            f"add the variance of the noise with plus(), or make more maps"
        )

    def solve(self, x: np.ndarray) -> np.ndarray:
        """C⁻¹ x.

        Parameters
        ----------
        x : array of shape (..., n), K

        Raises
        ------
        UserError : where the covariance is singular
        """
        factor, scaled = self._factor
        if scaled is None:
            flat = x.reshape(-1, len(self)).T
            return scipy.linalg.cho_solve((factor, True), flat).T.reshape(x.shape)
        small = scipy.linalg.cho_solve((factor, True), (x @ scaled.T).reshape(-1, len(scaled)).T)
        return x / self.diagonal - (small.T @ scaled).reshape(x.shape)

    def log_determinant(self) -> float:
        """ln det C (of K²); UserError where the covariance is singular."""
        factor, scaled = self._factor
        found = 2 * np.log(np.diagonal(factor)).sum()
        if scaled is None:
            return float(found)
        return float(found + np.log(self.diagonal).sum() + np.log(self.modes.values).sum())


def of_maps(maps: Callable[[], Iterable[store.MapSet]], dataset: str) -> Covariance:
    """The sample covariance of a dataset, in the form that its size asks for.

    Parameters
    ----------
    maps : gives, each time it is called, the map sets of the dataset in order
    dataset : its name
    """
    first = next(iter(maps()))
    facts = {
        "stokes": first.stokes,
        "nside": first.sky.attributes().get("nside"),
        "dataset": dataset,
        "channels": first.channels,
        "frame": first.frame,
        "sky": first.sky,
    }
    if first.maps[0].size <= DENSE_LIMIT:
        mean, matrix, n_maps = estimate(part.maps for part in maps())
        return Covariance(mean, matrix, n_maps, **facts)
    mean, variance, modes, n_maps = stream_modes(lambda: (part.maps for part in maps()), KEPT_MODES)
    return Covariance(mean, None, n_maps, **facts, modes=modes, diagonal=_left(variance, modes))


def of_factor(rows: np.ndarray, **facts) -> Covariance:
    """The analytic covariance FᵀF, of zero mean, as leading modes and a diagonal.

    Parameters
    ----------
    rows : array of shape (n_rows, n), F, K
    facts : stokes, nside, dataset and what else :class:`Covariance` says of the maps
    """
    variance, modes = modes_of_factor(rows, KEPT_MODES)
    left = _left(variance, modes)
    return Covariance(np.zeros(len(left)), None, 0, **facts, modes=modes, diagonal=left)


def _left(variance: np.ndarray, modes: Modes) -> np.ndarray:
    """The variance (n,) that modes leave."""
    left = variance - np.einsum("ki,k,ki->i", modes.vectors, modes.values, modes.vectors)
    left[left < RANK_TOLERANCE * variance] = 0.0
    return left


def write(path: str | os.PathLike, content: Covariance, provenance: dict) -> None:
    """Write a covariance product atomically."""
    if content.is_dense:
        arrays = {"mean": content.mean, "covariance": content.covariance}
    else:
        arrays = {
            "mean": content.mean,
            "modes/values": content.modes.values,
            "modes/vectors": content.modes.vectors,
            "diagonal": content.diagonal,
        }
    with store.create(path, kind=KIND, provenance=provenance, **_facts(content)) as file:
        for name, array in arrays.items():
            file[name] = array
        store.write_sky(file, content.sky)


def _facts(content: Covariance) -> dict:
    return {
        "n_maps": content.n_maps,
        "stokes": content.stokes,
        "channels": ",".join(content.channels),
        **{name: fact for name, fact in content.sky.attributes().items() if name != "ordering"},
        "frame": content.frame,
        "dataset": content.dataset,
        "held": content.held,
    }


def _read_facts(path: str | os.PathLike, kind: str) -> dict:
    attributes = store.read_attributes(path, kind)
    with store.open_checked(path, kind) as file:
        sky = store.read_sky(file, attributes)
    return {
        "n_maps": int(attributes["n_maps"]),
        "stokes": attributes["stokes"],
        "nside": sky.attributes().get("nside"),
        "dataset": attributes["dataset"],
        "channels": tuple(attributes.get("channels", "").split(",")),
        "frame": attributes.get("frame", "galactic"),
        "sky": sky,
    }


def load(path: str | os.PathLike) -> Covariance:
    """Read and check a covariance product; UserError if it is none."""
    facts = _read_facts(path, KIND)
    arrays = store.read(path, KIND)
    n = len(Components(facts["stokes"], facts["channels"])) * facts["sky"].n_pix
    where = f"for Stokes {facts['stokes']} of {facts['sky'].name}"
    if "covariance" in arrays:
        matrix = arrays["covariance"]
        if matrix.shape != (n, n) or arrays["mean"].shape != (n,):
            raise UserError(
                f"{path}: covariance of shape {matrix.shape}, expected {(n, n)} {where}"
            )
        return Covariance(arrays["mean"], matrix, **facts)
    missing = {"mean", "modes/values", "modes/vectors", "diagonal"} - arrays.keys()
    if missing:
        raise UserError(f"{path}: holds no {', '.join(sorted(missing))} and no covariance")
    modes = Modes(arrays["modes/values"], arrays["modes/vectors"])
    if modes.vectors.shape != (len(modes), n) or arrays["diagonal"].shape != (n,):
        raise UserError(f"{path}: modes of shape {modes.vectors.shape}, expected (…, {n}) {where}")
    return Covariance(arrays["mean"], None, **facts, modes=modes, diagonal=arrays["diagonal"])


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
    facts = _read_facts(path, FACTOR_KIND)
    found = (facts["stokes"], facts["nside"])
    if found != (stokes, nside):
        raise UserError(
            f"{path}: Stokes {found[0]} at nside {found[1]}, expected {stokes} at nside {nside}"
        )
    root = store.read(path, FACTOR_KIND, "root")["root"].astype(np.float32)
    return root.reshape(len(root), len(stokes), -1), facts["sky"], facts["frame"]
