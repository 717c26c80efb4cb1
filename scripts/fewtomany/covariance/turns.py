"""Turned maps of the whole sphere or of a part: statistically, nearly other maps of the same kind.

What :mod:`fewtomany.covariance.turned` does about the axis of a scan, on the whole sphere and as a
covariance, is done here with maps: by a few degrees about any axis, where statistics change slowly,
and about the axis of a scan, where a part of the sky is seen. Turns are made in harmonic space, T,
E and B being scalars. Of a part of the sky a turned map knows the pixels that come from inside,
away from the edge.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from fewtomany import seeds
from fewtomany.late import healpy
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import spectra

ITERATIONS = 3
"""Jacobi steps of the quadrature: a turn need not come back to the same bits."""

N_ROWS, MEMORY = 400, 2e7
"""Turned maps, and values of these, at most; each map has as many."""

LEAST = 100
"""Maps that are turned in any case. Of more than memory holds, the others are not."""


@dataclass(frozen=True)
class Way:
    """How maps are turned: about an axis, then a little about any.

    Attributes
    ----------
    width_deg : standard deviation of each component of the rotation vector of small turns, degrees
    axis : unit vector in the frame of the maps; None for small turns alone
    along_deg : standard deviation of the turns about it, degrees; None: all alike
    """

    width_deg: float
    axis: tuple[float, float, float] | None = None
    along_deg: float | None = 0.0

    def rotations(self, n: int, random: np.random.Generator) -> "scipy.spatial.transform.Rotation":
        """Some of them."""
        rotation = scipy.spatial.transform.Rotation
        found = rotation.from_rotvec(np.deg2rad(self.width_deg) * random.standard_normal((n, 3)))
        if self.axis is None:
            return found
        if self.along_deg is None:
            angles = random.uniform(-180, 180, n)
        else:
            angles = self.along_deg * random.standard_normal(n)
        return found * rotation.from_rotvec(np.deg2rad(angles)[:, None] * np.array(self.axis))


@dataclass(frozen=True)
class Turns:
    """Turned maps, of unit mean square in every pixel.

    Attributes
    ----------
    maps : array of shape (n, n_components, n_pix); 0 where nothing is known
    seen : bool array of shape (n, n_pix): where something is
    """

    maps: np.ndarray
    seen: np.ndarray


def number(n_maps: int, size: int) -> int:
    """Turns of each of some maps of so many values."""
    return max(1, int(min(N_ROWS, MEMORY / size)) // n_maps)


def most(size: int) -> int:
    """Maps of so many values that are turned, or whose spectra are drawn from, at most."""
    return max(int(min(N_ROWS, MEMORY / size)), LEAST)


def turn(
    maps: np.ndarray,
    components: Components,
    sky: Sky,
    way: Way,
    campaign_seed: int,
    key: tuple[str | int, ...],
) -> Turns:
    """Maps turned at random.

    Parameters
    ----------
    maps : array of shape (n_maps, n_components, n_pix), over their deviations
    way : how
    campaign_seed, key : the turns of map k follow from the stream ``(*key, k)``

    Returns
    -------
    every map, and on a part of the sky the maps themselves, too, without which its edge would
    have none; of many maps the first, as ``most`` says
    """
    maps = maps[: most(maps[0].size)]
    n_turns = number(len(maps), maps[0].size)
    lmax = spectra.lmax_of(sky.nside)
    inside = _inside(sky)
    found, seen = [], []
    for k, one in enumerate(maps):
        alms = spectra.to_harmonic(sky.expand(one, 0.0), components, ITERATIONS)
        rotations = way.rotations(n_turns, seeds.generator(campaign_seed, *key, k))
        # where the pole stays, only the sum of two angles is known
        angles = rotations.as_euler("ZYZ", suppress_warnings=True)
        for rotation, (phi, theta, psi) in zip(rotations, angles, strict=True):
            rotated = alms.copy()
            for row in rotated:
                healpy.rotate_alm(row, psi, theta, phi, lmax=lmax)
            known = _comes_from(rotation, sky, inside)
            found.append(sky.restrict(spectra.to_map(rotated, components, sky.nside)) * known)
            seen.append(known)
    if not sky.is_full:
        found += list(maps)
        seen += [np.ones(sky.n_pix, bool)] * len(maps)
    turned, known = np.array(found), np.array(seen)
    square = np.sum(turned**2, axis=0) / known.sum(axis=0)
    return Turns(turned / np.sqrt(square), known)


def _inside(sky: Sky) -> np.ndarray | None:
    """Which pixels of the whole sphere are observed with all that touch them; None for all."""
    if sky.is_full:
        return None
    observed = np.zeros(sky.n_whole + 1, bool)
    observed[sky.pixels] = True
    observed[-1] = True  # −1: no neighbour there
    around = healpy.get_all_neighbours(sky.nside, np.arange(sky.n_whole))
    return observed[:-1] & observed[around].all(axis=0)


def _comes_from(
    rotation: "scipy.spatial.transform.Rotation", sky: Sky, inside: np.ndarray | None
) -> np.ndarray:
    """Whether what a turn brings to every observed pixel was inside, (n_pix,)."""
    if inside is None:
        return np.ones(sky.n_pix, bool)
    return inside[healpy.vec2pix(sky.nside, *rotation.inv().apply(sky.vectors).T)]
