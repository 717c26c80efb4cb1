"""Fields that are not Gaussian, to try the emulator on: a texture and a stream of noise.

Both are periodic and stationary, of mean 0 and deviation 1. They are made from white noise by a few
lines of Fourier filters, so a test can have as many true maps as it wants.
"""

import numpy as np

from fewtomany.maps.flat import Flat


def draw(name: str, flat: Flat, random: np.random.Generator) -> np.ndarray:
    """A map of "filaments" on a plane or "intermittent" on a line, array of its shape.

    With open edges it is a part of a periodic one of twice the sides.
    """
    shape = flat.shape if flat.periodic else tuple(2 * n for n in flat.shape)
    whole = filaments(shape, random) if name == "filaments" else intermittent(*shape, random)
    return whole[tuple(slice(n) for n in flat.shape)]


def filaments(
    shape: tuple[int, int],
    random: np.random.Generator,
    width: float = 0.2,
    slope: float = 3.0,
    contrast: float = 0.7,
) -> np.ndarray:
    """A plane of bright threads, some brighter than others.

    exp(−(g/width)²) is bright along the lines where a Gaussian field g is zero; a log-normal
    factor makes whole regions bright or dark.

    Parameters
    ----------
    shape : rows and columns
    width : of the threads, in deviations of g
    slope : of the power spectra of both Gaussian fields, k^−slope
    contrast : deviation of the logarithm of the factor

    Returns
    -------
    array of the shape, float64
    """
    k = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij"))
    smooth = np.exp(-((k / 0.15) ** 2))
    threads = np.exp(-((_filtered(random, _power_law(k, slope) * smooth) / width) ** 2))
    bright = np.exp(contrast * _filtered(random, _power_law(k, slope)))
    return _standard(threads * bright)


def intermittent(
    n: int,
    random: np.random.Generator,
    strength: float = 0.06,
    slope: float = 0.5,
) -> np.ndarray:
    """A stream of noise in bursts of all lengths: coloured increments of a multifractal walk.

    White noise times exp(ω), with ω Gaussian of covariance −strength · ln((|t| + 1)/(n/4)) up to
    lags of n/4 (Bacry, Delour & Muzy 2001), then filtered to a spectrum k^−slope.

    Parameters
    ----------
    n : samples
    strength : λ², the coefficient of intermittency
    slope : of the power spectrum

    Returns
    -------
    array of shape (n,), float64
    """
    lag = np.minimum(np.arange(n), n - np.arange(n))
    covariance = strength * np.maximum(np.log(n / 4 / (lag + 1)), 0)
    omega = _filtered(random, np.maximum(np.fft.fft(covariance).real, 0))
    omega *= np.sqrt(covariance[0])
    bursts = random.standard_normal(n) * np.exp(omega)
    power = _power_law(np.abs(np.fft.fftfreq(n)), slope)
    return _standard(np.fft.ifft(np.fft.fft(bursts) * np.sqrt(power)).real)


def _power_law(k: np.ndarray, slope: float) -> np.ndarray:
    """k^−slope, 0 at k = 0."""
    return np.where(k > 0, np.where(k > 0, k, 1) ** -slope, 0)


def _filtered(random: np.random.Generator, power: np.ndarray) -> np.ndarray:
    """Gaussian field of a given power spectrum, of deviation 1."""
    waves = np.fft.fftn(random.standard_normal(power.shape)) * np.sqrt(power)
    return np.fft.ifftn(waves).real / np.sqrt(power.mean())


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()
