"""The one reader of masks: weights on the pixels of maps, 0 for those left out."""

import os
from pathlib import Path

import numpy as np

from fewtomany.errors import UserError
from fewtomany.late import healpy
from fewtomany.maps.ingest import look
from fewtomany.maps.ingest.files import format_of
from fewtomany.maps.ingest.resample import KEPT, resampling
from fewtomany.maps.ingest.words import FRAMES, ORDERINGS
from fewtomany.maps.sky import UNSEEN


def read(path: str | os.PathLike, nside: int, frame: str) -> np.ndarray:
    """Weights of a mask on the pixels of maps.

    The first column of a FITS file is read; UNSEEN, NaN and pixels that it does not name are 0. A
    mask of another resolution or frame is brought to that of the maps: a finer one by means, kept
    where at least half of the area is; a coarser one pixel by pixel. Without a keyword of its own
    its frame is that of the maps.

    Parameters
    ----------
    path : FITS file
    nside, frame : of the maps

    Returns
    -------
    float64 array of shape (12·nside²,), RING, 0 or more

    Raises
    ------
    UserError : naming the file, when it cannot be read, has negative weights or none above 0
    """
    path = str(path)
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; expected a FITS map of weights")
    if format_of(path) != "fits":
        raise UserError(f"{path}: is no FITS file; expected a FITS map of weights")
    table = look.tables(path)[0]
    if not table.columns:
        raise UserError(f"{path}: has no column of weights")
    header = table.header
    if header.ordering not in ORDERINGS:
        raise UserError(
            f"{path}: ORDERING is {header.ordering or 'missing'}; expected RING, NESTED"
        )
    if header.frame not in (None, *FRAMES):
        raise UserError(f"{path}: COORDSYS is {header.frame!r}; expected {', '.join(FRAMES)}")
    weights = next(look.read(table, [0]))[0].astype(np.float64)
    weights[np.isclose(weights, UNSEEN, rtol=1e-5, atol=0) | np.isnan(weights)] = 0
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise UserError(f"{path}: weights must be finite and 0 or more; found {weights.min()}")
    if header.ordering == "NESTED":
        weights = weights[healpy.ring2nest(header.nside, np.arange(len(weights)))]
    if header.nside < nside:
        weights = healpy.ud_grade(weights, nside)
    change = resampling(max(header.nside, nside), header.frame or frame, nside, frame)
    if change is not None:
        kept = change.coverage(weights > 0) >= KEPT
        weights = np.where(kept, change.scalar(weights, weights > 0), 0)
    if not (weights > 0).any():
        raise UserError(f"{path}: has no weight above 0")
    return weights


def notes(path: str | os.PathLike) -> tuple[str, ...]:
    """What is said of a mask: which of several columns it is."""
    names = [column.name for column in look.tables(str(path))[0].columns]
    return (f"mask: the first of the columns {', '.join(names)}",) if len(names) > 1 else ()
