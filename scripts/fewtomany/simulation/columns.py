"""Systematics linear in independent normal numbers: what a unit number does, and the mixing.

The TOD of a detector in chunk c is a_c w(t), where w is the kind's TOD at a unit
amplitude; the amplitudes of a detector are a = σ M z with standard normal z and the
mixing matrix M, the same for every detector:

============  ==========================  =============================================
kind          w(t)                        M
============  ==========================  =============================================
gains         s(t)                        1, or the Cholesky factor of exp(-|i - j| / L)
linear_drift  r(t) s(t), r from 0 to 1    1
              in a calibration period
adc           s(t)²                       a column of ones (drawn once), or 1
============  ==========================  =============================================

s is the signal in K_CMB; σ has the unit of 1/w · K. The maps are linear in z, hence
both engines apply, and the covariance of the maps is known.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fewtomany import seeds
from fewtomany.config import Campaign, Simulation
from fewtomany.late import litebird_sim as lbs
from fewtomany.simulation import GAIN_KEY
from fewtomany.simulation.observation import Observation


@dataclass(frozen=True)
class Linear:
    """A kind that is linear in its numbers.

    Attributes
    ----------
    key : of its random stream; realization k draws n_modes · n_detectors numbers, the
        detector fastest, from ``(*key, k)``
    tod : function of an observation and the data it acts on, (n_detectors, n_samples) in
        K, that gives the TOD of unit amplitudes, of the same shape
    deviation : σ
    mixing : array of shape (n_chunks, n_modes), M; None for a number per chunk
    uniform : numbers between 0 and 1 instead of normal ones (direct engine only)
    """

    key: tuple[str, str]
    tod: Callable[[Observation, np.ndarray], np.ndarray]
    deviation: float
    mixing: np.ndarray | None = None
    uniform: bool = False


def gains(simulation: Simulation) -> Linear:
    """Relative gain error, constant in a chunk: a_c s(t)."""
    length = simulation.gains.correlation_chunks
    return Linear(
        key=GAIN_KEY,
        tod=lambda observation, data: data,
        deviation=simulation.gains.standard_deviation,
        mixing=exponential_root(simulation.n_chunks, length) if length else None,
    )


def linear_drift(simulation: Simulation) -> Linear:
    """Linear gain drift of litebird_sim, one slope per chunk: a_c r(t) s(t)."""
    drift = simulation.linear_drift

    def tod(observation: Observation, data: np.ndarray) -> np.ndarray:
        ramp = unit_ramp(
            data.shape[1], simulation.scan.sampling_rate_hz, drift.calibration_period_s
        )
        return ramp.astype(data.dtype, copy=False) * data

    return Linear(
        key=("linear_drift", "original"),
        tod=tod,
        deviation=drift.standard_deviation,
        uniform=drift.distribution == "uniform",
    )


def adc(simulation: Simulation) -> Linear:
    """Quadratic non-linearity, d + g d²: a_c s(t)², a in 1/K."""
    once = simulation.adc.draw == "once"
    return Linear(
        key=("adc", "original"),
        tod=lambda observation, data: data**2,
        deviation=simulation.adc.standard_deviation_per_k,
        mixing=np.ones((simulation.n_chunks, 1)) if once else None,
    )


def unit_ramp(n_samples: int, sampling_rate_hz: float, period_s: float) -> np.ndarray:
    """litebird_sim's linear gain drift less 1, at unit slope, shape (n_samples,).

    It rises from 0 to 1 over int(rate · period) samples and starts again.
    """
    gain = np.ones(n_samples)
    lbs.apply_gaindrift_for_one_detector(
        gain,
        sampling_rate_hz,
        lbs.GainDriftParams(
            drift_type=lbs.GainDriftType.LINEAR_GAIN,
            sampling_dist=lbs.SamplingDist.UNIFORM,
            sampling_uniform_low=1.0,
            sampling_uniform_high=1.0,
            sigma_drift=1.0,
            calibration_period_sec=period_s,
        ),
        random=np.random.default_rng(0),  # its number lies between 1 and 1
    )
    return gain - 1


def exponential_root(n_chunks: int, length: float) -> np.ndarray:
    """Cholesky factor of the covariance exp(-|i - j| / length), shape (n_chunks, n_chunks).

    Row by row the first-order autoregressive process x_i = ρ x_{i-1} + √(1 - ρ²) z_i.
    """
    rho = np.exp(-1 / length)
    lag = np.subtract.outer(np.arange(n_chunks), np.arange(n_chunks))
    root = np.where(lag >= 0, rho ** np.maximum(lag, 0.0), 0.0)
    root[:, 1:] *= np.sqrt(1 - rho**2)
    return root


def amplitudes(campaign: Campaign, kind: Linear, index: int) -> np.ndarray:
    """Amplitudes a of a realization, shape (n_chunks, n_detectors)."""
    simulation = campaign.simulation
    n_modes = simulation.n_chunks if kind.mixing is None else kind.mixing.shape[1]
    shape = (n_modes, len(simulation.detectors))
    if kind.uniform:
        numbers = seeds.generator(campaign.seed, *kind.key, index).uniform(size=shape)
    else:
        numbers = seeds.standard_normal(
            campaign.seed, kind.key, index, index + 1, np.prod(shape)
        ).reshape(shape)
    mixed = numbers if kind.mixing is None else kind.mixing @ numbers
    return kind.deviation * mixed
