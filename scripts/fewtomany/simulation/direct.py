"""The direct engine: a simulation of the whole mission for every realization."""

import healpy
import numpy as np

from fewtomany import seeds
from fewtomany.config import Campaign
from fewtomany.simulation import GAIN_KEY, binning
from fewtomany.simulation.observation import observe
from fewtomany.simulation.resolution import downgrade


def realizations(campaign: Campaign, start: int, stop: int) -> np.ndarray:
    """Maps of the realizations ``start <= k < stop`` of the gains.

    Returns
    -------
    array of shape (stop - start, 3, n_pix), T, Q, U at ``maps.nside``, K_CMB, float64
    """
    simulation = campaign.simulation
    shape = (simulation.n_chunks, len(simulation.detectors))
    maps = []
    for index in range(start, stop):
        numbers = seeds.standard_normal(campaign.seed, GAIN_KEY, index, index + 1, np.prod(shape))
        gains = simulation.gains.standard_deviation * numbers.reshape(shape)
        maps.append(simulate(campaign, gains, f"realization {index}"))
    return np.stack(maps)


def simulate(campaign: Campaign, gains: np.ndarray, what: str) -> np.ndarray:
    """The map of given gains; ``what`` names it in the log.

    Parameters
    ----------
    gains : array of shape (n_chunks, n_detectors), relative gain errors

    Returns
    -------
    array of shape (3, n_pix), T, Q, U at ``maps.nside``, K_CMB, float64

    Raises
    ------
    UserError : if T, Q and U cannot be solved for in every pixel
    """
    simulation = campaign.simulation
    n_pix = healpy.nside2npix(simulation.nside)
    normal = np.zeros((n_pix, 6))
    projected = np.zeros((n_pix, len(simulation.detectors), 3))
    for observation in observe(simulation, 0, simulation.n_chunks, what):
        gain = gains[observation.chunk].astype(observation.tod.dtype)
        binning.accumulate(
            observation.pixels,
            observation.psi,
            observation.direction_of,
            observation.polarization_angles,
            gain[:, None] * observation.tod,
            normal,
            projected,
        )
    maps = np.einsum("pij,pdj->ip", binning.invert(normal), projected)
    return downgrade(maps, campaign.maps.nside, simulation.downgrade)
