"""What follows from the ``simulation`` section: the engine, and what the schema cannot express.

``simulation.systematics`` names what is simulated; every kind has a section of its
own, which is read where the kind is named.
"""

from collections.abc import Iterator
from typing import Any

from fewtomany.config.sections.systematics import KINDS

NONLINEAR = {name: kind.nonlinear for name, kind in KINDS.items() if kind.nonlinear}
"""Kinds that have no columns, and why."""


def nonlinear(section: dict[str, Any]) -> str:
    """Why the maps are not linear in independent normal numbers; empty where they are."""
    kinds = section["systematics"]
    for kind in kinds:
        if kind in NONLINEAR:
            return f"{kind}: {NONLINEAR[kind]}"
    if "linear_drift" in kinds and section["linear_drift"]["distribution"] != "gaussian":
        return "linear_drift: its numbers are uniform, not normal"
    if "adc" in kinds and len(kinds) > 1:
        return "adc: it distorts what the other systematics add to the signal"
    return ""


def rank(section: dict[str, Any]) -> int | None:
    """Most modes that the covariance of the maps can have, where few random numbers bound it.

    Maps of a detector's readout or band, drawn once, are the same map of that detector times a
    number. None where the numbers are as many as chunks or samples, or not linear in the maps.
    """
    kinds = section["systematics"]
    if len(kinds) > 1 or not KINDS[kinds[0]](**section[kinds[0]]).of_detectors:
        return None
    return len(section["detectors"])


def engine(section: dict[str, Any]) -> str:
    """The engine of a simulation: "response" wherever the maps are linear, unless chosen."""
    if section["engine"] != "auto":
        return section["engine"]
    return "direct" if nonlinear(section) else "response"


def faults(section: dict[str, Any]) -> Iterator[str]:
    """Yield what the schema cannot express of a ``simulation`` section."""
    reason = nonlinear(section)
    if section["engine"] == "response" and reason:
        yield f"simulation.engine: response is not allowed with {reason}; expected direct"
    scan, drift = section["scan"], section["linear_drift"]
    if "linear_drift" in section["systematics"]:
        period = drift["calibration_period_s"] * scan["sampling_rate_hz"]
        if period < 2:
            yield (
                f"simulation.linear_drift.calibration_period_s: {drift['calibration_period_s']} "
                f"is not allowed; expected 2 samples or more, {2 / scan['sampling_rate_hz']:g} s"
            )
    noise = section["one_over_f"]
    if noise["minimum_frequency_mhz"] > noise["knee_frequency_mhz"]:
        yield (
            f"simulation.one_over_f.minimum_frequency_mhz: {noise['minimum_frequency_mhz']} is "
            f"not allowed; expected at most knee_frequency_mhz = {noise['knee_frequency_mhz']}"
        )
    signal, band = section["signal"], section["bandpass"]
    has_sky = signal["sky_map"] is not None or signal["synthetic_sky_k"] > 0
    if band["width_ghz"] / 2 + 5 * band["standard_deviation_ghz"] >= band["center_ghz"]:
        yield (
            f"simulation.bandpass.width_ghz: {band['width_ghz']} is not allowed; expected a band "
            f"above 0 GHz within 5 standard_deviation_ghz around {band['center_ghz']}"
        )
    if "bandpass" in section["systematics"] and not has_sky:
        yield (
            "simulation.systematics: bandpass is not allowed without simulation.signal.sky_map "
            "or synthetic_sky_k; the dipole calibrates the detectors"
        )
    if signal["sky_map"] is not None and signal["synthetic_sky_k"] > 0:
        yield "simulation.signal.synthetic_sky_k: not allowed together with sky_map; choose one"
    noise_only = set(section["systematics"]) <= {"white_noise", "one_over_f"}
    if signal["dipole"] == "none" and not has_sky and not noise_only:
        yield (
            "simulation.signal: dipole none without a sky_map leaves no signal; "
            "expected a dipole, a sky_map or synthetic_sky_k"
        )
