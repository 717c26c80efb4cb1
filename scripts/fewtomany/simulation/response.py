"""The response engine: every realization, and their covariance, from one pass.

The map of gains g_c, c = (chunk, detector), is m = Σ_c g_c a_c, where the column
a_c = (PᵀP)⁻¹ Pᵀ s_c is the map of a unit gain and s_c the signal restricted to c.
Independent gains of variance σ² therefore give maps of covariance σ² Σ_c a_c a_cᵀ.
"""

from pathlib import Path

import numpy as np

from fewtomany import linear, store
from fewtomany.config import Campaign
from fewtomany.errors import UserError
from fewtomany.simulation import GAIN_KEY


def read(campaign: Campaign, path: str | Path) -> np.ndarray:
    """Read a response.

    Returns
    -------
    array of shape (n_chunks · n_detectors, 3, n_pix), float64, T, Q, U in K per
    unit gain; index = chunk · n_detectors + detector

    Raises
    ------
    UserError : if it is not of the campaign's size
    """
    response = store.read(path, "response", "response")["response"]
    simulation = campaign.simulation
    expected = (
        simulation.n_chunks * len(simulation.detectors),
        3,
        12 * campaign.maps.nside**2,
    )
    if response.shape != expected:
        raise UserError(
            f"{path}: response has shape {response.shape}, the configuration expects {expected}"
        )
    return response


def realizations(campaign: Campaign, response: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Maps of the realizations ``start <= k < stop`` of the gains.

    Returns
    -------
    array of shape (stop - start, 3, n_pix), T, Q, U at ``maps.nside``, K_CMB, float64
    """
    factor = campaign.simulation.gains.standard_deviation * response
    return linear.draw(factor, campaign.seed, GAIN_KEY, start, stop)


def covariance(campaign: Campaign, response: np.ndarray) -> np.ndarray:
    """Exact covariance of the maps' components ``maps.stokes``.

    Returns
    -------
    array of shape (n, n), n = n_stokes · n_pix, all pixels of the first component
    before those of the second, K_CMB², float64
    """
    components = ["TQU".index(letter) for letter in campaign.maps.stokes]
    columns = response[:, components].reshape(len(response), -1)
    return campaign.simulation.gains.standard_deviation**2 * (columns.T @ columns)
