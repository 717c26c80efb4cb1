"""Covariance of maps: streaming estimate, eigenmodes and Gaussian factor.

A map of ``n_stokes`` components enters as one vector of ``n = n_stokes · n_pix``
values, Stokes-major (all Q pixels, then all U pixels, RING ordering).
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.linalg import blas

from fewtomany import store
from fewtomany.errors import UserError

KIND = "covariance"
FACTOR_KIND = "factor"

BLOCK = 256
"""Maps per rank update, counted from the first map of the dataset: the estimate has
the same bits for any distribution of the maps over files."""

RANK_TOLERANCE = 1e-12
"""Eigenvalues below this fraction of the largest are rounding, not variance."""


@dataclass(frozen=True)
class Covariance:
    """Second moments of the maps of one dataset.

    Attributes
    ----------
    mean : array of shape (n,), float64, K
    covariance : array of shape (n, n), float64, K²
    n_maps : maps it was estimated from; 0 for an analytic covariance
    stokes, nside, dataset : of the maps
    """

    mean: np.ndarray
    covariance: np.ndarray
    n_maps: int
    stokes: str
    nside: int
    dataset: str

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of every pixel, shape (n_stokes, n_pix), K."""
        return np.sqrt(np.diagonal(self.covariance)).reshape(len(self.stokes), -1)


@dataclass(frozen=True)
class Modes:
    """Leading eigenmodes of a covariance.

    Attributes
    ----------
    values : array of shape (n_modes,), float64, K², descending
    vectors : array of shape (n_modes, n), float64, orthonormal rows
    """

    values: np.ndarray
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def first(self, n_modes: int) -> "Modes":
        """The leading ``n_modes`` of them."""
        return Modes(self.values[:n_modes], self.vectors[:n_modes])


def estimate(shards: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, int]:
    """Mean and unbiased sample covariance of maps that arrive in pieces.

    The sums are taken about the mean of the first block of maps, in float64, so
    a mean far from zero costs no accuracy; one block and one matrix are in memory.

    Parameters
    ----------
    shards : arrays of shape (n_maps, ...), of equal trailing shape

    Returns
    -------
    mean : array of shape (n,)
    covariance : array of shape (n, n), normalized by n_maps - 1
    n_maps : number of maps

    Raises
    ------
    UserError : with fewer than 2 maps
    """
    n_maps = 0
    for block in _blocks(shards):
        if n_maps == 0:
            shift = block.mean(axis=0)
            total = np.zeros_like(shift)
            scatter = np.zeros((shift.size, shift.size), order="F")
        block -= shift
        total += block.sum(axis=0)
        scatter = blas.dsyrk(1.0, block.T, beta=1.0, c=scatter, overwrite_c=True)
        n_maps += len(block)
    if n_maps < 2:
        raise UserError(f"a covariance needs at least 2 maps, found {n_maps}")
    offset = total / n_maps
    scatter = blas.dsyr(-float(n_maps), offset, a=scatter, overwrite_a=True)
    scatter /= n_maps - 1
    return shift + offset, _mirror(scatter), n_maps


def _blocks(shards: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Regroup maps into blocks of BLOCK rows, in one buffer that the caller may change."""
    buffer, filled = None, 0
    for shard in shards:
        rows = shard.reshape(len(shard), -1)
        if buffer is None:
            buffer = np.empty((BLOCK, rows.shape[1]))
        while len(rows):
            part = rows[: BLOCK - filled]
            buffer[filled : filled + len(part)] = part
            filled, rows = filled + len(part), rows[len(part) :]
            if filled == BLOCK:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:filled]


def _mirror(matrix: np.ndarray) -> np.ndarray:
    """Copy the upper triangle of a Fortran-ordered matrix to the lower one, in place.

    Returns the transposed view, which is C-contiguous.
    """
    for column in range(len(matrix)):
        matrix[column + 1 :, column] = matrix[column, column + 1 :]
    return matrix.T


def leading_modes(covariance: np.ndarray, n_modes: int, overwrite: bool = False) -> Modes:
    """Leading eigenmodes, at most as many as the numerical rank.

    A dense solver on a subset: unlike Lanczos iterations it cannot lose a member
    of a group of near-degenerate eigenvalues.

    Parameters
    ----------
    covariance : array of shape (n, n), float64, symmetric
    n_modes : number of modes wanted
    overwrite : whether the matrix may be destroyed to save its copy
    """
    n = len(covariance)
    values, vectors = scipy.linalg.eigh(
        covariance.T,
        subset_by_index=(max(n - n_modes, 0), n - 1),
        overwrite_a=overwrite,
        check_finite=False,
    )
    values, vectors = values[::-1], vectors.T[::-1]
    rank = int(np.count_nonzero(values > RANK_TOLERANCE * values[0]))
    return Modes(values[:rank], vectors[:rank])


def symmetric_root(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and symmetric square root of a covariance, which is destroyed.

    Draws x = C^(1/2) z depend continuously on C. Scaled eigenvectors would serve
    as well in distribution, but those of near-degenerate eigenvalues turn at a
    rounding error, so other BLAS threads would give other maps.

    Parameters
    ----------
    covariance : array of shape (n, n), float64, symmetric

    Returns
    -------
    eigenvalues : array of shape (n,), descending; below RANK_TOLERANCE set to 0
    root : array of shape (n, n), symmetric, root @ root = covariance
    """
    values, vectors = scipy.linalg.eigh(covariance.T, overwrite_a=True, check_finite=False)
    values[values < RANK_TOLERANCE * values[-1]] = 0.0
    vectors *= values**0.25
    return values[::-1].copy(), _mirror(blas.dsyrk(1.0, vectors))


def write(path: str | os.PathLike, content: Covariance, provenance: dict) -> None:
    """Write a covariance product atomically."""
    store.write(
        path,
        {"mean": content.mean, "covariance": content.covariance},
        kind=KIND,
        provenance=provenance,
        n_maps=content.n_maps,
        stokes=content.stokes,
        nside=content.nside,
        dataset=content.dataset,
    )


def read(path: str | os.PathLike) -> Covariance:
    """Read and check a covariance product; UserError if it is none."""
    arrays = store.read(path, KIND, "mean", "covariance")
    attributes = store.read_attributes(path, KIND)
    found = Covariance(
        **arrays,
        n_maps=int(attributes["n_maps"]),
        stokes=attributes["stokes"],
        nside=int(attributes["nside"]),
        dataset=attributes["dataset"],
    )
    n = len(found.stokes) * 12 * found.nside**2
    if found.covariance.shape != (n, n) or found.mean.shape != (n,):
        raise UserError(
            f"{path}: covariance of shape {found.covariance.shape}, expected {(n, n)} "
            f"for Stokes {found.stokes} at nside {found.nside}"
        )
    return found


def write_factor(
    path: str | os.PathLike,
    eigenvalues: np.ndarray,
    root: np.ndarray,
    source: Covariance,
    provenance: dict,
) -> None:
    """Write the factor of a covariance: its eigenvalues (K²) and its symmetric root (K)."""
    store.write(
        path,
        {"eigenvalues": eigenvalues, "root": root},
        kind=FACTOR_KIND,
        provenance=provenance,
        n_maps=source.n_maps,
        stokes=source.stokes,
        nside=source.nside,
        dataset=source.dataset,
    )


def read_factor(path: str | os.PathLike, stokes: str, nside: int) -> np.ndarray:
    """Read a factor for ``linear.draw``.

    Returns
    -------
    array of shape (n, n_stokes, n_pix), float32, K; float32 because map files are

    Raises
    ------
    UserError : when the factor is of other Stokes components or another resolution
    """
    attributes = store.read_attributes(path, FACTOR_KIND)
    found = (attributes["stokes"], int(attributes["nside"]))
    if found != (stokes, nside):
        raise UserError(
            f"{path}: Stokes {found[0]} at nside {found[1]}, expected {stokes} at nside {nside}"
        )
    root = store.read(path, FACTOR_KIND, "root")["root"].astype(np.float32)
    return root.reshape(len(root), len(stokes), -1)
