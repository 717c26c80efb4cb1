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
import tensorflow as tf

from fewtomany.scattering import gram, stencil
from fewtomany.scattering.gram import QuadraticForm
from fewtomany.scattering.grid import Grid, Hierarchy, Merging
from fewtomany.scattering.stencil import Stencil

WAVE_NUMBER = np.pi / np.sqrt(2)


class Scale(NamedTuple):
    """The operators of one scale.

    Attributes
    ----------
    wavelets : ψ at this scale, channels (real, imaginary) of every γ
    form : of products of convolutions with ψ; None where the second layer has wavelets of its own
    coarsen : one channel, to the next coarser scale; None for the mean of each pixel's
        children
    second : what the second layer has of its own; None for nothing
    weight : (n_pix,), of the pixels in means over the sky, of mean 1; None for equal ones
    """

    wavelets: Stencil
    form: QuadraticForm | None
    coarsen: Stencil | None = None
    second: "SecondLayer | None" = None
    weight: tf.Tensor | None = None


class SecondLayer(NamedTuple):
    """Operators of the second layer, where they differ from the first (published code).

    Attributes
    ----------
    wavelets : ψ₁ of the second layer, channels as above
    mixing : (n_pix, R, R, R), (γ₁, new γ, old γ): turns the orientation of the inner
        modulus
    """

    wavelets: Stencil
    mixing: tf.Tensor


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
    size = np.abs(kernels).sum(axis=1, keepdims=True)  # 0 for a pixel alone
    return kernels / np.where(size > 0, size, 1)


def smoothing_weights(grid: Grid) -> np.ndarray:
    """Gaussian of Eq. A.1 without the wave, of unit sum: array of shape (n_pix, k)."""
    weights = np.exp(-np.sum(grid.offsets**2, axis=-1)) * (grid.neighbours >= 0)
    return weights / weights.sum(axis=1, keepdims=True)


def build_scales(
    hierarchy: Hierarchy, n_orientations: int, primary: list[np.ndarray] | None, dtype
) -> list[Scale]:
    """Operators of all scales, from fine to coarse.

    Parameters
    ----------
    primary : for each scale an array of shape (n_pix,), the primary orientation
        (rad); None for wavelets along the east
    """
    angles = [0.0] * len(hierarchy) if primary is None else primary
    coarser = [*(merging_stencil(m, dtype) for m in hierarchy.mergings), None]
    scales = []
    for level, coarsen, angle in zip(hierarchy, coarser, angles, strict=True):
        kernels = wavelet_kernels(level, n_orientations, angle)
        made = (level.neighbours, kernels, dtype, level.weight)
        weight = None if level.weight is None else tf.constant(level.weight, dtype)
        own, form = kernel_stencil(*made), gram.of_kernels(*made)
        scales.append(Scale(own, form, coarsen, weight=weight))
    return scales


def merging_stencil(merging: Merging | None, dtype) -> Stencil | None:
    """Stencil of a step to the next coarser grid; None for means of consecutive pixels."""
    if merging is None:
        return None
    n_in = int(merging.children.max()) + 1
    return stencil.from_neighbours(merging.children, merging.share[:, None], n_in, dtype)


def sky_mean(fields: tf.Tensor, weight: tf.Tensor | None, axis: int = 0) -> tf.Tensor:
    """Mean over the pixels of fields (..., n_pix, ...), with the pixels' weights of mean 1."""
    if weight is None:
        return tf.reduce_mean(fields, axis=axis)
    return tf.tensordot(weight, fields, [[0], [axis]]) / fields.shape[axis]


def coarsen(scale: Scale, n_coarse: int, fields: tf.Tensor) -> tf.Tensor:
    """Fields (n_pix, n_values) on the next coarser grid, (n_coarse, n_values)."""
    if scale.coarsen is not None:
        return stencil.apply(scale.coarsen, fields)[:, 0]
    return average(fields, n_coarse)


def average(fields: tf.Tensor, n_coarse: int) -> tf.Tensor:
    """Fields (n_pix, …) on a coarser grid (n_coarse, …): means of consecutive pixels."""
    return tf.reduce_mean(tf.reshape(fields, (n_coarse, -1, *fields.shape[1:])), axis=1)


def kernel_stencil(
    neighbours: np.ndarray, kernels: np.ndarray, dtype, sky_weight: np.ndarray | None = None
) -> Stencil:
    """Stencil of complex kernels (n_pix, k, R): channels (real, imaginary) of every γ."""
    channels = np.stack([kernels.real, kernels.imag], -1).reshape(*kernels.shape[:2], -1)
    channels = channels.transpose(0, 2, 1)
    return stencil.from_neighbours(neighbours, channels, len(neighbours), dtype, sky_weight)
