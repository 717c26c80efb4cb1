"""What the detectors really see: other directions, and another band."""

import numpy as np

from fewtomany import seeds
from fewtomany.config.campaign import Campaign
from fewtomany.config.sections.systematics import Bandpass
from fewtomany.late import litebird_sim as lbs
from fewtomany.simulation import scan, signal
from fewtomany.simulation.observation import Observation

H_OVER_K = 0.04799243073366221
"""Planck's over Boltzmann's constant, K / GHz."""


def pointing(campaign: Campaign, index: int):
    """Pointing offsets of a realization: s(n + δ) - s(n), binned at the assumed n.

    The two components of δ, along and across the scan, are normal; they belong to a
    detector for the mission or for a chunk (``pointing.draw``).

    Returns
    -------
    function of an observation and its data, (n_detectors, n_samples) in K, that
    gives what is added to them
    """
    settings = campaign.simulation.pointing
    sigma = np.deg2rad(settings.standard_deviation_arcmin / 60)
    shape = (2, len(campaign.simulation.detectors))

    def add(observation: Observation, data: np.ndarray) -> np.ndarray:
        key = (observation.chunk,) if settings.draw == "chunk" else ()
        random = seeds.generator(campaign.seed, "pointing", "original", index, *key)
        mission = scan.displaced(observation.mission, *(sigma * random.standard_normal(shape)))
        pointings = scan.point(mission, observation.chunk)
        return signal.tod(observation.source, mission, pointings) - observation.tod

    return add


def bandpass(campaign: Campaign, index: int):
    """Bandpass mismatch of a realization: (color_d / color - 1) times the sky's TOD.

    The band of detector d is the nominal one shifted by a normal number of GHz. The
    detectors are calibrated on the dipole, so that the sky of another spectrum has another
    amplitude in each of them (:func:`color`).

    Returns
    -------
    function of an observation and its data, (n_detectors, n_samples) in K, that
    gives what is added to them
    """
    settings = campaign.simulation.bandpass
    random = seeds.generator(campaign.seed, "bandpass", "original", index)
    shifts = settings.standard_deviation_ghz * random.standard_normal(
        len(campaign.simulation.detectors)
    )
    nominal = color(settings, 0.0)
    errors = np.array([color(settings, shift) for shift in shifts]) / nominal - 1

    def add(observation: Observation, data: np.ndarray) -> np.ndarray:
        return errors[:, None] * observation.sky

    return add


def color(settings: Bandpass, shift_ghz: float) -> float:
    """Response to the sky's spectrum over that to the CMB's: ∫ τ I dν / ∫ τ dB/dT dν.

    I is ν^β B_ν(T) for dust and ν^(2 + β) for synchrotron; τ is litebird_sim's top-hat
    band. In arbitrary units: only ratios have a meaning.
    """
    band = lbs.BandPassInfo(
        bandcenter_ghz=settings.center_ghz + shift_ghz, bandwidth_ghz=settings.width_ghz
    )
    frequency = band.freqs_ghz
    x = H_OVER_K * frequency / lbs.constants.T_CMB_K
    cmb = frequency**4 * np.exp(x) / np.expm1(x) ** 2
    relative = frequency / settings.center_ghz
    if settings.spectrum == "dust":
        black_body = relative**3 / np.expm1(H_OVER_K * frequency / settings.temperature_k)
        sky = relative**settings.spectral_index * black_body
    else:
        sky = relative ** (2 + settings.spectral_index)
    return np.trapezoid(band.weights * sky, frequency) / np.trapezoid(band.weights * cmb, frequency)
