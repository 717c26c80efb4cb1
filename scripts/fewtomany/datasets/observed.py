"""The observed sky of a campaign: the mask that cuts maps of the whole sphere.

The user's maps are cut when they are imported. Drawn and emulated maps have the pixels of the maps
that they come from. Only simulated maps cover the whole sphere; they are cut when they are read.
"""

import dataclasses
import functools
import os

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


def cut(content: MapSet, campaign: Campaign) -> MapSet:
    """Maps of the whole sphere on the observed pixels of the campaign; others as they are."""
    if campaign.maps.mask is None or campaign.maps.flat or not content.sky.is_full:
        return content
    sky = read_mask(campaign.maps.mask, content.nside, content.frame)
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
