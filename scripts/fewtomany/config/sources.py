"""The user's maps as the configuration names them."""

from typing import Any

from fewtomany.config.campaign import Campaign
from fewtomany.errors import UserError


def of_campaign(campaign: Campaign, dataset: str) -> dict[str, Any]:
    """Arguments of :func:`fewtomany.maps.ingest.load` for a dataset of the user's maps.

    Parameters
    ----------
    campaign : the campaign
    dataset : a name in ``inputs``, or "reference" or "surrogate"

    Raises
    ------
    UserError : for a dataset without files
    """
    found = campaign.surrogate if dataset == "surrogate" else campaign.dataset(dataset)
    if not found.sources:
        raise UserError(f"{dataset}: has no files; expected files or channels")
    maps = campaign.maps
    return {
        "files": found.sources,
        "stokes": maps.stokes,
        "flat": maps.flat,
        "nside": maps.nside,
        "frame": maps.frame or "galactic",
        "mask": maps.mask,
        "dataset": dataset,
        "n_maps": found.n_maps,
    }
