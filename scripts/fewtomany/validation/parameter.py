"""What a covariance of the systematic is worth where it is used: at the parameter.

The likelihood (``likelihood``) believes C = S + s² M + N, with a model M of the systematic's
covariance, of data with C_true = S + s² M_true + N; its parameters are r and the amplitude A of
the reionization bump. Their estimator is one step of maximum likelihood from
the fiducial point,

    θ̂ - θ = F⁻¹ q,   q_a = ½ (xᵀ E_a x - Tr E_a C),   E_a = C⁻¹ P_a C⁻¹,   F_ab = ½ Tr E_a P_b,

with P_a = ∂S/∂θ_a. All that is asked of it is exact, without a random number: it claims
the errors √(F⁻¹)_aa; its bias is F⁻¹ ½ Tr E_a (C_true - C); its covariance is F⁻¹ V F⁻¹ with
V_ab = ½ Tr E_a C_true E_b C_true. As P_a = Y diag(t_a) Yᵀ with harmonics Y of k columns,
every trace is a sum over k × k matrices; the cost is a Cholesky factor of C and about 4 n² k
operations: 9 core-seconds and 1.8 GB at nside 16 and lmax 32 (n = 6144, k = 2170).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from fewtomany.config.campaign import Dataset
from fewtomany.validation import cmb, effective, likelihood
from fewtomany.validation.compare.equivalent import Curve
from fewtomany.validation.entries import Range, entry, plain
from fewtomany.validation.likelihood import (
    AnyCovariance,
    Likelihood,
    LowRank,
    Matrix,
    quadratic,
    restricted,
    solve,
)

LARGE_SCALES = 10
"""Largest ℓ of the comparison of powers and of the effective number: the reionization bump."""

IGNORED, TRUTH = "ignored", "truth"
"""Models that every comparison holds: none of the systematic, and all of it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judgement:
    """What the estimator of (r, A) claims and does.

    Attributes
    ----------
    claimed : array of shape (2, 2), covariance that the model claims, F⁻¹
    actual : array of shape (2, 2), covariance under the truth
    bias : array of shape (2,)
    """

    claimed: np.ndarray
    actual: np.ndarray
    bias: np.ndarray

    def numbers(self) -> dict[str, dict[str, float]]:
        """By parameter: claimed error, scatter, bias, claimed / scatter and bias / scatter."""
        claimed, scatter = (np.sqrt(np.diagonal(c)) for c in (self.claimed, self.actual))
        rows = zip(cmb.PARAMETERS, claimed, scatter, self.bias, strict=True)
        return {
            name: {
                "claimed": float(error),
                "scatter": float(true),
                "bias": float(bias),
                "claimed_over_scatter": float(error / true),
                "bias_over_scatter": float(bias / true),
            }
            for name, error, true, bias in rows
        }


def judge(
    setting: Likelihood,
    model: Matrix,
    truth: Matrix,
    scale: float = 1.0,
    known: np.ndarray | None = None,
) -> Judgement:
    """What a model of the systematic does to the parameters.

    Parameters
    ----------
    model, truth : M and M_true, ``likelihood.restricted``, (n, n) or LowRank, K²
    scale : s
    known : S + N, ``setting.known()``, where it is at hand

    Raises
    ------
    UserError : where C is not positive definite
    """
    solved = solve(setting, model, scale, known)
    own = setting.harmonics.T @ solved
    claimed = np.linalg.inv(quadratic(setting, own))
    if model is truth:
        return Judgement(claimed, claimed, np.zeros(len(claimed)))
    missing = scale**2 * (solved.T @ _difference_times(truth, model, solved))
    bias = claimed @ (0.5 * setting.templates @ np.diagonal(missing))
    actual = claimed @ quadratic(setting, own + missing) @ claimed
    return Judgement(claimed, actual, bias)


def _difference_times(truth: Matrix, model: Matrix, other: np.ndarray) -> np.ndarray:
    if isinstance(truth, np.ndarray) and isinstance(model, np.ndarray):
        return (truth - model) @ other
    return truth @ other - model @ other


def held_out_shifts(
    setting: Likelihood, model: Matrix, maps: np.ndarray, scale: float = 1.0
) -> np.ndarray:
    """Shift of (r, A) by each map of the systematic that the model was not made from.

    It is the mean over CMB and noise, exact. The mean over maps estimates the model's bias
    without a truth, and their standard error is its error.

    Parameters
    ----------
    model : M, ``likelihood.restricted``, (n, n) or LowRank, K²
    maps : array of shape (n_maps, n), ``likelihood.data``, zero mean over realizations, K

    Returns
    -------
    array of shape (n_maps, 2)
    """
    solved = solve(setting, model, scale, None)
    claimed = np.linalg.inv(quadratic(setting, setting.harmonics.T @ solved))
    expected = np.sum(solved * (model @ solved), axis=0)
    power = scale**2 * ((maps @ solved) ** 2 - expected)
    return 0.5 * power @ setting.templates.T @ claimed


def power_ratio(setting: Likelihood, truth: Matrix, field: str = "B") -> float:
    """Power of the systematic over that of CMB and noise, ℓ ≤ 10 of one field.

    The mean power of the band is Tr(P C) / Tr(P P) with P = Y Yᵀ of its harmonics.
    """
    used = (setting.ell <= LARGE_SCALES) & (setting.field == "EB".index(field))
    sky = setting.harmonics[:, used]
    gram = sky.T @ sky
    other = np.sum(gram**2 * setting.power(setting.r)[used]) + setting.noise * np.trace(gram)
    return float(np.sum(sky * (truth @ sky)) / other)


@dataclass(frozen=True)
class LargeScales:
    """The harmonics of E and B with ℓ ≤ 10, where the worth of a model is counted.

    Attributes
    ----------
    basis : array of shape (n, d), orthonormal combinations that the observed pixels hold
    true, known : arrays of shape (d, d), s² M_true and S + N in them, K²
    curve : divergence of N true simulations there
    """

    basis: np.ndarray
    true: np.ndarray
    known: np.ndarray
    curve: Curve

    def worth(self, model: Matrix, scale: float) -> float:
        """Number of true simulations with which C would be as far from C_true."""
        total = self.known + scale**2 * _within(self.basis, model)
        value = effective.divergence(total, self.known + self.true)
        return effective.number_of_divergence(value, self.curve)


def large_scales(
    setting: Likelihood, truth: Matrix, scale: float = 1.0, seed: int = 0
) -> LargeScales:
    """What :class:`LargeScales` holds; ``seed`` is that of the curve's simulations."""
    sky = setting.harmonics[:, setting.ell <= LARGE_SCALES]
    basis = scipy.linalg.orth(sky, rcond=likelihood.INDEPENDENT)
    sky = basis.T @ setting.harmonics
    known = (sky * setting.power(setting.r)) @ sky.T + setting.noise * np.eye(len(sky))
    true = scale**2 * _within(basis, truth)
    return LargeScales(basis, true, known, effective.divergence_curve(true, known, seed))


def _within(basis: np.ndarray, matrix: Matrix) -> np.ndarray:
    found = basis.T @ (matrix @ basis)
    return (found + found.T) / 2


def compare(
    setting: Likelihood,
    models: Mapping[str, AnyCovariance],
    truth: AnyCovariance,
    scales: Sequence[float] = (1.0,),
    seed: int = 0,
) -> dict:
    """Judge models of the systematic at several amplitudes of it.

    Parameters
    ----------
    models : by name; one is in memory at a time where functions give them
    scales : amplitudes s of the systematic in the data, and in the likelihood
    seed : of the simulations that effective numbers are counted in; all else is exact

    Returns
    -------
    plain numbers: the setting; "scales" and "power_ratio" (of B, ℓ ≤ 10, :func:`power_ratio`);
    "models": by name, with "ignored" first and "truth" last, "effective_number" and, for "r"
    and "A", the lists of ``Judgement.numbers``, an entry per scale; an effective number of None
    is more than 16,000 per large-scale harmonic
    """
    true = restricted(setting, truth)
    n = len(setting.harmonics)
    none = LowRank(np.zeros((n, 0)), np.zeros(n))
    known = setting.known()
    spaces = [large_scales(setting, true, scale, seed) for scale in scales]
    results = {}
    for name, model in {IGNORED: lambda: none, **models, TRUTH: lambda: true}.items():
        own = none if name == IGNORED else true if name == TRUTH else restricted(setting, model)
        log.info("parameters with %s", name)
        found = [judge(setting, own, true, scale, known).numbers() for scale in scales]
        results[name] = {
            parameter: {key: [row[parameter][key] for row in found] for key in found[0][parameter]}
            for parameter in cmb.PARAMETERS
        }
        results[name]["effective_number"] = [
            space.worth(own, scale) for space, scale in zip(spaces, scales, strict=True)
        ]
    ratio = power_ratio(setting, true)
    return plain(
        {
            "nside": setting.nside,
            "lmax": setting.lmax,
            "large_scales": setting.large_scales,
            "n_values": n,
            "fiducial": {"r": setting.r, "A": 1.0, "tau": cmb.TAU},
            "noise_uk_arcmin": setting.noise_uk_arcmin,
            "scales": list(scales),
            "power_ratio": [scale**2 * ratio for scale in scales],
            "models": results,
        }
    )


TITLES = {
    "claimed_over_scatter": "claimed error of {} over its true scatter",
    "bias_over_scatter": "bias of {} over its true scatter",
}


def entries(
    dataset: Dataset,
    compared: Mapping,
    model: str,
    *,
    tolerance: float | None = None,
    label: str = "",
    **sample: int,
) -> list[dict]:
    """Metrics of a model at the first scale of a comparison.

    Parameters
    ----------
    dataset : whose covariance, or of whose making, the model is
    compared : what :func:`compare` returns
    model : its name there
    tolerance : how far claimed over true may be from 1; shown only without it
    label : ends the metric's name, for baselines
    sample : sample sizes behind it
    """
    allowed = None
    if tolerance is not None:
        source = f"the error that a parameter claims within {tolerance:.0%} of its true scatter"
        allowed = Range(1 - tolerance, 1 + tolerance, source)
    ends = (f":{label}", f": {label}") if label else ("", "")
    return [
        entry(
            f"parameter:{key}:{parameter}{ends[0]}",
            dataset,
            compared["models"][model][parameter][key][0],
            text=TITLES[key].format(parameter) + ends[1],
            allowed=allowed if key == "claimed_over_scatter" else None,
            sample=sample,
        )
        for parameter in cmb.PARAMETERS
        for key in TITLES
    ]
