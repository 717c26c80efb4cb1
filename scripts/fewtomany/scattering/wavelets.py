"""Oriented wavelets on a grid (arXiv:2503.11643, Appendix A).

Eq. A.1 at every pixel and scale, on the pixel and its neighbours:

    ψ_Θ = exp(i k₀ (φ̂ cos Θ + θ̂ sin Θ)) exp(−(θ̂² + φ̂²)),

with (θ̂, φ̂) the neighbour's position to the south and to the east in units of
1/nside rad, and Θ = Θ₀ + γπ/R for orientation γ. As in the published code, k₀ is
π/√2 (at a full turn per pixel the lattice could not tell the wave from its mean),
the mean over the kernel is subtracted, and the kernel is divided by Σ|ψ|.

Θ₀ is zero, or the primary orientation of the inputs at that pixel and scale
(Appendix A.2): turning the kernels is the same as rotating the wavelet
coefficients, and costs nothing during the descent.
"""

from typing import NamedTuple

import numpy as np

from fewtomany.scattering import stencil
from fewtomany.scattering.grid import Grid
from fewtomany.scattering.stencil import Stencil

WAVE_NUMBER = np.pi / np.sqrt(2)


class Scale(NamedTuple):
    """The operators of one scale.

    Attributes
    ----------
    wavelets : channels (γ, real/imaginary): ψ at this scale
    coarsen : one channel: smoothing, then the mean of each pixel's children, to
        the next coarser scale; None at the coarsest
    """

    wavelets: Stencil
    coarsen: Stencil | None


def wavelet_kernels(grid: Grid, n_orientations: int, primary: np.ndarray | float = 0.0):
    """Kernels of Eq. A.1.

    Parameters
    ----------
    primary : array of shape (n_pix,): orientation Θ₀ of each pixel (rad)

    Returns
    -------
    complex128 array of shape (n_pix, k, R), zero where there is no neighbour
    """
    theta = np.broadcast_to(primary, grid.n_pix)[:, None] + (
        np.pi / n_orientations * np.arange(n_orientations)
    )
    south, east = grid.offsets[..., 0, None], grid.offsets[..., 1, None]
    wave = np.exp(
        1j * WAVE_NUMBER * (east * np.cos(theta)[:, None] + south * np.sin(theta)[:, None])
    )
    present = (grid.neighbours >= 0)[..., None]
    kernels = wave * np.exp(-(south**2 + east**2)) * present
    kernels -= kernels.sum(axis=1, keepdims=True) / present.sum(axis=1, keepdims=True) * present
    return kernels / np.abs(kernels).sum(axis=1, keepdims=True)


def smoothing_weights(grid: Grid) -> np.ndarray:
    """Gaussian of Eq. A.1 without the wave, of unit sum: array of shape (n_pix, k)."""
    weights = np.exp(-np.sum(grid.offsets**2, axis=-1)) * (grid.neighbours >= 0)
    return weights / weights.sum(axis=1, keepdims=True)


def build_scales(
    hierarchy: list[Grid], n_orientations: int, primary: list[np.ndarray] | None, dtype
) -> list[Scale]:
    """Operators of all scales, from fine to coarse.

    Parameters
    ----------
    primary : for each scale an array of shape (n_pix,), the primary orientation
        (rad); None for wavelets along the east
    """
    scales = []
    for number, grid in enumerate(hierarchy):
        kernels = wavelet_kernels(grid, n_orientations, 0.0 if primary is None else primary[number])
        channels = np.stack([kernels.real, kernels.imag], -1).reshape(*kernels.shape[:2], -1)
        wavelets = stencil.from_neighbours(
            grid.neighbours, channels.transpose(0, 2, 1), grid.n_pix, dtype
        )
        last = number == len(hierarchy) - 1
        scales.append(Scale(wavelets, None if last else _coarsening(grid, dtype)))
    return scales


def _coarsening(grid: Grid, dtype) -> Stencil:
    """Smoothing and the mean of the children as one stencil."""
    n_coarse, n_children = grid.n_pix // grid.n_children, grid.n_children
    sources = grid.neighbours.reshape(n_coarse, -1)
    weights = smoothing_weights(grid).reshape(n_coarse, -1) / n_children
    merged: list[tuple[np.ndarray, np.ndarray]] = []
    for row, weight in zip(sources, weights, strict=True):
        pixels, inverse = np.unique(row[row >= 0], return_inverse=True)
        merged.append((pixels, np.bincount(inverse, weight[row >= 0])))
    width = max(len(pixels) for pixels, _ in merged)
    neighbours = np.full((n_coarse, width), -1)
    values = np.zeros((n_coarse, 1, width))
    for row, (pixels, weight) in enumerate(merged):
        neighbours[row, : len(pixels)] = pixels
        values[row, 0, : len(pixels)] = weight
    return stencil.from_neighbours(neighbours, values, grid.n_pix, dtype)
