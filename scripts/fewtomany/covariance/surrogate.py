"""The correlations of a cheap stand-in of the same scan, given other pixel deviations.

A simplified linear simulation has nearly the correlations of the accurate one: those follow
from where and when the scan crosses itself, hardly from how finely it is sampled. Its rows are
scaled to unit variance in every pixel and take their deviations from the inputs.
"""

import os
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from fewtomany import seeds
from fewtomany.covariance import linear
from fewtomany.covariance.eigenmodes import leading_modes
from fewtomany.covariance.model import BLOCK
from fewtomany.covariance.product import Covariance
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

KIND = "surrogate"

MAX_ROWS = 1024
"""Rows that are kept; of more, the leading modes, and the variance that they leave."""

NEGLIGIBLE = 1e-6
"""Share of a pixel's variance that counts as rounding."""


@dataclass(frozen=True)
class Surrogate:
    """C = D (Σ_k x_k x_kᵀ + diag(r²)) D.

    Attributes
    ----------
    rows : array of shape (n_rows, n_components, n_pix), float32: x
    rest : array of shape (n_components, n_pix): r, with Σ_k x_k² + r² = 1 in every pixel; 1
        where the surrogate sees nothing
    deviation : array of the same shape, K: D
    """

    rows: np.ndarray
    rest: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of_rows(cls, rows: np.ndarray, diagonal: np.ndarray | float = 0.0) -> "Surrogate":
        """The covariance Σ_k y_k y_kᵀ + diag(d), its leading modes if they are many.

        Parameters
        ----------
        rows : array of shape (n_rows, n_components, n_pix), K: y
        diagonal : array of shape (n_components, n_pix), K²: d

        Raises
        ------
        UserError : if nothing varies
        """
        rows = np.asarray(rows, np.float64)
        variance = np.sum(rows**2, axis=0) + diagonal
        if not (variance > 0).any():
            raise UserError("the surrogate has no variance in any pixel")
        if len(rows) > MAX_ROWS:
            rows = leading_rows(rows.reshape(len(rows), -1)).reshape(-1, *rows.shape[1:])
        deviation = np.sqrt(variance)
        scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        rows = rows * scale
        left = 1 - np.sum(rows**2, axis=0)
        rest = np.sqrt(np.where(left > NEGLIGIBLE, left, 0))
        return cls(rows.astype(np.float32), rest, deviation)

    def scaled(self, deviation: np.ndarray) -> "Surrogate":
        """The same correlations with other deviations (n_components, n_pix), K."""
        return replace(self, deviation=deviation)

    def variance(self) -> np.ndarray:
        """Diagonal, shape (n_components, n_pix), K²."""
        return self.deviation**2

    def within(self, directions: np.ndarray) -> np.ndarray:
        """The covariance in directions (k, n), shape (k, k), K²."""
        scaled = directions * self.deviation.ravel()
        factor = self.rows.reshape(len(self.rows), -1).astype(np.float64) @ scaled.T
        independent = scaled * self.rest.ravel()
        return factor.T @ factor + independent @ independent.T

    def covariance(self) -> np.ndarray:
        """The whole matrix, shape (n, n), K²."""
        rows = (self.rows * self.deviation).reshape(len(self.rows), -1)
        found = rows.T @ rows
        found[np.diag_indices_from(found)] += (self.rest * self.deviation).ravel() ** 2
        return found

    def draw(
        self,
        campaign_seed: int,
        key: tuple[str | int, ...],
        start: int,
        stop: int,
        block: int = BLOCK,
    ) -> np.ndarray:
        """Gaussian maps ``start <= k < stop``; map k uses ``(*key, "rows", k)`` and ``"rest"``.

        Returns
        -------
        float64 array of shape (stop - start, n_components, n_pix), K
        """
        maps = linear.draw(self.rows, campaign_seed, (*key, "rows"), start, stop, block)
        maps = maps.astype(np.float64)
        if self.rest.any():
            numbers = seeds.standard_normal(
                campaign_seed, (*key, "rest"), start, stop, self.rest.size
            )
            maps += numbers.reshape(maps.shape) * self.rest
        return maps * self.deviation


def leading_rows(rows: np.ndarray, n_modes: int = MAX_ROWS) -> np.ndarray:
    """The modes of most variance of the covariance of rows (n_rows, n), times their roots.

    The smaller of the matrices of products is diagonalized.

    Returns
    -------
    array of shape (n_modes, n); the sum of their outer products is nearest to that of the rows
    """
    if len(rows) >= rows.shape[1]:
        modes = leading_modes(rows.T @ rows, n_modes, overwrite=True)
        return np.sqrt(modes.values)[:, None] * modes.vectors
    last = len(rows) - 1
    _, vectors = scipy.linalg.eigh(
        rows @ rows.T, subset_by_index=(max(last - n_modes + 1, 0), last), overwrite_a=True
    )
    return vectors.T[::-1] @ rows


def of_covariance(found: Covariance, expected: Sky, components: Components) -> Surrogate:
    """The surrogate that a covariance is, dense or of modes and a diagonal.

    Raises
    ------
    UserError : if its Stokes parameters, channels, resolution or pixels are others
    """
    for name, value, wanted in (
        ("Stokes parameters", found.stokes, components.stokes),
        ("channels", ", ".join(found.channels), ", ".join(components.channels)),
        ("nside", found.nside, expected.nside),
        ("observed pixels", found.sky.n_pix, expected.n_pix),
    ):
        if value != wanted:
            raise UserError(f"surrogate.covariance: {name} are {value}; expected {wanted}")
    if not np.array_equal(found.sky.indices, expected.indices):
        raise UserError("surrogate.covariance: its observed pixels are not those of the inputs")
    modes = found.leading(MAX_ROWS)
    rows = np.sqrt(modes.values)[:, None] * modes.vectors
    diagonal = found.variance - np.sum(rows**2, axis=0)
    shape = (len(components), -1)
    return Surrogate.of_rows(
        rows.reshape(len(rows), *found.deviation.shape), np.clip(diagonal, 0, None).reshape(shape)
    )


def write(path: str | os.PathLike, found: Surrogate, sky: Sky, provenance: dict, **facts) -> None:
    """Write a surrogate atomically; ``facts`` say what maps it is of."""
    with store.create(path, kind=KIND, provenance=provenance, nside=sky.nside, **facts) as file:
        file["rows"], file["rest"], file["deviation"] = found.rows, found.rest, found.deviation
        store.write_sky(file, sky)


def read(path: str | os.PathLike, sky: Sky) -> Surrogate:
    """Read what :func:`write` has written; UserError unless it has the pixels of ``sky``."""
    content = store.read(path, KIND)
    nside = int(store.read_attributes(path, KIND)["nside"])
    found = Sky(nside, content.get("pixels"))
    if nside != sky.nside or not np.array_equal(found.indices, sky.indices):
        raise UserError(
            f"{path}: {found.n_pix} pixels of nside {nside} are not those of the inputs, "
            f"{sky.n_pix} of nside {sky.nside}"
        )
    return Surrogate(content["rows"], content["rest"], content["deviation"])
