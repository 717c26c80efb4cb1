"""The simulation: a scan, detectors, what they see, and what is wrong with them."""

from typing import Annotated, Literal

from pydantic import Field

from fewtomany.config.sections.base import (
    ABSENT,
    AS_WRITTEN,
    UNIQUE,
    NotNegative,
    Number,
    Positive,
    Section,
    Several,
)
from fewtomany.config.sections.systematics import KINDS, Systematics

Angle = Annotated[float, Field(ge=0, le=180), AS_WRITTEN]


class Scan(Section):
    """The spinning spacecraft's scan."""

    start_time: str = "2032-04-01T00:00:00"
    """Start of the mission, ISO 8601, UTC."""
    duration_days: Positive = 365.25
    """Length of the mission (days)."""
    sampling_rate_hz: Positive = 7.0
    """Samples per second and detector (Hz)."""
    spin_sun_angle_deg: Angle = 7.5
    """Angle between spin axis and anti-solar direction (degrees)."""
    spin_boresight_angle_deg: Angle = 85.0
    """Angle between spin axis and boresight (degrees)."""
    spin_rate_hz: Positive = 0.016666666666666666
    """Rotations per second about the spin axis (Hz)."""
    precession_period_days: Positive = 182.6
    """Period of the spin axis about the anti-solar direction (days)."""

    @property
    def n_samples(self) -> int:
        """Samples of one detector in the whole mission."""
        return int(self.duration_days * 86400 * self.sampling_rate_hz)


class Detector(Section):
    """A polarimeter in the focal plane."""

    name: str
    """Name, unique."""
    polarization_angle_deg: Number
    """Angle of the polarimeter in the focal plane, from the direction of the scan (degrees)."""
    offset_deg: Number = 0.0
    """Angle of the detector from the boresight, away from the spin axis (degrees)."""


class SignalSettings(Section):
    """What the detectors see."""

    dipole: Literal["solar_and_orbital", "orbital", "none"] = "solar_and_orbital"
    """The dipole of litebird_sim; solar_and_orbital is the total kinematic one."""
    sky_map: str | None = None
    """FITS file of a T or TQU sky in Galactic coordinates, added to the dipole; its header says
    unit, ordering, frame and convention. null for none."""
    synthetic_sky_k: NotNegative = 0
    """Brightness (K_CMB) of the center of an invented Galactic plane with bright compact sources,
    the same in every campaign; 0 for none. Instead of sky_map."""
    interpolation: Literal["nearest", "linear"] = "nearest"
    """The sky between the centers of its pixels. nearest, constant; linear, of four pixels."""


Kind = Literal[tuple(KINDS)]
"""Kinds of systematics, by the names of their sections."""


class MissionSettings(Section):
    """What is simulated, by what, and how maps are made of it."""

    engine: Literal["auto", "response", "direct"] = "auto"
    """response: one pass over the TOD gives the map of a unit number in every chunk, and every
    realization follows by linearity; direct: the TOD of every realization. Both give the same maps
    where both are possible; auto: response where the systematics are linear, else direct."""
    n_maps: Several
    """Realizations of the original dataset."""
    nside: int = 128
    """HEALPix resolution of map-making, a power of 2."""
    downgrade: Literal["mean", "harmonic"] = "mean"
    """How maps go from simulation.nside to maps.nside. mean: average of the pixels inside each
    larger one, as in the paper; harmonic: band-limited, in spherical harmonics, with the pixel
    windows' ratio."""
    tod_dtype: Literal["float32", "float64"] = "float32"
    """Floating-point type of the TOD and of the original dataset's files."""
    scan: Scan = Field(default_factory=Scan)
    detectors: Annotated[tuple[Detector, ...], Field(strict=False, min_length=1)] = (
        Detector(name="pair1a", polarization_angle_deg=0.0),
        Detector(name="pair1b", polarization_angle_deg=90.0),
        Detector(name="pair2a", polarization_angle_deg=45.0),
        Detector(name="pair2b", polarization_angle_deg=135.0),
    )
    """The detectors, on the boresight unless offset."""
    systematics: Annotated[tuple[Kind, ...], Field(strict=False, min_length=1), *UNIQUE] = (
        "gains",
    )
    """What is simulated; several are applied together, each with the parameters of its section. The
    maps hold what they add to the map of the ideal signal."""


class Simulation(Systematics, MissionSettings):
    """Time-ordered data (TOD) of the systematic, and the original dataset of maps made from it;
    absent where the inputs are maps of the user."""

    signal: SignalSettings = Field(default_factory=SignalSettings)

    @property
    def chunk_samples(self) -> int:
        """Samples of a chunk: one observation of litebird_sim, the unit of every draw."""
        return self.gains.chunk_samples

    @property
    def n_chunks(self) -> int:
        """Chunks of the mission; the last one may be shorter."""
        return -(-self.scan.n_samples // self.chunk_samples)


class Simplified(Simulation):
    """The simulation of a surrogate; its covariance is exact, whatever the number of maps."""

    n_maps: Several = ABSENT
