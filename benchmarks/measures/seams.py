"""Seams of maps that were emulated region by region: is a border like the inside of a region?

Of pairs of pixels that share an edge, those across a border of two regions, those across an edge of
coarse pixels inside one region, and those inside a coarse pixel. For each kind the power of maps
over their deviations, as a multiple of that inside coarse pixels of the same map, and the
correlation, less that inside; true maps say what these are without a seam.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fewtomany.late import healpy as hp

EDGES = (0, 2, 4, 6)
"""Of a pixel's eight neighbours in healpy's order, those that share an edge: SW, NW, NE, SE."""

INSIDE, COARSE, REGION = "inside", "coarse", "region"

BLOCK = 1 << 20
"""Pairs at a time."""


@dataclass(frozen=True)
class Seam:
    """What one kind of border does to maps.

    Attributes
    ----------
    kind : "coarse" or "region"
    power : mean square of the pixels beside it over that inside, relative to true maps'
    correlation : correlation across it less that inside, beyond that of true maps
    power_error, correlation_error : standard errors, of emulated and true maps together
    """

    kind: str
    power: float
    power_error: float
    correlation: float
    correlation_error: float

    @property
    def deviations(self) -> tuple[float, float]:
        """How many standard errors each lies from what true maps have."""
        return (
            (self.power - 1) / self.power_error,
            self.correlation / self.correlation_error,
        )


def pairs(nside: int, coarse: int, regions: int) -> dict[str, np.ndarray]:
    """Pairs of pixels that share an edge, RING, by kind: int arrays of shape (n, 2).

    Parameters
    ----------
    coarse, regions : nside of the coarse pixels and of the regions
    """
    own = np.arange(hp.nside2npix(nside))
    around = hp.get_all_neighbours(nside, own, nest=True)[list(EDGES)]
    found = np.column_stack([np.tile(own, len(EDGES)), around.ravel()])
    found = found[found[:, 0] < found[:, 1]]

    def crosses(cores: int) -> np.ndarray:
        parents = found // (nside // cores) ** 2
        return parents[:, 0] != parents[:, 1]

    between, edge = crosses(regions), crosses(coarse)
    found = hp.nest2ring(nside, found)
    return {INSIDE: found[~edge], COARSE: found[edge & ~between], REGION: found[between]}


def across(maps: np.ndarray, kinds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean square and correlation of every map by kind, arrays (n_maps, 2).

    Parameters
    ----------
    maps : array of shape (n_maps, n_components, n_pix), RING, over their deviations
    """
    return {
        kind: np.array([_across(values, found) for values in maps]) for kind, found in kinds.items()
    }


def _across(values: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    squares = products = 0.0
    for first in range(0, len(found), BLOCK):
        x, y = (values[:, some].astype(np.float64) for some in found[first : first + BLOCK].T)
        squares += np.sum(x**2) + np.sum(y**2)
        products += 2 * np.sum(x * y)
    return squares / (2 * len(found) * len(values)), products / squares


def seams(emulated: Mapping[str, np.ndarray], true: Mapping[str, np.ndarray]) -> list[Seam]:
    """How the borders of emulated maps differ from those of true maps.

    Parameters
    ----------
    emulated, true : of :func:`across`; two maps or more of each
    """
    return [_seam(kind, emulated, true) for kind in (COARSE, REGION)]


def _seam(kind: str, emulated: Mapping[str, np.ndarray], true: Mapping[str, np.ndarray]) -> Seam:
    ratios = [own[kind][:, 0] / own[INSIDE][:, 0] for own in (emulated, true)]
    excess = [own[kind][:, 1] - own[INSIDE][:, 1] for own in (emulated, true)]
    (ours, our_error), (theirs, their_error) = map(_mean, ratios)
    ratio = ours / theirs
    (mine, my_error), (its, its_error) = map(_mean, excess)
    return Seam(
        kind,
        *(ratio, ratio * np.hypot(our_error / ours, their_error / theirs)),
        *(mine - its, np.hypot(my_error, its_error)),
    )


def _mean(values: np.ndarray) -> tuple[float, float]:
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))
