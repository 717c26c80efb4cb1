"""Pixel variances from a few maps, smoothed in the frame of the scan.

The logarithm of the variance is smoothed: along each ring by a Gaussian, across
neighbouring rings by another, and over Q and U. A linear mean would fill the deep valleys.
How much is decided by left-out maps; "not at all" is among the choices.
"""

import functools
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from fewtomany.covariance import turning
from fewtomany.errors import UserError
from fewtomany.maps.sky import Sky

WIDTHS_DEG = (0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 13.0, 20.0, 30.0)
RING_WIDTHS = (0.0, 0.5, 0.7, 1.0, 1.4, 2.0)
N_PASSES = 3
N_FOLDS = 10
FLOOR = 1e-12
"""Variances below this fraction of their median are no variances but rounding."""

LEAST_INSIDE = 0.1
"""Of a kernel, that counts as inside of a part of the sky at least: of a pixel alone in a hole next
to nothing may be, or less, as a kernel of several passes is negative at its sides."""


@dataclass(frozen=True, order=True)
class Smoothing:
    """How log-variances are smoothed.

    Attributes
    ----------
    width_deg : standard deviation of the Gaussian along a ring, degrees of longitude
    rings : standard deviation of the Gaussian across rings, in rings
    pair : whether Q and U have the same variance
    """

    width_deg: float = 0.0
    rings: float = 0.0
    pair: bool = False


NONE = Smoothing()


def candidates(stokes: str) -> tuple[Smoothing, ...]:
    """The smoothings that are tried, from none to the strongest."""
    pairs = (False, True) if {"Q", "U"} <= set(stokes) else (False,)
    grid = itertools.product(WIDTHS_DEG, RING_WIDTHS, pairs)
    return tuple(Smoothing(*choice) for choice in grid)


def strong_candidates(stokes: str) -> tuple[Smoothing, ...]:
    """The same, and smoothings to hardly more than a factor, for ratios to a known shape."""
    found = candidates(stokes)
    pairs = dict.fromkeys(smoothing.pair for smoothing in found)
    more = itertools.product(((60.0, 3.0), (90.0, 4.0), (180.0, 8.0)), pairs)
    return (*found, *(Smoothing(*widths, pair) for widths, pair in more))


def smooth(
    variance: np.ndarray,
    stokes: str,
    smoothing: Smoothing,
    shape: np.ndarray | None = None,
    sky: Sky | None = None,
) -> np.ndarray:
    """Smoothed variances, scaled so that the given ones are 1 in the mean in their units.

    The scale undoes the bias of the mean logarithm of a noisy variance.

    Parameters
    ----------
    variance : array of shape (..., n_stokes, n_pix), positive, RING
    stokes : the components
    smoothing : how
    shape : array of shape (n_stokes, n_pix), a deviation that is known but for what is smooth,
        in any unit; what is smoothed is the ratio of the variance to its square
    sky : the pixels, where they are a part of the sphere: near its edge the kernel is what lies
        inside

    Returns
    -------
    float64 array of the same shape and unit

    Raises
    ------
    UserError : where a pixel has no variance
    """
    if shape is not None:
        return shape**2 * smooth(variance / shape**2, stokes, smoothing, sky=sky)
    if smoothing == NONE:
        return np.array(variance, np.float64)
    typical = np.median(variance, axis=-1, keepdims=True)
    if not (variance > FLOOR * typical).all():
        raise UserError("a pixel of the inputs has no variance: its logarithm can't be smoothed")
    logarithm = np.log(variance)
    if smoothing.pair:
        pair(logarithm, stokes)
    smoothed = np.exp(_smooth_inside(logarithm, smoothing, sky))
    return smoothed * np.mean(variance / smoothed, axis=-1, keepdims=True)


def pair(logarithm: np.ndarray, stokes: str) -> None:
    """Give Q and U of every channel their mean, in place; array of shape (..., n_stokes, n_pix)."""
    places = ([k for k, letter in enumerate(stokes) if letter == one] for one in "QU")
    for both in map(list, zip(*places, strict=True)):
        logarithm[..., both, :] = logarithm[..., both, :].mean(axis=-2, keepdims=True)


def choose(
    maps: np.ndarray,
    stokes: str,
    tried: Iterable[Smoothing] | None = None,
    centre: bool = False,
    smoother: Callable[[np.ndarray, str, Smoothing], np.ndarray] = smooth,
) -> Smoothing:
    """The smoothing under which left-out maps are likeliest, pixel by pixel.

    Parameters
    ----------
    maps : array of shape (n_maps, n_stokes, n_pix), at least 3 maps, of zero mean unless
        ``centre`` takes their mean off
    stokes : the components
    tried : smoothings to choose from; :func:`candidates` by default
    smoother : what smooths variances

    Returns
    -------
    the best one; the weaker of equals
    """
    tried = candidates(stokes) if tried is None else tuple(tried)
    scores = held_out_likelihood(maps, stokes, tried, centre, smoother)
    return tried[int(np.argmax(scores))]


def gain_of_shape(
    maps: np.ndarray, stokes: str, plain: Smoothing, shape: np.ndarray, centre: bool = False
) -> tuple[Smoothing, float, float]:
    """What smoothing relative to a shape is worth.

    Parameters
    ----------
    maps, stokes, centre : as of :func:`choose`
    plain : the smoothing of the variances themselves
    shape : array of shape (n_stokes, n_pix), positive, a deviation in any unit

    Returns
    -------
    the best smoothing of the ratio; its gain over the plain one, in nats per pixel of a left-out
    map, and the standard error over the maps
    """
    scaled = maps / shape
    relative = choose(scaled, stokes, strong_candidates(stokes), centre)
    gains = []
    for left in range(len(maps)):
        score = 0.0
        for given, smoothing, sign in ((scaled, relative, 1), (maps, plain, -1)):
            training = np.delete(given, left, axis=0).astype(np.float64)
            mean = training.mean(axis=0) if centre else 0.0
            variance = smooth(np.mean((training - mean) ** 2, axis=0), stokes, smoothing)
            held = (given[left] - mean) ** 2
            score -= sign * np.mean(np.log(variance) + held / variance) / 2
        gains.append(score - np.mean(np.log(shape)))
    return relative, float(np.mean(gains)), float(np.std(gains, ddof=1) / np.sqrt(len(gains)))


def held_out_likelihood(
    maps: np.ndarray,
    stokes: str,
    tried: Iterable[Smoothing],
    centre: bool = False,
    smoother: Callable[[np.ndarray, str, Smoothing], np.ndarray] = smooth,
) -> np.ndarray:
    """Mean Gaussian log-likelihood of pixels of left-out maps, nats, for each smoothing.

    Up to a constant; pixels count as if they were independent. With ``centre`` the mean of the
    other maps is taken off: less that of all, the left-out ones would be known from the others.
    """
    if len(maps) < 3:
        raise UserError(f"to choose a smoothing takes at least 3 maps, found {len(maps)}")
    maps = maps.astype(np.float64)
    tried = tuple(tried)
    scores = np.zeros(len(tried))
    n_folds = min(N_FOLDS, len(maps))
    for fold in range(n_folds):
        held, kept = maps[fold::n_folds], np.delete(maps, np.s_[fold::n_folds], axis=0)
        mean = kept.mean(axis=0) if centre else 0.0
        training = np.sum((kept - mean) ** 2, axis=0) / (len(kept) - centre)
        square = np.mean((held - mean) ** 2, axis=0) / (1 + centre / len(kept))
        for k, smoothing in enumerate(tried):
            variance = smoother(training, stokes, smoothing)
            scores[k] -= len(held) * np.mean(np.log(variance) + square / variance) / 2
    return scores / len(maps)


def _smooth_inside(values: np.ndarray, smoothing: Smoothing, sky: Sky | None) -> np.ndarray:
    """Values (n_stokes, n_pix) smoothed by what lies inside of the kernel."""
    if sky is None or sky.is_full:
        return smooth_logarithm(values, smoothing)
    centre = values.mean(axis=-1, keepdims=True)
    both = np.stack([values - centre, np.ones_like(values)])
    above, below = sky.restrict(smooth_logarithm(sky.expand(both, 0.0), smoothing))
    return centre + above / np.maximum(below, LEAST_INSIDE)


def smooth_logarithm(values: np.ndarray, smoothing: Smoothing) -> np.ndarray:
    """Values (..., n_pix) smoothed along and across rings, linearly.

    What a pass leaves is smoothed and added ("twicing", Tukey 1977): with three passes
    valleys and peaks keep their depth to sixth order in the widths instead of second.
    """
    coefficients = turning.analyse(values)
    found = np.zeros_like(coefficients)
    for _ in range(N_PASSES):
        found += _pass(coefficients - found, smoothing)
    return turning.synthesize(found)


def _pass(coefficients: np.ndarray, smoothing: Smoothing) -> np.ndarray:
    """Coefficients (turning.analyse) smoothed once."""
    m = np.arange(coefficients.shape[-1])
    along = np.exp(-0.5 * (m * np.deg2rad(smoothing.width_deg)) ** 2)
    if not smoothing.rings:
        return coefficients * along
    length, origin = _rings(coefficients.shape[-1] // 2)
    # of a common origin of longitude, and in units of the field
    unit = np.exp(-1j * m * origin[:, None]) / np.sqrt(length)[:, None]
    ring = np.arange(len(length))
    across = np.exp(-0.5 * ((ring[:, None] - ring) / smoothing.rings) ** 2)
    known = m <= length[:, None] // 2
    reach = across @ known  # a short ring has no say at frequencies above its own
    mixed = across @ (coefficients * unit)
    mixed = np.divide(mixed, reach, out=np.zeros_like(mixed), where=known)
    return mixed / unit * along


@functools.lru_cache(maxsize=4)
def _rings(nside: int) -> tuple[np.ndarray, np.ndarray]:
    """Of every ring the number of pixels and the longitude (rad) of the first."""
    length, origin = np.empty((2, 4 * nside - 1))
    longitude = turning.directions(nside)[1]
    for rings, pixels in turning.ring_groups(nside):
        length[rings] = pixels.shape[1]
        origin[rings] = longitude[pixels[:, 0]]
    return length, origin
