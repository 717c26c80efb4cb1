"""Covariance of maps: streaming estimates, eigenmodes and the Gaussian factor.

A map of several components enters as one vector of ``n = n_components · n_pix`` values,
component-major (all Q pixels, then all U pixels), the observed pixels in RING ordering. The
products and what a likelihood asks of them are in :mod:`fewtomany.covariance`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy

from fewtomany import seeds
from fewtomany.errors import UserError

BLOCK = 256
"""Maps per rank update, counted from the first map of the dataset: the estimate has
the same bits for any distribution of the maps over files."""

RANK_TOLERANCE = 1e-12
"""Eigenvalues below this fraction of the largest are rounding, not variance."""

PASSES = 4
"""Passes over the maps for leading modes; every one brings the subspace nearer to them."""

OVERSAMPLING = 1.5
"""Vectors of that subspace per mode wanted."""


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
        scatter = scipy.linalg.blas.dsyrk(1.0, block.T, beta=1.0, c=scatter, overwrite_c=True)
        n_maps += len(block)
    if n_maps < 2:
        raise UserError(f"a covariance needs at least 2 maps, found {n_maps}")
    offset = total / n_maps
    scatter = scipy.linalg.blas.dsyr(-float(n_maps), offset, a=scatter, overwrite_a=True)
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
    return values[::-1].copy(), _mirror(scipy.linalg.blas.dsyrk(1.0, vectors))


def stream_modes(
    shards: Callable[[], Iterable[np.ndarray]], n_modes: int
) -> tuple[np.ndarray, np.ndarray, Modes, int]:
    """Mean, variance and leading modes of maps that no dense matrix could hold.

    Subspace iteration: every pass over the maps multiplies a random subspace by their sample
    covariance. Exact where the maps are fewer than its vectors; else the last modes are
    slightly too low, and what they miss is in the variance.

    Parameters
    ----------
    shards : gives, each time it is called, the maps in pieces of shape (n_maps, ...)
    n_modes : number of modes wanted; no more than n_maps - 1 are found

    Returns
    -------
    mean, variance : arrays of shape (n,), float64; variance normalized by n_maps - 1
    modes : of the sample covariance
    n_maps : number of maps
    """
    n_maps = 0
    for block in _blocks(shards()):
        if n_maps == 0:
            shift = block.mean(axis=0)
            total, squares = np.zeros((2, shift.size))
        block -= shift
        total += block.sum(axis=0)
        squares += np.einsum("ij,ij->j", block, block)
        n_maps += len(block)
    if n_maps < 2:
        raise UserError(f"a covariance needs at least 2 maps, found {n_maps}")
    mean = shift + total / n_maps
    variance = (squares - total**2 / n_maps) / (n_maps - 1)
    size = min(int(OVERSAMPLING * n_modes) + 1, n_maps - 1, len(mean))
    basis = seeds.standard_normal(0, ("modes",), 0, size, len(mean)).T
    for _ in range(PASSES):
        basis, _ = np.linalg.qr(basis)
        image = np.zeros_like(basis)
        for block in _blocks(shards()):
            block -= mean
            image += block.T @ (block @ basis)
        last, basis = basis, image / (n_maps - 1)
    small = last.T @ basis
    values, turn = scipy.linalg.eigh((small + small.T) / 2)
    values, turn = values[::-1][:n_modes], turn[:, ::-1][:, :n_modes]
    rank = int(np.count_nonzero(values > RANK_TOLERANCE * values[0]))
    return mean, variance, Modes(values[:rank], (last @ turn[:, :rank]).T), n_maps


def modes_of_factor(rows: np.ndarray, n_modes: int) -> tuple[np.ndarray, Modes]:
    """Variance and leading modes of the covariance FᵀF of fewer rows F than values.

    Parameters
    ----------
    rows : array of shape (n_rows, n), float64
    n_modes : number of modes wanted; no more than n_rows are found

    Returns
    -------
    variance : array of shape (n,), of all rows
    modes : exact ones
    """
    values, turn = scipy.linalg.eigh(rows @ rows.T)
    values, turn = values[::-1][:n_modes], turn[:, ::-1][:, :n_modes]
    rank = int(np.count_nonzero(values > RANK_TOLERANCE * values[0]))
    values, turn = values[:rank], turn[:, :rank]
    return np.einsum("ij,ij->j", rows, rows), Modes(values, (turn / np.sqrt(values)).T @ rows)
