"""The mission as a stream of observations, one chunk each."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fewtomany import config
from fewtomany.jobs.progress import progress
from fewtomany.simulation import binning, scan, signal


@dataclass(frozen=True)
class Observation:
    """All detectors during one chunk.

    Attributes
    ----------
    chunk : its index in the mission
    pixels, psi : arrays of shape (n_directions, n_samples): RING pixel at
        ``mission.simulation.nside`` and orientation (rad), in the frame of the maps
    direction_of, polarization_angles : arrays of shape (n_detectors,)
    tod : array of shape (n_detectors, n_samples), the ideal signal, K_CMB
    mission, source, pointings : what the signal was made from
    """

    chunk: int
    pixels: np.ndarray
    psi: np.ndarray
    direction_of: np.ndarray
    polarization_angles: np.ndarray
    tod: np.ndarray
    mission: scan.Mission
    source: signal.Signal
    pointings: scan.Pointings

    @cached_property
    def sky(self) -> np.ndarray:
        """The TOD without the dipole, shape (n_detectors, n_samples), K_CMB."""
        alone = dataclasses.replace(self.source, velocity=None)
        return signal.tod(alone, self.mission, self.pointings)


def observe(campaign: config.Campaign, start: int, stop: int, what: str) -> Iterator[Observation]:
    """Observations of the chunks ``start <= chunk < stop``, one at a time.

    The same chunk has the same bits in any range. ``what`` names the loop in
    the log.
    """
    mission = scan.prepare(campaign)
    source = signal.prepare(mission)
    for chunk in progress(range(start, stop), what):
        pointings = scan.point(mission, chunk)
        yield Observation(
            chunk=chunk,
            pixels=binning.pixels_of(pointings.binned, mission.simulation.nside),
            psi=pointings.binned[..., 2],
            direction_of=mission.direction_of,
            polarization_angles=mission.polarization_angles,
            tod=signal.tod(source, mission, pointings),
            mission=mission,
            source=source,
            pointings=pointings,
        )
