"""Where the detectors look: the mission, one chunk at a time, by litebird_sim."""

import dataclasses
import warnings
from dataclasses import dataclass

import erfa
import numpy as np

from fewtomany import config
from fewtomany.late import astropy_time
from fewtomany.late import litebird_sim as lbs
from fewtomany.simulation import frames

EPHEMERIS_STEP_S = 3600.0
"""Step of the Earth's ephemeris, interpolated linearly between (error 1e-4 arcsec)."""


@dataclass(frozen=True)
class Mission:
    """What all chunks of a mission share.

    Detectors that look in the same direction share its pointings; they differ
    in their polarization angle only.

    Attributes
    ----------
    simulation : its configuration
    frame : in which maps are made, that of ``maps.frame``
    start_time : of the first sample (TDB)
    strategy, instrument : litebird_sim's scanning strategy and instrument
    directions : one litebird_sim detector for each direction of the focal plane
    direction_of : array of shape (n_detectors,), index into ``directions``
    polarization_angles : array of shape (n_detectors,), rad
    earth_angles : Sun-Earth angle every ``EPHEMERIS_STEP_S``, rad
    """

    simulation: config.Simulation
    frame: str
    start_time: "astropy_time.Time"
    strategy: "lbs.SpinningScanningStrategy"
    instrument: "lbs.InstrumentInfo"
    directions: tuple["lbs.DetectorInfo", ...]
    direction_of: np.ndarray
    polarization_angles: np.ndarray
    earth_angles: np.ndarray


@dataclass(frozen=True)
class Pointings:
    """Pointings of one chunk.

    Attributes
    ----------
    start_time : of the first sample (TDB)
    ecliptic, galactic, binned : arrays of shape (n_directions, n_samples, 3), float64:
        colatitude θ, longitude φ and orientation ψ (rad) in either frame, and in
        the one in which maps are made (``maps.frame``)
    """

    start_time: "astropy_time.Time"
    ecliptic: np.ndarray
    galactic: np.ndarray
    binned: np.ndarray


def prepare(campaign: config.Campaign) -> Mission:
    """The mission of a campaign's simulation."""
    simulation = campaign.simulation
    scan = simulation.scan
    with warnings.catch_warnings():
        # UTC of a future date lacks the leap seconds to come.
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        start_time = astropy_time.Time(scan.start_time, scale="utc").tdb
    offsets, direction_of = np.unique(
        [detector.offset_deg for detector in simulation.detectors], return_inverse=True
    )
    grid = np.arange(0, scan.duration_days * 86400 + EPHEMERIS_STEP_S, EPHEMERIS_STEP_S)
    return Mission(
        simulation=simulation,
        frame=campaign.maps.frame,
        start_time=start_time,
        strategy=lbs.SpinningScanningStrategy(
            spin_sun_angle_rad=np.deg2rad(scan.spin_sun_angle_deg),
            precession_rate_hz=1 / (scan.precession_period_days * 86400),
            spin_rate_hz=scan.spin_rate_hz,
            start_time=start_time,
        ),
        instrument=lbs.InstrumentInfo(
            spin_boresight_angle_rad=np.deg2rad(scan.spin_boresight_angle_deg)
        ),
        directions=tuple(
            lbs.DetectorInfo(
                name=f"{offset} deg",
                sampling_rate_hz=scan.sampling_rate_hz,
                quat=np.array(lbs.quat_rotation_y(np.deg2rad(offset))),
            )
            for offset in offsets
        ),
        direction_of=direction_of,
        polarization_angles=np.deg2rad([d.polarization_angle_deg for d in simulation.detectors]),
        earth_angles=np.unwrap(lbs.calculate_sun_earth_angles_rad(start_time + _seconds(grid))),
    )


def displaced(mission: Mission, along: np.ndarray, across: np.ndarray) -> Mission:
    """The mission with every detector turned by small angles about the focal plane's axes.

    Parameters
    ----------
    along, across : arrays of shape (n_detectors,), rad: the displacement in the direction
        of the scan (about x) and away from the spin axis (about y)
    """
    directions = []
    for nominal, x, y in zip(mission.direction_of, along, across, strict=True):
        quaternion = np.array(mission.directions[nominal].quat.quats[0])
        for turn in (lbs.quat_rotation_y(y), lbs.quat_rotation_x(x)):
            lbs.quat_left_multiply(quaternion, *turn)
        directions.append(
            dataclasses.replace(mission.directions[nominal], quat=np.array(quaternion))
        )
    return dataclasses.replace(
        mission, directions=tuple(directions), direction_of=np.arange(len(directions))
    )


def point(mission: Mission, chunk: int) -> Pointings:
    """Pointings of a chunk; they depend on the mission and the chunk alone.

    The spacecraft's attitude is computed for the chunk only, at the instants at
    which litebird_sim would compute it for the whole mission, and interpolated
    to the samples by litebird_sim.
    """
    scan, chunk_samples = mission.simulation.scan, mission.simulation.chunk_samples
    first = chunk * chunk_samples
    n_samples = min(chunk_samples, scan.n_samples - first)
    start_s = first / scan.sampling_rate_hz
    observation = lbs.Observation(
        detectors=[dataclasses.asdict(direction) for direction in mission.directions],
        n_samples_global=n_samples,
        start_time_global=mission.start_time + _seconds(start_s),
        sampling_rate_hz=scan.sampling_rate_hz,
        allocate_tod=False,
    )
    attitude = _attitude(mission, start_s, start_s + n_samples / scan.sampling_rate_hz)
    observation.prepare_pointings(mission.instrument, attitude)
    ecliptic, _ = observation.get_pointings("all")
    galactic = frames.from_ecliptic(ecliptic, "galactic")
    frame = mission.frame
    binned = galactic if frame == "galactic" else frames.from_ecliptic(ecliptic, frame)
    return Pointings(observation.start_time, ecliptic, galactic, binned)


def _attitude(mission: Mission, start_s: float, stop_s: float) -> "lbs.RotQuaternion":
    """Rotation from the spin frame to the ecliptic around an interval of the mission.

    The step resolves both the spin and, for fast precession, the curvature
    between two steps (below an arcsecond).
    """
    step = min(2.0, 1 / (30 * mission.simulation.scan.spin_rate_hz))
    first = int(start_s / step)
    times = np.arange(first, int(stop_s / step) + 3) * step
    grid = np.arange(len(mission.earth_angles)) * EPHEMERIS_STEP_S
    quaternions = np.empty((len(times), 4))
    mission.strategy.all_spin_to_ecliptic(
        quaternions, np.interp(times, grid, mission.earth_angles), times
    )
    return lbs.RotQuaternion(quaternions, mission.start_time + _seconds(times[0]), 1 / step)


def _seconds(values) -> "astropy_time.TimeDelta":
    return astropy_time.TimeDelta(values, format="sec", scale="tdb")
