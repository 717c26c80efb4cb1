"""Compute the table of CMB spectra that the validation of parameters uses.

It needs CAMB, which is no part of the environment (`pip install camb` in another one):

    python benchmarks/fiducial_spectra.py > scripts/fewtomany/data/fiducial_spectra.txt
"""

import sys

import camb
import numpy as np

LMAX = 191
TAU, STEP = 0.06, 0.002
AS_EXP_MINUS_2TAU = 1.88e-9
COSMOLOGY = {
    "H0": 67.36,
    "ombh2": 0.02237,
    "omch2": 0.12,
    "mnu": 0.06,
    "omk": 0.0,
    "ns": 0.9649,
    "r": 1.0,
    "nt": 0.0,
    "pivot_scalar": 0.05,
    "pivot_tensor": 0.05,
    "lmax": 2500,
    "lens_potential_accuracy": 1,
    "AccuracyBoost": 2.0,
}


def spectra(tau: float) -> dict[str, np.ndarray]:
    """Raw spectra (µK²) of scalars, lensed, and of tensors of r = 1."""
    parameters = camb.set_params(
        tau=tau, As=AS_EXP_MINUS_2TAU * np.exp(2 * tau), WantTensors=True, **COSMOLOGY
    )
    found = camb.get_results(parameters).get_cmb_power_spectra(
        parameters, CMB_unit="muK", raw_cl=True, lmax=LMAX
    )
    return {name: found[name][2 : LMAX + 1].T for name in ("lensed_scalar", "tensor")}


def main() -> None:
    here, low, high = (spectra(tau) for tau in (TAU, TAU - STEP, TAU + STEP))
    slope = (high["lensed_scalar"][1] - low["lensed_scalar"][1]) / (2 * STEP)
    columns = [
        np.arange(2, LMAX + 1),
        here["lensed_scalar"][1],
        here["lensed_scalar"][2],
        here["tensor"][1],
        here["tensor"][2],
        slope,
    ]
    settings = ", ".join(f"{name} = {value}" for name, value in COSMOLOGY.items())
    header = [
        f"CMB polarization spectra C_l (microkelvin squared, no l(l+1)), CAMB {camb.__version__}",
        f"made by benchmarks/fiducial_spectra.py: tau = {TAU}, "
        f"A_s exp(-2 tau) = {AS_EXP_MINUS_2TAU}, {settings}",
        "EE, BB: scalars, lensed (BB is lensing alone); EE_tensor, BB_tensor: tensors of r = 1",
        f"dEE_dtau: central difference of EE with step {STEP} at fixed A_s exp(-2 tau)",
        "l EE BB EE_tensor BB_tensor dEE_dtau",
    ]
    formats = ["%d"] + ["%.6e"] * 5
    np.savetxt(sys.stdout, np.array(columns).T, fmt=formats, header="\n".join(header))


if __name__ == "__main__":
    main()
