"""The user's own maps: FITS, HDF5 and NumPy files as missions and pipelines write them.

:func:`find` needs NumPy at most, and :func:`count` what reads headers of the files there are, so
that the Snakefile can ask them; what reads maps is imported when :func:`load` is called.
docs/formats.md lists what is read without a word, what must be said, and what is refused.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fewtomany.maps.ingest.files import Source, count, find, patterns

if TYPE_CHECKING:
    from fewtomany.files.store import MapSet
    from fewtomany.maps.flat import Flat
    from fewtomany.maps.sky import Sky

__all__ = ["Source", "count", "find", "load", "observed", "patterns"]


def load(
    files: Sequence[str] | Mapping[str, Sequence[str] | Source],
    stokes: str,
    nside: int | None = None,
    frame: str = "galactic",
    mask: str | None = None,
    unit: str | None = None,
    ordering: str | None = None,
    convention: str | None = None,
    source_frame: str | None = None,
    *,
    dataset: str = "input",
    start: int = 0,
    stop: int | None = None,
    n_maps: int | None = None,
    flat: "Flat | None" = None,
    sky: "Sky | None" = None,
    provenance: Mapping | None = None,
) -> "MapSet":
    """Maps of the user in the form of the campaign: K, RING, COSMO, in its frame and resolution.

    All maps are read and checked, whichever are asked for, since the observed pixels are those
    that *every* map has. One map at a time is in memory besides the result.

    Parameters
    ----------
    files : paths or patterns, in order; by the name of the channel for several channels, which
        must hold equally many maps
    stokes : "T", "QU" or "TQU", what is wanted of the files
    nside, frame : of the result; frame is "galactic", "ecliptic" or "equatorial"
    mask : FITS file of weights, 0 for pixels left out; without one all pixels are observed
        that are seen in every map
    unit, ordering, convention, source_frame : of the files, where they do not say so themselves;
        a channel's own :class:`Source` comes first
    dataset : name of the result
    start, stop : the maps wanted, ``start <= k < stop``; all by default
    n_maps : maps needed, the first of those there are; all, and 2 or more, by default
    flat : the plane or the line that the maps are of, in place of nside and frame; then nothing
        is said of the files, and a mask is a NumPy file
    sky : pixels wanted of a sphere, which every map must have; by default all that every map has
    provenance : see :mod:`fewtomany.files.provenance`

    Raises
    ------
    UserError : one line, naming the file, what is wrong, the value and what is allowed

    See Also
    --------
    fewtomany.maps.ingest.fits, fewtomany.maps.ingest.hdf5, fewtomany.maps.ingest.arrays : formats
    fewtomany.maps.ingest.decide : what of the files is a map of which Stokes parameters
    fewtomany.maps.ingest.lattice : planes and lines
    fewtomany.maps.ingest.resample : how maps are downgraded and turned into another frame
    """
    from fewtomany.maps.ingest import lattice, maps

    channels = maps.sources(files, Source((), unit, ordering, convention, source_frame))
    wanted = {"dataset": dataset, "start": start, "stop": stop, "n_maps": n_maps}
    wanted["provenance"] = dict(provenance or {})
    if flat is not None:
        return lattice.load(channels, stokes, flat, mask, **wanted)
    return maps.load(channels, stokes, maps.Target(nside, frame, mask), sky=sky, **wanted)


def observed(
    files: Sequence[str] | Mapping[str, Sequence[str] | Source],
    stokes: str,
    nside: int,
    frame: str = "galactic",
    mask: str | None = None,
    unit: str | None = None,
    ordering: str | None = None,
    convention: str | None = None,
    source_frame: str | None = None,
    *,
    dataset: str = "input",
    n_maps: int | None = None,
) -> "Sky":
    """The pixels that every map of the user has, after the same checks as in :func:`load`."""
    from fewtomany.maps.ingest import maps

    channels = maps.sources(files, Source((), unit, ordering, convention, source_frame))
    target = maps.Target(nside, frame, mask)
    return maps.observed(channels, stokes, target, dataset=dataset, n_maps=n_maps)
