"""The direct engine: the time-ordered data of every realization.

Realizations in a group share one pass over the pointings and the ideal signal; the bits of
a map do not depend on the group it is in.
"""

from collections.abc import Callable, Sequence

import numpy as np

from fewtomany.config.campaign import Campaign
from fewtomany.late import healpy
from fewtomany.simulation import binning, columns, systematics
from fewtomany.simulation.observation import Observation, observe
from fewtomany.simulation.resolution import downgrade

GROUP_BYTES = 5e8
"""Memory for the sums of the realizations of one pass."""


def realizations(campaign: Campaign, start: int, stop: int) -> np.ndarray:
    """Maps of the realizations ``start <= k < stop`` of the systematics.

    Returns
    -------
    array of shape (stop - start, 3, n_pix), T, Q, U at ``maps.nside``, K_CMB, float64

    Raises
    ------
    UserError : if T, Q and U cannot be solved for in every pixel
    """
    simulation = campaign.simulation
    one = healpy.nside2npix(simulation.nside) * len(simulation.detectors) * 3 * 8
    size = max(int(GROUP_BYTES // one), 1)
    maps = []
    for first in range(start, stop, size):
        group = range(first, min(first + size, stop))
        tods = [systematics.realization(campaign, index) for index in group]
        maps.append(bin_together(campaign, tods, f"realizations {group.start} to {group.stop}"))
    return np.concatenate(maps)


def simulate(campaign: Campaign, gains: np.ndarray, what: str) -> np.ndarray:
    """The map of given gains; ``what`` names it in the log.

    Parameters
    ----------
    gains : array of shape (n_chunks, n_detectors), relative gain errors

    Returns
    -------
    array of shape (3, n_pix), T, Q, U at ``maps.nside``, K_CMB, float64
    """
    add = systematics.scaled(columns.gains(campaign.simulation), gains)
    return bin_together(campaign, [lambda observation: add(observation, observation.tod)], what)[0]


def bin_together(
    campaign: Campaign, tods: Sequence[Callable[[Observation], np.ndarray]], what: str
) -> np.ndarray:
    """Maps of several time-ordered data in one pass over the mission.

    Parameters
    ----------
    tods : functions of the observations, called in their order, that give arrays of
        shape (n_detectors, n_samples), K_CMB
    what : their name in the log

    Returns
    -------
    array of shape (len(tods), 3, n_pix), T, Q, U at ``maps.nside``, K_CMB, float64

    Raises
    ------
    UserError : if T, Q and U cannot be solved for in every pixel
    """
    simulation = campaign.simulation
    n_pix = healpy.nside2npix(simulation.nside)
    normal = np.zeros((n_pix, 6))
    projected = np.zeros((len(tods), n_pix, len(simulation.detectors), 3))
    for observation in observe(campaign, 0, simulation.n_chunks, what):
        seen = (
            observation.pixels,
            observation.psi,
            observation.direction_of,
            observation.polarization_angles,
        )
        binning.accumulate(*seen, tods[0](observation), normal, projected[0])
        for tod, sums in zip(tods[1:], projected[1:], strict=True):
            binning.project(*seen, tod(observation), sums)
    inverse = binning.invert(normal)
    maps = np.stack([np.einsum("pij,pdj->ip", inverse, sums) for sums in projected])
    return downgrade(maps, campaign.maps.nside, simulation.downgrade)
