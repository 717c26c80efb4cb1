"""Instrumental noise: every sample has a random number of its own, so there are no columns.

A map of noise is linear in its random numbers, but there are as many as samples: 9·10⁸ for
a year of four detectors at 7 Hz. The response would be that many maps. So the noise is binned
directly, which is exact and takes the memory of one chunk. A group of realizations shares one
pass over the pointings (:mod:`.direct`).
"""

from math import ceil

import numpy as np
from ducc0.misc import OofaNoise

from fewtomany import seeds
from fewtomany.config.campaign import Campaign
from fewtomany.late import litebird_sim as lbs
from fewtomany.simulation.observation import Observation


def white_noise(campaign: Campaign, index: int):
    """White noise of a realization, σ = NET √(sampling rate) per sample, in K.

    A generator per realization and chunk draws the samples of one detector after another.

    Returns
    -------
    function of an observation and its data, (n_detectors, n_samples) in K, that
    gives what is added to them
    """
    simulation = campaign.simulation
    sigma = lbs.noise.rescale_noise(
        simulation.white_noise.net_uk_sqrt_s, simulation.scan.sampling_rate_hz, 1.0
    )

    def add(observation: Observation, data: np.ndarray) -> np.ndarray:
        random = seeds.generator(campaign.seed, "white_noise", "original", index, observation.chunk)
        noise = np.zeros(data.shape)
        lbs.add_white_noise(noise, sigma, random)
        return noise

    return add


def one_over_f(campaign: Campaign, index: int):
    """White and 1/f noise of a realization, one stationary stream per detector.

    The spectral density is σ² ((f² + f_knee²) / (f² + f_min²))^(slope / 2) with σ as for
    white noise, by ducc0's filter, as litebird_sim's ``engine="ducc"``. The filter
    keeps its state from chunk to chunk: the noise is correlated over the whole
    mission in the memory of one chunk. It runs over sampling rate / f_min samples before
    the first one, six of its correlation times, so that it starts stationary.

    Returns
    -------
    function of an observation and its data, (n_detectors, n_samples) in K, that gives what
    is added to them; it must be given all chunks in their order

    Raises
    ------
    ValueError : from that function, if a chunk does not follow the one before
    """
    simulation = campaign.simulation
    noise, rate = simulation.one_over_f, simulation.scan.sampling_rate_hz
    f_min = noise.minimum_frequency_mhz * 1e-3
    streams = []
    for detector in range(len(simulation.detectors)):
        random = seeds.generator(campaign.seed, "one_over_f", "original", index, detector)
        stream = OofaNoise(
            sigmawhite=lbs.noise.rescale_noise(noise.net_uk_sqrt_s, rate, 1.0),
            f_knee=noise.knee_frequency_mhz * 1e-3,
            f_min=f_min,
            f_samp=rate,
            slope=-noise.slope,
        )
        stream.filterGaussian(random.standard_normal(ceil(rate / f_min)))
        streams.append((stream, random))
    following = 0

    def add(observation: Observation, data: np.ndarray) -> np.ndarray:
        nonlocal following
        if observation.chunk != following:
            raise ValueError(f"chunk {observation.chunk} after chunk {following - 1}")
        following += 1
        return np.stack(
            [
                stream.filterGaussian(random.standard_normal(data.shape[1]))
                for stream, random in streams
            ]
        )

    return add
