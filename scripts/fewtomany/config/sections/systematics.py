"""What may be simulated: a section for every kind of systematic, named in :class:`Systematics`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewtomany.config.sections.base import AS_WRITTEN, Count, NotNegative, Number, Positive, Section


class Systematic(Section):
    """A kind of systematic: what its numbers follow from.

    ``nonlinear`` says of a kind that is not linear in independent normal numbers why it is not: it
    has no columns.
    """

    nonlinear: ClassVar[str] = ""

    @property
    def of_detectors(self) -> bool:
        """Whether a map is one of each detector's times one random number."""
        return False


class Gains(Systematic):
    """Gaussian gain changes, one number per detector and chunk."""

    chunk_samples: Count = 100000
    """Length of a chunk of constant gain (samples); also the observation for which the other
    systematics draw anew."""
    standard_deviation: Positive = 0.0001
    """Standard deviation of the relative gain change (dimensionless)."""
    correlation_chunks: NotNegative = 0
    """Correlation length L of a detector's gains (chunks), exp(-|i - j| / L) between chunks i and
    j; 0 for independent ones."""


class LinearDrift(Systematic):
    """Gain that drifts linearly and is calibrated periodically (litebird_sim), one slope per
    detector and chunk."""

    standard_deviation: Positive = 0.0001
    """Relative gain change over a calibration period, at a unit number (dimensionless)."""
    calibration_period_s: Positive = 86400
    """Time until the gain returns to 1 (s); it does so also where a chunk begins."""
    distribution: Literal["gaussian", "uniform"] = "gaussian"
    """Numbers of the slopes. gaussian, standard normal; uniform, between 0 and 1."""


class ThermalDrift(Systematic):
    """Gain that follows a 1/f temperature of the focal plane (litebird_sim), with zero mean in
    every chunk."""

    nonlinear: ClassVar[str] = (
        "its random numbers are as many as the samples, and the detectors' "
        "own factors multiply the common drift"
    )

    amplitude: Positive = 0.001
    """Square root of the two-sided spectral density of the relative gain at the knee
    (1/sqrt(Hz))."""
    knee_frequency_mhz: Positive = 20.0
    """Frequency at which the amplitude is given (mHz)."""
    slope: NotNegative = 1.0
    """Exponent of the spectral density, (knee / f)^slope."""
    detector_mismatch: NotNegative = 1.0
    """Standard deviation of the detectors' own factors about the common drift, drawn in every
    chunk; 0, all detectors alike."""


class WhiteNoise(Systematic):
    """White noise, independent from sample to sample."""

    nonlinear: ClassVar[str] = "its random numbers are as many as the samples"

    net_uk_sqrt_s: Positive = 50.0
    """Noise-equivalent temperature of a detector (µK_CMB sqrt(s))."""


class OneOverF(Systematic):
    """White and 1/f noise of every detector in one stream over the whole mission, spectral density
    NET^2 ((f^2 + knee^2) / (f^2 + minimum^2))^(slope / 2)."""

    nonlinear: ClassVar[str] = "its random numbers are as many as the samples"

    net_uk_sqrt_s: Positive = 50.0
    """Noise-equivalent temperature at high frequency (µK_CMB sqrt(s))."""
    knee_frequency_mhz: Positive = 20.0
    """Knee frequency (mHz)."""
    minimum_frequency_mhz: Positive = 0.01
    """Frequency below which the spectrum is flat (mHz)."""
    slope: Annotated[float, Field(gt=0, le=2), AS_WRITTEN] = 1.0
    """Exponent of the spectral density."""


class Adc(Systematic):
    """Quadratic non-linearity of the readout, d + g d^2 of the signal d (litebird_sim)."""

    standard_deviation_per_k: Positive = 0.1
    """Standard deviation of g (1/K_CMB)."""
    draw: Literal["once", "chunk"] = "once"
    """g of a detector is drawn once for the mission, or in every chunk."""

    @property
    def of_detectors(self) -> bool:
        return self.draw == "once"


class Pointing(Systematic):
    """Offset of the true from the assumed direction of every detector."""

    nonlinear: ClassVar[str] = "the signal is not linear in the direction"

    standard_deviation_arcmin: NotNegative = 1.0
    """Standard deviation of the offset along and across the scan (arcmin)."""
    draw: Literal["once", "chunk"] = "once"
    """The offset of a detector is drawn once for the mission, or in every chunk."""


class Bandpass(Systematic):
    """Bands of the detectors shifted against the nominal one; the dipole calibrates them, so that
    the sky's other spectrum remains."""

    nonlinear: ClassVar[str] = "the color of the sky is not linear in the band"

    center_ghz: Positive = 140.0
    """Center of the nominal top-hat band (GHz)."""
    width_ghz: Positive = 40.0
    """Width of the band (GHz)."""
    standard_deviation_ghz: NotNegative = 0.5
    """Standard deviation of the center's shift, one per detector (GHz)."""
    spectrum: Literal["dust", "synchrotron"] = "dust"
    """Spectrum of the sky map. dust: modified black body; synchrotron: power law in brightness
    temperature."""
    spectral_index: Number = 1.54
    """Exponent of the frequency (dust, above the black body; synchrotron, as -3)."""
    temperature_k: Positive = 20.0
    """Temperature of the dust (K); not used for synchrotron."""

    @property
    def of_detectors(self) -> bool:
        return True


class Systematics(Section):
    """The kinds that there are, by their names in ``simulation.systematics``."""

    gains: Gains = Field(default_factory=Gains)
    linear_drift: LinearDrift = Field(default_factory=LinearDrift)
    thermal_drift: ThermalDrift = Field(default_factory=ThermalDrift)
    white_noise: WhiteNoise = Field(default_factory=WhiteNoise)
    one_over_f: OneOverF = Field(default_factory=OneOverF)
    adc: Adc = Field(default_factory=Adc)
    pointing: Pointing = Field(default_factory=Pointing)
    bandpass: Bandpass = Field(default_factory=Bandpass)


KINDS: dict[str, type[Systematic]] = {
    name: field.annotation for name, field in Systematics.model_fields.items()
}
"""The section of every kind, by its name."""
