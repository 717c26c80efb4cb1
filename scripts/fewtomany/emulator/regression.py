"""Starts that follow what is given, multipole by multipole.

A start (y_g, y_o) is drawn for all channels together. Where y_g is replaced by the given x_g, the
others become

    x_o = y_o + K (x_g − y_g),    K_ℓ = C_ℓ^{og} (C_ℓ^{gg})⁻¹,

which has the conditional mean and scatter of a Gaussian field that is isotropic in units of its
deviations (Hoffman & Ribak 1991, ApJ 380, L5). C_ℓ are mean spectra of draws of the start itself.
The descent adds what is not isotropic.
"""

from collections.abc import Sequence

import numpy as np

from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import isotropic, spectra

N_DRAWS = 40
"""Draws whose spectra are averaged: K_ℓ is known to 1/√(40 (2ℓ + 1)), 7% at ℓ = 2."""

NEGLIGIBLE = 1e-10
"""Share of the largest eigenvalue of C_ℓ^{gg} below which one counts as 0."""


class Regression:
    """K of the start's draws.

    Parameters
    ----------
    draws : array of shape (n_draws, n_components, n_pix), RING, normalized
    components : of the draws
    given : places of the given components, whole channels
    sky : the pixels; of a partial sky the spectra are pseudo-spectra, and K is approximate
    """

    def __init__(
        self, draws: np.ndarray, components: Components, given: Sequence[int], sky: Sky
    ) -> None:
        of_given = list(given)
        of_others = [place for place in range(len(components)) if place not in given]
        self.given = _part(components, of_given)
        self.others = _part(components, of_others)
        self.sky = sky
        cl = spectra.measure(draws, components, sky).mean(axis=0)
        power = isotropic.matrices(cl, components)
        among = power[:, of_given][:, :, of_given]
        inverse = np.linalg.pinv(among, rcond=NEGLIGIBLE, hermitian=True)
        self.coefficients = power[:, of_others][:, :, of_given] @ inverse

    def __call__(self, differences: np.ndarray) -> np.ndarray:
        """K times x_g − y_g.

        Parameters
        ----------
        differences : array of shape (n_maps, n_given, n_pix), the given components in their order

        Returns
        -------
        array of shape (n_maps, n_others, n_pix), the other components in theirs
        """
        nside = self.sky.nside
        degrees = _degrees(spectra.lmax_of(nside))
        found = np.empty((len(differences), len(self.others), differences.shape[-1]))
        for values, difference in zip(found, differences, strict=True):
            alms = spectra.to_harmonic(spectra.weighted(difference, self.sky), self.given)
            alms = np.einsum("aog,ga->oa", self.coefficients[degrees], alms)
            values[:] = self.sky.restrict(spectra.to_map(alms, self.others, nside))
        return found


def _part(components: Components, places: Sequence[int]) -> Components:
    """Components of the channels of some places, in their order."""
    n_stokes = len(components.stokes)
    channels = [components.channels[place // n_stokes] for place in places[::n_stokes]]
    return Components(components.stokes, tuple(channels))


def _degrees(lmax: int) -> np.ndarray:
    """ℓ of every coefficient in healpy's ordering."""
    return np.concatenate([np.arange(m, lmax + 1) for m in range(lmax + 1)])
