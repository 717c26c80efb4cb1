"""The user's maps as the configuration names them."""

from collections.abc import Mapping
from typing import Any

from fewtomany.config import lattice
from fewtomany.errors import UserError
from fewtomany.maps.ingest.files import Source


def of_campaign(sections: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """Arguments of :func:`fewtomany.maps.ingest.load` for a dataset of the user's maps.

    Parameters
    ----------
    sections : the configuration, with its defaults
    dataset : a name in ``inputs``, or "reference" or "surrogate"

    Raises
    ------
    UserError : for a dataset without files
    """
    alone = dataset in ("reference", "surrogate")
    entry = sections.get(dataset) if alone else sections["inputs"].get(dataset)
    key = dataset if alone else f"inputs.{dataset}"
    if not entry or not (entry.get("files") or entry.get("channels")):
        raise UserError(f"{key}: has no files; expected files or channels")
    if entry.get("channels"):
        files = {name: _source(channel) for name, channel in entry["channels"].items()}
    else:
        files = _source(entry).files
    maps = sections["maps"]
    flat = lattice.geometry(maps) if lattice.is_flat(sections) else None
    return {
        "files": files,
        "stokes": maps["stokes"],
        "flat": flat,
        "nside": maps.get("nside"),
        "frame": maps.get("frame") or "galactic",
        "mask": maps.get("mask"),
        "unit": entry.get("unit"),
        "ordering": entry.get("ordering"),
        "convention": entry.get("polarization_convention"),
        "source_frame": entry.get("frame"),
        "dataset": dataset,
        "n_maps": entry.get("n_maps"),
    }


def _source(entry: Any) -> Source:
    """A source of its configuration: a path or pattern, a list of them, or a section."""
    if not isinstance(entry, Mapping):
        entry = {"files": entry}
    files = entry["files"]
    return Source(
        (files,) if isinstance(files, str) else tuple(files),
        entry.get("unit"),
        entry.get("ordering"),
        entry.get("polarization_convention"),
        entry.get("frame"),
    )
