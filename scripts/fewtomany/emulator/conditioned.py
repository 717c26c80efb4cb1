"""Gaussian maps of given spectra and deviations whose means over coarse pixels are given.

A Gaussian field with the covariance C, of which the means over coarse pixels A x = c are known, is
drawn as x = g + C Aᵀ (A C Aᵀ)⁻¹ (c − A g), with g a draw of the field itself (Hoffman & Ribak
1991). Here C = D Y C_ℓ Yᵀ D, D the pixels' deviations; the coarse system is solved by conjugate
gradients, preconditioned by the power of each multipole. So the fine map goes on where the coarse
one ends, without the steps of its pixels.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fewtomany.late import healpy as hp
from fewtomany.maps.components import Components
from fewtomany.spectra import isotropic

TOLERANCE = 1e-2
"""Of what is left of c − A x, relative; the rest is added pixel by pixel."""

MAX_ITERATIONS = 60

REACH_INVERSE = 1.5
"""Multipoles up to this many coarse nside are preconditioned, each with its power."""

DEEPEST = 0.02
"""Of the preconditioner, smallest value over its value beyond them."""

REACH = 6
"""Multipoles up to this many coarse nside are moved by the means over coarse pixels."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Pixels of a coarse sphere as blocks of those of a fine one, both RING.

    Attributes
    ----------
    coarse, nside : the two resolutions
    """

    coarse: int
    nside: int

    @cached_property
    def children(self) -> np.ndarray:
        """Pixels of every coarse one, (12·coarse², (nside / coarse)²)."""
        nested = hp.ring2nest(self.coarse, np.arange(hp.nside2npix(self.coarse)))
        n_children = (self.nside // self.coarse) ** 2
        inside = nested[:, None] * n_children + np.arange(n_children)
        return hp.nest2ring(self.nside, inside).astype(np.int32)

    @cached_property
    def parents(self) -> np.ndarray:
        """Coarse pixel of every fine one, (12·nside²,)."""
        parents = np.empty(self.children.size, np.int32)
        parents[self.children] = np.arange(len(self.children))[:, None]
        return parents

    def means(self, maps: np.ndarray) -> np.ndarray:
        """Means over coarse pixels of maps (..., n_pix), float64, (..., 12·coarse²)."""
        sums = np.zeros((*maps.shape[:-1], len(self.children)))
        for child in self.children.T:
            sums += maps[..., child]
        return sums / self.children.shape[1]

    def spread(self, coarse: np.ndarray) -> np.ndarray:
        """Every pixel with the value of its coarse one: (..., n_pix)."""
        maps = np.empty((*coarse.shape[:-1], self.children.size), coarse.dtype)
        for child in self.children.T:
            maps[..., child] = coarse
        return maps

    def with_means(self, maps: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """Maps with these means: each coarse pixel shifted by what it lacks."""
        return maps + self.spread(coarse - self.means(maps))


class Conditioning:
    """Gaussian fields of one covariance on the fine sphere.

    Parameters
    ----------
    blocks : the two spheres
    components : of the maps
    cl : array of shape (n_spectra, 3·nside): spectra of the maps over their deviations
    deviation : array of shape (n_components, 12·nside²), RING
    """

    def __init__(
        self, blocks: Blocks, components: Components, cl: np.ndarray, deviation: np.ndarray
    ):
        self.blocks, self.components, self.deviation = blocks, components, deviation
        self._cl = cl
        self._lmax = min(cl.shape[1] - 1, REACH * blocks.coarse)
        ell, _ = hp.Alm.getlm(self._lmax)
        self._power = isotropic.matrices(cl, components)[ell].transpose(1, 2, 0)

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """One map of the field, float64 (n_components, 12·nside²), RING."""
        free = isotropic.realize(self._cl, self.components, generator, self.blocks.nside)
        return free * self.deviation

    def conditioned(self, free: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """A map of the field with other means over coarse pixels.

        Parameters
        ----------
        free : of :meth:`draw`
        coarse : array of shape (n_components, 12·coarse²), RING: the means
        """
        scale = np.sqrt(self.blocks.means(self.deviation**2))  # residuals in units of the field
        residual = (coarse - self.blocks.means(free)) / scale
        goal = TOLERANCE**2 * np.sum(residual**2)
        found = free.copy()
        step = self._roughly_solved(residual)
        direction, product = step.copy(), np.sum(residual * step)
        for _ in range(MAX_ITERATIONS):
            if np.sum(residual**2) <= goal:
                break
            fine = self._covariance(self.blocks.spread(direction / scale))
            image = self.blocks.means(fine) / scale
            length = product / np.sum(direction * image)
            found += length * fine
            residual -= length * image
            step = self._roughly_solved(residual)
            before, product = product, np.sum(residual * step)
            direction = step + product / before * direction
        return self.blocks.with_means(found, coarse)

    def _covariance(self, maps: np.ndarray) -> np.ndarray:
        """C x of one map x (n_components, n_pix)."""
        nside = self.blocks.nside
        alms = self._analyse(maps * self.deviation, self._lmax)
        alms = np.einsum("fga,ga->fa", self._power, alms)
        return self._synthesize(alms, nside, self._lmax) * self.deviation

    @cached_property
    def _inverse(self) -> tuple[float, np.ndarray]:
        """The preconditioner: its value at high multipoles, and what each multipole has less."""
        lmax = int(REACH_INVERSE * self.blocks.coarse)
        matrices = isotropic.matrices(self._cl[:, : lmax + 1], self.components)
        power = np.einsum("lff->fl", matrices)
        inverse = 1 / np.maximum(power, 1e-6 * power.max())
        beyond = float(np.median(inverse[:, -1]))
        less = np.clip(inverse / beyond, DEEPEST, 1) - 1
        ell, _ = hp.Alm.getlm(lmax)
        return beyond, less[:, ell]

    def _roughly_solved(self, coarse: np.ndarray) -> np.ndarray:
        """(A C Aᵀ)⁻¹ of one coarse map in units of the field, roughly, multipole by multipole."""
        beyond, less = self._inverse
        lmax = int(REACH_INVERSE * self.blocks.coarse)
        alms = less * self._analyse(coarse, lmax)
        return beyond * (coarse + self._synthesize(alms, self.blocks.coarse, lmax))

    def _analyse(self, maps: np.ndarray, lmax: int) -> np.ndarray:
        """4π/n_pix Yᵀ of one map, (n_components, n_alm)."""
        alms = np.empty((len(maps), hp.Alm.getsize(lmax)), np.complex128)
        for k in self.components.scalars:
            alms[k] = hp.map2alm(maps[k], lmax=lmax, iter=0)
        for k in self.components.spins:
            alms[k : k + 2] = hp.map2alm_spin(maps[k : k + 2], 2, lmax=lmax)
        return alms

    def _synthesize(self, alms: np.ndarray, nside: int, lmax: int) -> np.ndarray:
        """Y of harmonic coefficients, (n_components, n_pix)."""
        maps = np.empty((len(alms), hp.nside2npix(nside)))
        for k in self.components.scalars:
            maps[k] = hp.alm2map(alms[k], nside, lmax=lmax)
        for k in self.components.spins:
            maps[k : k + 2] = hp.alm2map_spin(list(alms[k : k + 2]), nside, 2, lmax)
        return maps
