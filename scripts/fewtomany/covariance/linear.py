"""Gaussian maps as linear maps of independent normal numbers.

A *factor* F has one row per random number and one column per map value; a
realization is x = Fᵀ z with z standard normal, so its covariance is FᵀF. The
original dataset (F = standard deviation × gain response) and the draws from a
covariance (F = its scaled eigenvectors) are both of this kind.
"""

import math

import numpy as np

from fewtomany import seeds

BLOCK = 64
"""Maps per matrix product. Blocks are aligned to absolute indices and always
computed whole, so that a map has the same bits in whatever shard it is asked for."""


def draw(
    factor: np.ndarray,
    campaign_seed: int,
    key: tuple[str | int, ...],
    start: int,
    stop: int,
    size: int = BLOCK,
    rest: np.ndarray | None = None,
) -> np.ndarray:
    """Realizations ``start <= k < stop`` of the Gaussian maps of a factor.

    Parameters
    ----------
    factor : array of shape (n_numbers, n_stokes, n_pix)
    campaign_seed, key : realization k uses the stream ``(*key, k)``
    size : maps per product; with another one the bits are others
    rest : array of shape (n_stokes, n_pix): deviations of independent values on top, whose
        numbers follow those of the factor; none by default

    Returns
    -------
    array of shape (stop - start, n_stokes, n_pix), unit of the factor and, without a rest, dtype
    """
    matrix = factor.reshape(len(factor), math.prod(factor.shape[1:]))
    n_numbers = len(matrix) + (0 if rest is None else rest.size)
    maps = np.empty((stop - start, matrix.shape[1]), factor.dtype if rest is None else np.float64)
    for first in range(start - start % size, stop, size):
        numbers = seeds.standard_normal(campaign_seed, key, first, first + size, n_numbers)
        block = numbers[:, : len(matrix)].astype(factor.dtype, copy=False) @ matrix
        if rest is not None:
            block = block + numbers[:, len(matrix) :] * rest.ravel()
        low, high = max(first, start), min(first + size, stop)
        maps[low - start : high - start] = block[low - first : high - first]
    return maps.reshape(stop - start, *factor.shape[1:])
