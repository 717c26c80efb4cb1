"""Everything that is wrong with the user's maps, and what they are, before anything is planned."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fewtomany.errors import UserError
from fewtomany.maps.ingest import look
from fewtomany.maps.ingest.decide import decide
from fewtomany.maps.ingest.files import Source
from fewtomany.maps.ingest.reader import header_of
from fewtomany.maps.ingest.survey import Target, survey


@dataclass(frozen=True)
class Contents:
    """What the user's files hold.

    Attributes
    ----------
    stokes : "T", "QU" or "TQU", what is read of them
    n_maps : their number
    nside, frame : of the maps
    notes : sentences: what is left out, and what was taken to be something
    seen : booleans of shape (12·nside²,): pixels that every map has; None where nobody looked
    """

    stokes: str
    n_maps: int
    nside: int
    frame: str
    notes: tuple[str, ...] = ()
    seen: np.ndarray | None = field(default=None, compare=False, repr=False)


def examine(
    source: Source,
    stokes: str | None = None,
    mask: str | None = None,
    fewest: int = 2,
    names: Mapping[str, str] | None = None,
) -> Contents:
    """Look at all headers, decide what is read, and read every map once.

    Parameters
    ----------
    source : the files, and what the user says of them
    stokes : what is wanted of them; all that they hold by default
    mask : FITS file of weights
    fewest : maps that are needed
    names : how the user says unit, ordering, convention and frame

    Raises
    ------
    UserError : one line, naming the file, what is wrong, the value and what is allowed
    """
    reading = decide(look.look(source.files), stokes)
    if reading.n_maps < fewest:
        raise UserError(f"MAPS: {reading.n_maps} maps are not enough; expected at least {fewest}")
    headers = [header_of(series, source, names)[0] for series in reading.series]
    nside, frame = headers[0].nside, headers[0].frame
    found = survey(reading, source, Target(nside, frame, mask), reading.n_maps, {})
    notes = (*reading.notes, *found.notes)
    letters = "".join(letter for letter in reading.stokes if letter not in found.absent)
    if found.absent:
        names = " and ".join(found.absent)
        if stokes is not None or letters not in ("T", "QU"):
            raise UserError(
                f"{', '.join(source.files)}: {names} is 0 in every map; expected values"
            )
        notes += (f"{names} is 0 in every map: taken as absent",)
    return Contents(letters, reading.n_maps, nside, frame, notes, found.observed > 0)
