"""The systematics of a configuration, applied together in the order of the instrument.

The ideal signal is s. In turn, optics change what is seen, gains multiply it, noise is
added and the readout distorts the sum; kinds of one stage add up. What the maps hold is
the excess d - s, accumulated as such and never as a difference of large numbers.
"""

from collections.abc import Callable

import numpy as np

from fewtomany.config import Campaign, Simulation
from fewtomany.config.settings import NONLINEAR
from fewtomany.simulation import columns, drifts, noise, optics
from fewtomany.simulation.observation import Observation

STAGES = (
    {"pointing": optics.pointing, "bandpass": optics.bandpass},
    {
        "gains": columns.gains,
        "linear_drift": columns.linear_drift,
        "thermal_drift": drifts.thermal_drift,
    },
    {"white_noise": noise.white_noise, "one_over_f": noise.one_over_f},
    {"adc": columns.adc},
)
"""All kinds, in the order in which they act.

A kind that is linear is a function of a simulation that gives its columns. Another one, of
``settings.NONLINEAR``, is a function of a campaign and the index of a realization; it gives a
function of an observation and its data, (n_detectors, n_samples) in K, to what is added to them.
"""


def linear(simulation: Simulation) -> list[columns.Linear]:
    """The linear kinds of a simulation, in the order of the stages."""
    return [
        make(simulation)
        for stage in STAGES
        for kind, make in stage.items()
        if kind in simulation.systematics and kind not in NONLINEAR
    ]


def realization(campaign: Campaign, index: int) -> Callable[[Observation], np.ndarray]:
    """The TOD of a realization: a function of the observations, in their order.

    It gives d - s of an observation, shape (n_detectors, n_samples), K_CMB.
    """
    chosen = campaign.simulation.systematics
    stages = [
        [_additions(campaign, kind, stage[kind], index) for kind in stage if kind in chosen]
        for stage in STAGES
    ]

    def excess(observation: Observation) -> np.ndarray:
        total = None
        for stage in stages:
            data = observation.tod if total is None else observation.tod + total
            for add in stage:
                part = add(observation, data)
                total = part if total is None else total + part
        return total

    return excess


def _additions(campaign: Campaign, kind: str, make: Callable, index: int):
    if kind in NONLINEAR:
        return make(campaign, index)
    found = make(campaign.simulation)
    return scaled(found, columns.amplitudes(campaign, found, index))


def scaled(kind: columns.Linear, amplitudes: np.ndarray):
    """What a linear kind adds at given amplitudes, shape (n_chunks, n_detectors)."""

    def add(observation: Observation, data: np.ndarray) -> np.ndarray:
        amplitude = amplitudes[observation.chunk].astype(data.dtype)
        return amplitude[:, None] * kind.tod(observation, data)

    return add
