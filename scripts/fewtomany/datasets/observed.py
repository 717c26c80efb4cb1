"""The observed sky of a campaign: the mask that cuts maps of the whole sphere.

The user's maps are cut when they are imported. Drawn and emulated maps have the pixels of the maps
that they come from. Only simulated maps cover the whole sphere; they are cut when they are read.
"""

import dataclasses
import functools
import os
from collections.abc import Mapping

import numpy as np

from fewtomany.config.campaign import Campaign
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet
from fewtomany.maps.ingest import masks
from fewtomany.maps.sky import Sky


@functools.cache
def read_mask(path: str | os.PathLike, nside: int, frame: str) -> Sky:
    """The sky of a mask, a FITS map of weights, 0 or UNSEEN where nothing is observed.

    :func:`fewtomany.maps.ingest.masks.read` says how one of another resolution or frame is read.

    Raises
    ------
    UserError : naming the file, when it cannot be read or leaves no pixel
    """
    try:
        return Sky.of_mask(masks.read(path, nside, frame))
    except UserError as error:
        raise UserError(f"maps.mask: {error}") from None


def simulated(campaign: Campaign) -> Sky:
    """The pixels of simulated maps that count."""
    maps = campaign.maps
    return Sky(maps.nside) if maps.mask is None else read_mask(maps.mask, maps.nside, maps.frame)


def common(skies: Mapping[str, Sky]) -> Sky:
    """The pixels that all skies have, with the means of their weights.

    Raises
    ------
    UserError : where there are none
    """
    each = [sky.expand(sky.weight, 0.0) for sky in skies.values()]
    kept = np.all(each, axis=0)
    if not kept.any():
        counts = ", ".join(f"{name} {sky.n_pix}" for name, sky in skies.items())
        raise UserError(f"no pixel is observed in all maps ({counts}); expected common ones")
    return Sky.of_mask(np.where(kept, np.mean(each, axis=0), 0.0))


def check(campaign: Campaign, sky: Sky) -> None:
    """Raise UserError where too few pixels are observed for what is asked of them."""
    n_values = sky.n_pix * len(campaign.components)
    asked = {"validation.n_modes": campaign.validation.n_modes}
    if campaign.trust.datasets:
        asked["trust.n_directions"] = campaign.trust.n_directions
    faults = [
        f"{key}: {number} is not allowed; the observed {sky.n_pix} pixels have {n_values} values"
        for key, number in asked.items()
        if number >= n_values
    ]
    if faults:
        raise UserError("\n".join(faults))


def check_mask(campaign: Campaign) -> None:
    """Raise UserError for a mask of the sphere that cannot be used, or leaves too few pixels."""
    if not campaign.maps.flat:
        check(campaign, simulated(campaign))


def cut(content: MapSet, campaign: Campaign) -> MapSet:
    """Maps of the whole sphere on the observed pixels of the campaign; others as they are."""
    if campaign.maps.mask is None or campaign.maps.flat or not content.sky.is_full:
        return content
    sky = simulated(campaign)
    return dataclasses.replace(content, maps=sky.restrict(content.maps), sky=sky)


def read_maps(path: str | os.PathLike, campaign: Campaign) -> MapSet:
    """A map file of a campaign: its Stokes parameters, on its observed pixels."""
    content = store.read_maps(path, campaign.maps.stokes)
    if content.channels != campaign.components.channels:
        found, expected = (
            ", ".join(some) or "one" for some in (content.channels, campaign.components.channels)
        )
        raise UserError(f"{path}: channels are {found}, expected {expected}")
    return cut(content, campaign)
