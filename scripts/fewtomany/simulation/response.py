"""The response engine: every realization, and their covariance, from one pass.

The map of amplitudes a_c, c = (chunk, detector), is m = Σ_c a_c A_c, where the column
A_c = (PᵀP)⁻¹ Pᵀ w_c is the map of a unit amplitude, w_c the kind's TOD in c alone
(:mod:`.columns`). With a = σ M z the maps of a kind have the factor F = σ Mᵀ A and the
covariance FᵀF; several kinds are independent and add up.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fewtomany import covariance as covariances
from fewtomany.config.campaign import Campaign
from fewtomany.covariance import linear
from fewtomany.covariance.base import Dense
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.simulation import columns, systematics


def read(campaign: Campaign, path: str | Path) -> np.ndarray:
    """Read a response.

    Returns
    -------
    array of shape (n_chunks · n_kinds · n_detectors, 3, n_pix), float64, T, Q, U in K
    per unit amplitude; index = (chunk · n_kinds + kind) · n_detectors + detector

    Raises
    ------
    UserError : if it is not of the campaign's size
    """
    response = store.read(path, "response", "response")["response"]
    simulation = campaign.simulation
    expected = (
        simulation.n_chunks * len(systematics.linear(simulation)) * len(simulation.detectors),
        3,
        12 * campaign.maps.nside**2,
    )
    if response.shape != expected:
        raise UserError(
            f"{path}: response has shape {response.shape}, the configuration expects {expected}"
        )
    return response


def realizations(campaign: Campaign, response: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Maps of the realizations ``start <= k < stop`` of the systematics.

    Returns
    -------
    array of shape (stop - start, 3, n_pix), T, Q, U at ``maps.nside``, K_CMB, float64
    """
    parts = [
        linear.draw(kind.deviation * mixed, campaign.seed, kind.key, start, stop)
        for kind, mixed in _mixed(campaign, response)
    ]
    return sum(parts[1:], start=parts[0])


def covariance(campaign: Campaign, response: np.ndarray) -> np.ndarray:
    """Exact covariance of the maps' components ``maps.stokes``.

    Returns
    -------
    array of shape (n, n), n = n_stokes · n_pix, all pixels of the first component
    before those of the second, K_CMB², float64
    """
    parts = [rows.T @ rows for rows in _factors(campaign, response)]
    return sum(parts[1:], start=parts[0])


def exact(campaign: Campaign, response: np.ndarray, sky: Sky) -> covariances.Covariance:
    """The covariance on the observed pixels of a sky, in the form that its size asks for."""
    maps = campaign.maps
    components = Components(maps.stokes)
    starts = np.arange(len(maps.stokes))[:, None] * 12 * maps.nside**2
    kept = None if sky.is_full else (starts + sky.indices).ravel()
    if len(components) * sky.n_pix > covariances.product.DENSE_LIMIT:
        rows = np.concatenate(list(_factors(campaign, response)))
        rows = rows if kept is None else rows[:, kept]
        found = covariances.of_factor(rows, components, sky)
    else:
        matrix = covariance(campaign, response)
        matrix = matrix if kept is None else matrix[np.ix_(kept, kept)]
        found = Dense(components, sky, matrix)
    return covariances.Covariance(found, dataset="exact", frame=maps.frame)


def factor(campaign: Campaign, response: np.ndarray) -> np.ndarray:
    """Rows F of the covariance FᵀF of the maps' components ``maps.stokes``.

    Returns
    -------
    array of shape (n_rows, n_stokes, n_pix), K_CMB, float64
    """
    rows = np.concatenate(list(_factors(campaign, response)))
    return rows.reshape(len(rows), len(campaign.maps.stokes), -1)


def _factors(campaign: Campaign, response: np.ndarray) -> Iterator[np.ndarray]:
    """Rows (n_rows, n) of every kind, K_CMB."""
    components = ["TQU".index(letter) for letter in campaign.maps.stokes]
    for kind, mixed in _mixed(campaign, response):
        yield kind.deviation * mixed[:, components].reshape(len(mixed), -1)


def _mixed(campaign: Campaign, response: np.ndarray) -> Iterator[tuple[columns.Linear, np.ndarray]]:
    """Every kind and its MᵀA, shape (n_modes · n_detectors, 3, n_pix)."""
    simulation = campaign.simulation
    kinds = systematics.linear(simulation)
    shape = (simulation.n_chunks, len(kinds), len(simulation.detectors), *response.shape[1:])
    by_kind = response.reshape(shape)
    for number, kind in enumerate(kinds):
        mixed = by_kind[:, number]
        if kind.mixing is not None:
            mixed = np.tensordot(kind.mixing.T, mixed, axes=1)
        yield kind, mixed.reshape(-1, *response.shape[1:])
