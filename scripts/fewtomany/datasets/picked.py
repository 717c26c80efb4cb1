"""Maps of the original dataset as they are, in place of draws from its covariance.

A Gaussian draw has the covariance of the original maps, and nothing else of theirs. Where the
effect is not Gaussian, reference and inputs have to be maps of the simulation itself.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

from fewtomany.errors import UserError
from fewtomany.files.store import MapSet


def pick(parts: Iterable[MapSet], start: int, stop: int) -> MapSet:
    """Some consecutive maps of a dataset.

    Parameters
    ----------
    parts : its maps in order, files that hold none of them included or not
    start, stop : absolute indices of the first map and of that after the last

    Returns
    -------
    maps ``start <= k < stop``; ``first`` is ``start``

    Raises
    ------
    UserError : where one of them is missing
    """
    content, pieces, next_map = None, [], start
    for part in parts:
        low, high = max(next_map, part.first), min(stop, part.first + len(part))
        if low >= high:
            continue
        if low > next_map:
            break
        content = content or part
        pieces.append(part.maps[low - part.first : high - part.first])
        next_map = high
    if next_map < stop:
        raise UserError(f"the files lack map {next_map} of maps {start} to {stop - 1}")
    return dataclasses.replace(content, maps=np.concatenate(pieces), first=start)
