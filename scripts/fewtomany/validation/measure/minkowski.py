"""The four Minkowski functionals of linear polarization on SO(3).

As Carrón Duque et al. 2024 (JCAP 01, 039; arXiv:2301.13191), a map P = Q + iU is the
scalar field f(p, ψ) = Re[P(p) exp(2iψ)] on the rotations, pixel p and angle ψ, in units
of the map's own rms, with the bi-invariant metric in which |∇f|² = (f_S² + f_E² + f_ψ²)/2,
f_S and f_E being covariant derivatives southward and eastward. With A_u
the set where f ≥ u and κ₁, κ₂ the principal curvatures of its surface, per volume of the
space,

    V0 = ∫_A dV,  V1 = 1/6 ∫_∂A dS,  V2 = 1/(6π) ∫_∂A (κ₁ + κ₂) dS,
    V3 = 1/(4π) ∫_∂A κ₁κ₂ dS.

Derivatives along the sky are spin-raising and -lowering operators in harmonic space,
regular at the poles: ðP and ð̄P have spin 3 and 1. Since the Levi-Civita connection of a
bi-invariant metric is half the commutator, the Hessian is the symmetrized second
derivative in the left-invariant frame. V0 is exact; surface integrals are averages over
threshold bins of width :data:`STEP`, by N_ANGLES values of ψ in a quarter turn: f changes
its sign under ψ → ψ + π/2, so that thresholds below zero say nothing new.

Derivatives of a partial sky are those of the map with 0 in the other pixels, and averages are
over the observed ones. So the edge counts, by the same amount in all maps of these pixels. Maps of
T alone have no functionals of this kind.
"""

import numpy as np

from fewtomany.config.campaign import Campaign
from fewtomany.files import store
from fewtomany.files.store import MapSet
from fewtomany.late import healpy
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import spectra
from fewtomany.validation.measure import moments
from fewtomany.validation.measure.moments import Moments

STEP = 0.25
THRESHOLDS = STEP * np.arange(13)
"""Centres of the threshold bins, 0 to 3 in units of the rms of Q and U."""

N_ANGLES = 16


def of_maps(source: MapSet, campaign: Campaign, unit: None) -> tuple[Moments, list[str], dict]:
    """Moments of the functionals of all maps, (4 · n_fields, n_thresholds)."""
    values = [measure_all(one, source.components, source.sky) for one in source.maps]
    facts = {"thresholds": THRESHOLDS.tolist()}
    return moments.of(np.array(values)), labels(source.components), facts


def measure(maps: np.ndarray, sky: Sky | None = None) -> np.ndarray:
    """Minkowski functionals of one map.

    Parameters
    ----------
    maps : array of shape (2, n_pix), Q and U, RING, COSMO convention
    sky : its pixels; the full sky by default

    Returns
    -------
    array of shape (4, n_thresholds), float64: V0 to V3 at :data:`THRESHOLDS`
    """
    maps = np.asarray(maps, np.float64)
    maps = maps / np.sqrt(np.mean(maps**2))
    modulus = np.hypot(*maps)
    inside = np.clip(THRESHOLDS[:, None] / np.maximum(modulus, 1e-300), -1, 1)
    volume = np.arccos(inside).mean(axis=1) / np.pi
    return np.stack([volume, *_surface_integrals(maps, sky)])


def measure_all(maps: np.ndarray, components: Components, sky: Sky | None = None) -> np.ndarray:
    """Functionals of every polarization field of one map (n_components, n_pix).

    Returns
    -------
    array of shape (4 · n_fields, n_thresholds), in the order of :func:`labels`
    """
    return np.concatenate([measure(maps[q : q + 2], sky) for q in components.spins])


def labels(components: Components) -> list[str]:
    """Names of the functionals: "V0" to "V3"; with several channels "a.V0"."""
    channels = components.channels if components.spins else ()
    return [f"{channel}.V{k}" if channel else f"V{k}" for channel in channels for k in range(4)]


def _surface_integrals(maps: np.ndarray, sky: Sky | None) -> list[np.ndarray]:
    """V1, V2 and V3 of a normalized map."""
    p = maps[0] + 1j * maps[1]
    first, second = derivatives(maps if sky is None else sky.expand(maps, fill=0.0))
    if sky is not None:
        first, second = (tuple(map(sky.restrict, part)) for part in (first, second))
    (south, east), (south2, east2, mixed) = first, second
    turn = np.exp(1j * np.pi * np.arange(N_ANGLES) / N_ANGLES)  # exp(2iψ)

    def at(field):
        """The real field Re[field · exp(2iψ)] at every pixel and angle."""
        return (np.outer(field.real, turn.real) - np.outer(field.imag, turn.imag)).ravel()

    f, f1, f2, f3 = at(p), at(south), at(east), at(2j * p)
    h11, h22, h12 = at(south2), at(east2), at(mixed)
    h13, h23, h33 = at(2j * south) - f2 / 2, at(2j * east) + f1 / 2, -4 * f
    # Here the frame has lengths √2: gradients carry 1/√2 and Hessians 1/2.
    square = np.maximum(f1**2 + f2**2 + f3**2, 1e-300)
    trace = h11 + h22 + h33
    along = f1 * (f1 * h11 + 2 * (f2 * h12 + f3 * h13)) + f2 * (f2 * h22 + 2 * f3 * h23)
    along += f3**2 * h33
    cofactors = f1**2 * (h22 * h33 - h23**2) + f2**2 * (h11 * h33 - h13**2)
    cofactors += f3**2 * (h11 * h22 - h12**2) + 2 * f1 * f2 * (h13 * h23 - h12 * h33)
    cofactors += 2 * f1 * f3 * (h12 * h23 - h13 * h22) + 2 * f2 * f3 * (h12 * h13 - h11 * h23)
    gradient = np.sqrt(square / 2)
    mean_curvature = (along / square - trace) / 2 * np.sign(f)
    gaussian_curvature = cofactors / square / 4 / gradient
    bins = np.rint(np.abs(f) / STEP).astype(int)
    kept = bins < len(THRESHOLDS)
    # Bin 0 takes both signs of f, any other bin one of them.
    density = 1 / (STEP * f.size) / np.where(np.arange(len(THRESHOLDS)) == 0, 1, 2)
    integrals = (
        np.bincount(bins[kept], weight[kept], len(THRESHOLDS)) * density
        for weight in (gradient, mean_curvature, gaussian_curvature)
    )
    v1, v2, v3 = integrals
    return [v1 / 6, np.where(THRESHOLDS == 0, 0.0, v2) / (6 * np.pi), v3 / (4 * np.pi)]


def derivatives(sky: np.ndarray) -> tuple[tuple, tuple]:
    """Covariant derivatives of P = Q + iU along the sky, for lmax = 3 nside - 1.

    Returns
    -------
    first : ∇_S P and ∇_E P, complex arrays of shape (n_pix,), southward and eastward
    second : ∇_S∇_S P, ∇_E∇_E P and (∇_S∇_E + ∇_E∇_S)P/2
    """
    nside = store.nside_of(sky.shape[-1])
    lmax = spectra.lmax_of(nside)
    alms = spectra.to_harmonic(sky, "QU")
    ell = healpy.Alm.getlm(lmax)[0].astype(float)
    up, down = (ell - 2) * (ell + 3), (ell + 2) * (ell - 1)

    def field(spin, factor):
        """Σ factor · ₂a_lm ₛY_lm, with ₂a_lm = -(E + iB)."""
        scaled = np.where(ell >= 2, factor, 0.0) * alms
        if spin == 0:
            return -healpy.alm2map(scaled[0], nside, lmax=lmax) - 1j * healpy.alm2map(
                scaled[1], nside, lmax=lmax
            )
        real, imaginary = healpy.alm2map_spin(list(scaled), nside, spin, lmax)
        return real + 1j * imaginary

    # D = ∇_S + i∇_E = -ð, and its conjugate
    d = field(3, -np.sqrt(np.maximum(up, 0)))
    conjugate = field(1, np.sqrt(np.maximum(down, 0)))
    dd = field(4, np.sqrt(np.maximum(up * (ell - 3) * (ell + 4), 0)))
    dd_conjugate = field(0, np.sqrt(np.maximum(down * (ell + 1) * ell, 0)))
    laplacian = field(2, -(ell * (ell + 1) - 4))
    difference = (dd + dd_conjugate) / 2
    first = (d + conjugate) / 2, (d - conjugate) / 2j
    second = (
        (laplacian + difference) / 2,
        (laplacian - difference) / 2,
        (dd - dd_conjugate) / 4j,
    )
    return first, second
