"""What the detectors see: the CMB dipole and, optionally, a sky."""

from dataclasses import dataclass

import numpy as np

from fewtomany.errors import UserError
from fewtomany.late import healpy
from fewtomany.late import litebird_sim as lbs
from fewtomany.maps.ingest import look
from fewtomany.maps.ingest.decide import decide
from fewtomany.maps.ingest.files import Source
from fewtomany.maps.ingest.reader import header_of, read_range
from fewtomany.simulation.binning import pixels_of
from fewtomany.simulation.scan import Mission, Pointings
from fewtomany.simulation.sky import synthetic

_IN_THE_FILE = {
    "unit": "it in the file's header",
    "ordering": "it in the file's header",
    "convention": "it in the file's header",
    "frame": "it in the file's header",
}
"""Where the user says what a sky is."""


@dataclass(frozen=True)
class Signal:
    """What does not change from chunk to chunk.

    Attributes
    ----------
    velocity : of the spacecraft in the CMB's frame (dipole "solar_and_orbital")
        or in the solar system's ("orbital"); None without a dipole
    sky : array of shape (3, n_pix), T, Q, U in K_CMB, RING, Galactic, COSMO; None
        without a sky
    """

    velocity: "lbs.SpacecraftPositionAndVelocity | None"
    sky: np.ndarray | None


def prepare(mission: Mission) -> Signal:
    """The signal of a mission's configuration."""
    signal, scan = mission.simulation.signal, mission.simulation.scan
    velocity = None
    if signal.dipole != "none":
        solar = {} if signal.dipole == "solar_and_orbital" else {"solar_velocity_km_s": 0.0}
        velocity = lbs.spacecraft_pos_and_vel(
            lbs.SpacecraftOrbit(mission.start_time, **solar),
            start_time=mission.start_time,
            time_span_s=scan.duration_days * 86400,
        )
    sky = None
    if signal.sky_map is not None:
        sky = read_sky(signal.sky_map)
    elif signal.synthetic_sky_k > 0:
        sky = synthetic(max(2 * mission.simulation.nside, 64), signal.synthetic_sky_k)
    return Signal(velocity, sky)


def tod(signal: Signal, mission: Mission, pointings: Pointings) -> np.ndarray:
    """Signal TOD of one chunk.

    The dipole is litebird_sim's, relativistic and in thermodynamic temperature,
    T₀ / (γ (1 - β·n)) - T₀; the sky is read at the nearest pixel, or between the four
    nearest (``signal.interpolation``), T + Q cos 2ψ + U sin 2ψ. Here ψ adds the
    detector's own angle to the orientation of the focal plane, so that a detector at
    angle 0 is sensitive along the scan.

    Returns
    -------
    array of shape (n_detectors, n_samples), K_CMB, type ``simulation.tod_dtype``
    """
    n_directions, n_samples, _ = pointings.ecliptic.shape
    by_direction = np.zeros((n_directions, n_samples), mission.simulation.tod_dtype)
    if signal.velocity is not None:
        lbs.add_dipole(
            by_direction,
            pointings.ecliptic,
            signal.velocity.compute_velocities(
                pointings.start_time, 1 / mission.simulation.scan.sampling_rate_hz, n_samples
            ),
            lbs.constants.T_CMB_K,
            frequency_ghz=np.ones(n_directions),  # TOTAL_EXACT does not depend on it
            dipole_type=lbs.DipoleType.TOTAL_EXACT,
        )
    result = by_direction[mission.direction_of]
    if signal.sky is not None:
        from litebird_sim.scan_map import scan_map_for_one_detector  # no name of litebird_sim's own

        interpolation = mission.simulation.signal.interpolation
        seen = [_look_up(signal.sky, angles, interpolation) for angles in pointings.galactic]
        for row, direction, angle in zip(
            result, mission.direction_of, mission.polarization_angles, strict=True
        ):
            psi = pointings.galactic[direction, :, 2] + angle
            scan_map_for_one_detector(row, *seen[direction], pol_angle_det=psi, pol_eff_det=1.0)
    return result


def _look_up(sky: np.ndarray, angles: np.ndarray, interpolation: str) -> np.ndarray:
    """Values of a sky in directions (n_samples, 3), shape (3, n_samples)."""
    nside = healpy.npix2nside(sky.shape[1])
    if interpolation == "nearest":
        return sky[:, pixels_of(angles, nside)]
    pixels, weights = healpy.get_interp_weights(nside, angles[:, 0], angles[:, 1])
    return np.einsum("skn,kn->sn", sky[:, pixels], weights)


def read_sky(path: str) -> np.ndarray:
    """Read a T or TQU map of the full sky, as maps of the user are read.

    Unit, ordering, frame and, of TQU, polarization convention are those that the file says.

    Returns
    -------
    array of shape (3, n_pix), K_CMB, RING, COSMO; Q = U = 0 for a T map

    Raises
    ------
    UserError : the file is missing, no HEALPix map, does not say what it is, is not Galactic, holds
        Q and U alone or several maps, or has unseen pixels
    """
    source = Source((path,))
    reading = decide(look.look(path))
    if reading.n_maps > 1 or "T" not in reading.stokes:
        raise UserError(
            f"{path}: holds {reading.n_maps} maps of {reading.stokes}; expected one of T or TQU"
        )
    header, _ = header_of(reading.series[0], source, _IN_THE_FILE)
    if header.frame != "galactic":
        raise UserError(f"{path}: frame is {header.frame}, expected galactic")
    (raw,) = read_range(reading, source, 0, 1)
    if not raw.seen.all() or raw.missing.any():
        raise UserError(f"{path}: has pixels without a value; the full sky is needed")
    sky = np.zeros((3, raw.values.shape[1]))
    sky[: len(raw.values)] = raw.values
    return sky
