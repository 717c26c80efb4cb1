"""Write FITS maps of a made-up systematic, to try a campaign of own maps on.

    python benchmarks/own_maps.py --n-maps 20 --nside 16 --stokes QU --output maps
    python benchmarks/own_maps.py --n-maps 20 --nside 32 --stokes TQU --mask-fraction 0.1 \\
        --output maps

Every map is a sum of stripes along the great circles of a scan that spins about the Sun's
direction, in ecliptic longitude all around the year: their amplitudes are random, correlated from
one circle to the next, and a little skewed. Their variance grows and falls with the
dipole that a gain error would leave, from circle to circle and along each. On it lies isotropic,
correlated noise. T is correlated with E: both the stripes and the noise of T hold the known
fraction ``CORRELATION`` of what E has. The maps are Galactic, RING, in uK_CMB, COSMO, float32; the
pixels left out are UNSEEN, a band along the Galactic equator.
"""

import argparse
from pathlib import Path

import healpy
import numpy as np

CORRELATION = 0.6
"""Of T with E, in every multipole."""

N_CIRCLES = 360
OPENING_DEG = 85.0
"""Angle between the spin axis and the line of sight."""

DIPOLE = np.array([264.02, 48.25])
"""Galactic longitude and latitude of the solar dipole (deg)."""


def circles(nside: int) -> np.ndarray:
    """Weight of every pixel in every scan circle, (N_CIRCLES, n_pix); sums to 1 in a pixel."""
    to_galactic = healpy.Rotator(coord=["E", "G"]).mat
    longitudes = 2 * np.pi * np.arange(N_CIRCLES) / N_CIRCLES
    axes = np.stack([np.cos(longitudes), np.sin(longitudes), np.zeros(N_CIRCLES)], axis=-1)
    vectors = np.stack(healpy.pix2vec(nside, np.arange(healpy.nside2npix(nside))))
    distances = np.arccos(np.clip(axes @ to_galactic.T @ vectors, -1, 1))
    width = healpy.nside2resol(nside)
    weights = np.exp(-0.5 * ((distances - np.radians(OPENING_DEG)) / width) ** 2)
    return weights / np.maximum(weights.sum(axis=0), 1e-3)


def amplitudes(random: np.random.Generator, n_fields: int) -> np.ndarray:
    """Random numbers of the circles, (n_fields, N_CIRCLES): correlated, slightly skewed."""
    white = random.standard_normal((n_fields, N_CIRCLES))
    frequency = np.fft.rfftfreq(N_CIRCLES, 1 / N_CIRCLES)
    red = np.fft.irfft(np.fft.rfft(white) / np.sqrt(1 + (frequency / 20) ** 2), N_CIRCLES)
    red /= red.std(axis=1, keepdims=True)
    return red + 0.15 * (red**2 - 1)


def isotropic(random: np.random.Generator, nside: int) -> np.ndarray:
    """T, E and B of a red spectrum as T, Q, U maps, (3, n_pix), T correlated with E."""
    lmax = 2 * nside
    cl = np.zeros(lmax + 1)
    cl[2:] = 1 / (np.arange(2, lmax + 1) + 10.0) ** 2
    size = healpy.Alm.getsize(lmax)
    order = healpy.Alm.getlm(lmax)[1]
    normal = random.standard_normal((3, 2, size))
    alms = np.where(order == 0, normal[:, 0], (normal[:, 0] + 1j * normal[:, 1]) / np.sqrt(2))
    alms = np.array([healpy.almxfl(alm, np.sqrt(cl)) for alm in alms])
    alms[0] = CORRELATION * alms[1] + np.sqrt(1 - CORRELATION**2) * alms[0]
    maps = np.array(healpy.alm2map(alms, nside, lmax=lmax))
    return maps / maps.std()


def one_map(random: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """T, Q, U of one realization in uK, (3, n_pix)."""
    nside = healpy.npix2nside(weights.shape[1])
    vectors = np.stack(healpy.pix2vec(nside, np.arange(weights.shape[1])))
    dipole = healpy.ang2vec(*DIPOLE, lonlat=True) @ vectors
    fields = (0.2 + np.abs(dipole)) * (amplitudes(random, 3) @ weights)
    # The two fields of polarization are E and B of the stripes; T shares its part with E.
    alms = [healpy.map2alm(part, iter=0) for part in fields]
    alms[0] = CORRELATION * alms[1] + np.sqrt(1 - CORRELATION**2) * alms[0]
    stripes = np.array(healpy.alm2map(alms, nside))
    return 0.02 * (stripes / stripes.std() + 0.3 * isotropic(random, nside))


def band(nside: int, fraction: float) -> np.ndarray:
    """Pixels left out, booleans (n_pix,): the given fraction, nearest to the Galactic equator."""
    height = np.abs(healpy.pix2vec(nside, np.arange(healpy.nside2npix(nside)))[2])
    return height < fraction


def get_parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    options.add_argument("--n-maps", type=int, default=20, help="number of maps")
    options.add_argument("--nside", type=int, default=16, help="HEALPix resolution")
    options.add_argument("--stokes", choices=["T", "QU", "TQU"], default="QU", help="components")
    options.add_argument(
        "--mask-fraction", type=float, default=0.0, help="fraction of the sky left out, UNSEEN"
    )
    options.add_argument("--seed", type=int, default=1, help="of the random numbers")
    options.add_argument("--output", required=True, help="folder of the FITS files")
    return options


def main(arguments: argparse.Namespace) -> None:
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    weights = circles(arguments.nside)
    out = band(arguments.nside, arguments.mask_fraction)
    names = {"T": "I_STOKES", "Q": "Q_STOKES", "U": "U_STOKES"}
    for index in range(arguments.n_maps):
        maps = one_map(np.random.default_rng([arguments.seed, index]), weights)
        maps[:, out] = healpy.UNSEEN
        healpy.write_map(
            folder / f"map-{index:04d}.fits",
            [maps["TQU".index(letter)] for letter in arguments.stokes],
            coord="G",
            column_names=[names[letter] for letter in arguments.stokes],
            column_units="uK_CMB",
            dtype=np.float32,
            extra_header=[("POLCCONV", "COSMO", "Polarization convention")],
            overwrite=True,
        )


if __name__ == "__main__":
    main(get_parser().parse_args())
