"""The conventions of HealpixML 1.0.0, the transform inside the published code.

For comparison only: with these operators, :func:`fewtomany.scattering.covariance.
coefficients` (``raw=True``) gives the published code's numbers. Its kernels hold
every pixel whose weight exp(−n²d²) exceeds a threshold (d the chord, n the nside);
the wave's direction is measured against a frame that turns with longitude and flips
at the equator. Its orientation matrices interpolate between neighbouring
orientations, without the conjugation that a half turn asks for; the
second layer's wavelets are not turned, its matrices act on the orientation of the inner
modulus, for each outer orientation.
"""

import numpy as np
import tensorflow as tf

from fewtomany.late import healpy as hp
from fewtomany.scattering import gram, stencil
from fewtomany.scattering.wavelets import Scale, SecondLayer, kernel_stencil

N_ORIENTATIONS = 4
_SMALLEST_SQUARED_WEIGHT = 1e-3


def kernels(nside: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours, smoothing kernel and wavelets at one resolution, NESTED.

    Returns
    -------
    neighbours : int array of shape (n_pix, k), -1 for none
    smoothing : array of shape (n_pix, k), of unit sum
    wavelets : complex array of shape (n_pix, k, 4)
    """
    n_pix = hp.nside2npix(nside)
    vectors = np.column_stack(hp.pix2vec(nside, np.arange(n_pix), nest=True))
    theta, phi = hp.pix2ang(nside, np.arange(n_pix), nest=True)
    radius = 2 * np.arcsin(min(np.sqrt(-np.log(_SMALLEST_SQUARED_WEIGHT) / 2) / nside / 2, 1))
    discs = [hp.query_disc(nside, vector, radius, nest=True) for vector in vectors]
    neighbours = np.full((n_pix, max(map(len, discs))), -1)
    for row, disc in zip(neighbours, discs, strict=True):
        row[: len(disc)] = disc
    there = vectors[neighbours]
    weight = np.exp(-(nside**2) * np.sum((there - vectors[:, None]) ** 2, axis=-1))
    present = (neighbours >= 0) & (weight**2 > _SMALLEST_SQUARED_WEIGHT)
    neighbours, weight = np.where(present, neighbours, -1), np.where(present, weight, 0)

    south = np.column_stack(
        [np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)]
    )
    east = np.column_stack([-np.sin(phi), np.cos(phi), np.zeros(n_pix)])
    x, y = (np.einsum("pkc,pc->pk", there, axis)[..., None] for axis in (south, east))
    side = np.sign(np.where(np.abs(there[..., 2]) < 1e-12, 0, there[..., 2]))
    frame = np.select([side > 0, side < 0], [phi[:, None], np.pi - phi[:, None]], 0.0)
    alpha = np.pi / 4 * np.arange(N_ORIENTATIONS) - frame[..., None]
    wave = np.exp(1j * np.pi * nside * (y * np.cos(alpha) - x * np.sin(alpha)) / np.sqrt(2))
    psi = weight[..., None] * wave
    mean = psi.sum(axis=1, keepdims=True) / present.sum(axis=1)[:, None, None]
    psi = np.where(present[..., None], psi - mean, 0)
    psi /= np.abs(psi).sum(axis=1, keepdims=True)
    return neighbours, weight / weight.sum(axis=1, keepdims=True), psi


def orientation_matrices(response: np.ndarray) -> np.ndarray:
    """Rotations towards the strongest orientation.

    Parameters
    ----------
    response : array of shape (n_pix, 4), by orientation

    Returns
    -------
    array of shape (n_pix, 4, 4), (new, old)
    """
    turn = 2 * np.pi * np.arange(N_ORIENTATIONS) / N_ORIENTATIONS
    angle = np.arctan2(response @ np.sin(turn), response @ np.cos(turn)) % (2 * np.pi)
    whole, rest = np.divmod(N_ORIENTATIONS * angle / (2 * np.pi), 1)
    pixels, new = np.ogrid[: len(response), :N_ORIENTATIONS]
    first = (new + whole[:, None].astype(int)) % N_ORIENTATIONS
    matrices = np.zeros((len(response), N_ORIENTATIONS, N_ORIENTATIONS))
    matrices[pixels, new, first] += np.cos(np.pi * rest[:, None] / 2) ** 2
    matrices[pixels, new, (first + 1) % N_ORIENTATIONS] += np.sin(np.pi * rest[:, None] / 2) ** 2
    return matrices


def build_scales(nside: int, n_scales: int, source: np.ndarray | None, dtype) -> list[Scale]:
    """Operators of all scales, from fine to coarse.

    Parameters
    ----------
    source : array of shape (n_pix,), the map whose orientations are used, or
        (n_pix, 2), two maps whose common orientations are; None for none. NESTED
    """
    scales = []
    for number in range(n_scales):
        neighbours, smoothing, psi = kernels(nside >> number)
        coarsen = second = None
        if number < n_scales - 1:
            children, weight = stencil.merge_children(neighbours, smoothing, 4)
            coarsen = stencil.from_neighbours(children, weight[:, None], len(neighbours), dtype)
        wavelets = kernel_stencil(neighbours, psi, dtype)
        form = gram.of_kernels(neighbours, psi, dtype) if source is None else None
        if source is not None:
            turn, mixing = _matrices(neighbours, psi, source)
            second = SecondLayer(wavelets, tf.constant(_through_float32(mixing), dtype))
            turned = np.einsum("pml,pkl->pkm", _through_float32(turn), psi)
            wavelets = kernel_stencil(neighbours, turned, dtype)
            source = source.reshape(-1, 4, *source.shape[1:]).mean(axis=1)
        scales.append(Scale(wavelets, form, coarsen, second))
    return scales


def _through_float32(matrices: np.ndarray) -> np.ndarray:
    return matrices.astype(np.float32).astype(np.float64)


def _matrices(neighbours: np.ndarray, psi: np.ndarray, source: np.ndarray):
    """First- and second-layer matrices of one scale: (n_pix, 4, 4), (n_pix, 4, 4, 4)."""
    around = np.maximum(neighbours, 0)
    transform = np.einsum("pkl,pk...->pl...", psi, source[around])
    if source.ndim == 1:
        response = np.abs(transform)
    else:
        product = (transform[..., 0] * transform[..., 1].conj()).real
        response = np.sign(product) * np.sqrt(np.abs(product))
    first = orientation_matrices(response)
    rotated = np.einsum("pml,pl->pm", first, response)
    inside = np.abs(np.einsum("pkm,pkc->pmc", psi, rotated[around]))
    second = orientation_matrices(inside.reshape(-1, N_ORIENTATIONS))
    return first, second.reshape(len(psi), *([N_ORIENTATIONS] * 3))
