"""The correlations of a cheap stand-in of the same scan, given other pixel deviations.

A simplified linear simulation has nearly the correlations of the accurate one: those follow
from where and when the scan crosses itself, hardly from how finely it is sampled. Its rows are
scaled to unit variance in every pixel and take their deviations from the inputs.
"""

import os

import numpy as np
import scipy

from fewtomany.covariance import product
from fewtomany.covariance.eigenmodes import leading_modes
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.product import Covariance
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry

MAX_ROWS = 1024
"""Rows that are kept; of more, the leading modes, and the variance that they leave."""

NEGLIGIBLE = 1e-6
"""Share of a pixel's variance that counts as rounding."""


def of_rows(
    components: Components,
    sky: Geometry,
    rows: np.ndarray,
    diagonal: np.ndarray | float = 0.0,
) -> Factor:
    """The covariance Σ_k y_k y_kᵀ + diag(d), its leading modes if they are many.

    Parameters
    ----------
    components, sky : of the maps
    rows : array of shape (n_rows, n_components, n_pix), K: y
    diagonal : array of shape (n_components, n_pix), K²: d

    Returns
    -------
    of unit variance before its scale, which are its own deviations; a pixel that the surrogate
    does not see is independent, of deviation 0

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
    return Factor(components, sky, rows.astype(np.float32), rest, deviation)


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


def on_pixels(sky: Geometry, own: Geometry, values: np.ndarray, where: object) -> np.ndarray:
    """Values of a surrogate (..., own.n_pix) on the pixels of the inputs: (..., sky.n_pix).

    Raises
    ------
    UserError : where the surrogate lacks some of them
    """
    present = np.isin(sky.indices, own.indices)
    if not present.all():
        raise UserError(
            f"{where}: lacks {np.sum(~present)} of the {sky.n_pix} pixels of the inputs; "
            "expected all of them"
        )
    return values[..., np.searchsorted(own.indices, sky.indices)]


def of_covariance(found: Covariance, expected: Geometry, components: Components) -> Factor:
    """The surrogate that a covariance is, on the pixels of the inputs.

    Raises
    ------
    UserError : if its Stokes parameters, channels or resolution are others, or pixels are missing
    """
    where = "surrogate.covariance"
    _check(found, expected, components, where)
    modes = found.leading(MAX_ROWS)
    rows = np.sqrt(modes.values)[:, None] * modes.vectors
    diagonal = np.clip(found.variance - np.sum(rows**2, axis=0), 0, None)
    rows, diagonal = (
        on_pixels(expected, found.sky, values.reshape(-1, *found.model.shape), where)
        for values in (rows, diagonal)
    )
    return of_rows(components, expected, rows, diagonal[0])


def _check(found: Covariance, sky: Geometry, components: Components, where: object) -> None:
    """Raise UserError unless a covariance is of such maps."""
    for name, value, wanted in (
        ("Stokes parameters", found.stokes, components.stokes),
        ("channels", ", ".join(found.channels), ", ".join(components.channels)),
        ("nside", found.nside, sky.nside),
    ):
        if value != wanted:
            raise UserError(f"{where}: {name} are {value}; expected {wanted}")


def read(path: str | os.PathLike, sky: Geometry, components: Components) -> Factor:
    """Read a surrogate that ``product.write`` has written; UserError unless it is of such maps."""
    found = product.load(path)
    _check(found, sky, components, path)
    if not np.array_equal(found.sky.indices, sky.indices):
        raise UserError(f"{path}: its observed pixels are not those of the inputs")
    return found.model
