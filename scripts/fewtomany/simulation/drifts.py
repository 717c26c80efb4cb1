"""Thermal gain drift: the focal plane's temperature moves every gain (litebird_sim)."""

import numpy as np

from fewtomany import seeds
from fewtomany.config.campaign import Campaign
from fewtomany.late import litebird_sim as lbs
from fewtomany.simulation.observation import Observation


def thermal_drift(campaign: Campaign, index: int):
    """Thermal drift of a realization.

    In every chunk all detectors share one 1/f stream n(t) of zero mean and the two-sided
    spectral density A² (f_knee / f)^slope per Hz; detector d's gain error is
    (1 + m z_d) n(t) with standard normal z_d and the mismatch m. One generator
    per realization and chunk serves all detectors of the chunk, in their order.

    Returns
    -------
    function of an observation and its data, (n_detectors, n_samples) in K, that
    gives what is added to them
    """
    simulation = campaign.simulation
    drift = simulation.thermal_drift
    parameters = lbs.GainDriftParams(
        drift_type=lbs.GainDriftType.THERMAL_GAIN,
        sampling_dist=lbs.SamplingDist.GAUSSIAN,
        sampling_gaussian_loc=0.0,
        sampling_gaussian_scale=1.0,
        sigma_drift=drift.amplitude,
        fknee_drift_mHz=drift.knee_frequency_mhz,
        alpha_drift=drift.slope,
        detector_mismatch=drift.detector_mismatch,
        thermal_fluctuation_amplitude_K=1.0,
        focalplane_Tbath_K=1.0,
    )
    n_detectors = len(simulation.detectors)

    def add(observation: Observation, data: np.ndarray) -> np.ndarray:
        random = seeds.generator(
            campaign.seed, "thermal_drift", "original", index, observation.chunk
        )
        gain = np.ones(data.shape)
        lbs.apply_gaindrift_to_tod(
            gain,
            simulation.scan.sampling_rate_hz,
            parameters,
            focalplane_attr=np.zeros(n_detectors, int),
            dets_random=[random] * n_detectors,
        )
        return (gain - 1) * data

    return add
