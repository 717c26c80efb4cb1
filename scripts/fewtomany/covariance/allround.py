"""Pixel variances from a few maps of any part of the sky, smoothed alike in all directions.

Where a scan has no axis here, or the sky is partial, nothing is known of directions. N inputs
know the deviation of a pixel to 1/√(2N), and maps that are multiplied by so noisy a deviation
have white noise of that share of their power, which is all there is at high multipoles of a smooth
effect. So the logarithm of the variance is smoothed by a round kernel. Its width is the one that
left-out maps like best, of each component; "not at all" is among the choices.
"""

from collections.abc import Sequence

import numpy as np

from fewtomany.covariance.variances import FLOOR, N_PASSES
from fewtomany.late import healpy
from fewtomany.maps.sky import Sky
from fewtomany.spectra import spectra

WIDTHS = (0.0, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 16.0)
"""Standard deviations of the kernel that are tried, in pixels' sides."""

N_FOLDS = 5


def deviation(maps: np.ndarray, sky: Sky, centre: bool = False) -> tuple[np.ndarray, list[float]]:
    """Deviations of the pixels, smoothed as left-out maps like best.

    Parameters
    ----------
    maps : array of shape (n_maps, n_components, n_pix), of zero mean, or with their own taken off
    sky : their pixels
    centre : whether their mean was taken off

    Returns
    -------
    deviation : array of shape (n_components, n_pix), in the unit of the maps
    widths : of every component, in pixels' sides
    """
    n_free = len(maps) - centre
    found, widths = np.empty(maps.shape[1:]), []
    for component, own in enumerate(np.moveaxis(maps.astype(np.float64), 1, 0)):
        width = WIDTHS[int(np.argmax(scores(own, sky, centre)))]
        found[component] = smoothed(np.sum(own**2, axis=0) / n_free, sky, [width])[0]
        widths.append(width)
    return np.sqrt(found), widths


def scores(
    maps: np.ndarray, sky: Sky, centre: bool = False, widths: Sequence[float] = WIDTHS
) -> np.ndarray:
    """Mean Gaussian log-likelihood of pixels of left-out maps under each width, nats.

    Where a mean was taken off, it is that of the other maps here: less the mean of all, the
    left-out ones would be known from the others.

    Parameters
    ----------
    maps : array of shape (n_maps, n_pix), float64, of one component, at least 3
    centre : whether their mean was taken off

    Returns
    -------
    array of shape (n_widths,), up to a constant; −∞ where a variance can't be smoothed
    """
    n_folds = min(N_FOLDS, len(maps))
    total = np.zeros(len(widths))
    for fold in range(n_folds):
        held, kept = maps[fold::n_folds], np.delete(maps, np.s_[fold::n_folds], axis=0)
        mean = kept.mean(axis=0) if centre else 0.0
        training = np.sum((kept - mean) ** 2, axis=0) / (len(kept) - centre)
        if not (training > FLOOR * np.median(training)).all():
            return np.where(np.array(widths) == 0, 0.0, -np.inf)
        square = np.mean((held - mean) ** 2, axis=0) / (1 + centre / len(kept))
        for k, variance in enumerate(smoothed(training, sky, widths)):
            total[k] -= len(held) * np.mean(np.log(variance) + square / variance) / 2
    return total / len(maps)


def smoothed(variance: np.ndarray, sky: Sky, widths: Sequence[float]) -> list[np.ndarray]:
    """Variances (n_pix,) smoothed by kernels of some widths, each (n_pix,).

    What a pass leaves is smoothed and added, as in :mod:`fewtomany.covariance.variances`; near the
    edge of a mask the kernel is what lies inside. The scale undoes the bias of the
    mean logarithm of a noisy variance.
    """
    if not any(widths):
        return [np.array(variance) for _ in widths]
    lmax = spectra.lmax_of(sky.nside)
    ell = np.arange(lmax + 1)
    centre = np.log(variance).mean()
    values, inside = np.log(variance) - centre, np.ones(len(variance))
    alms = [
        healpy.map2alm(sky.expand(part, fill=0.0), lmax=lmax, iter=1) for part in (values, inside)
    ]
    found = []
    for width in widths:
        if width == 0:
            found.append(np.array(variance))
            continue
        beam = np.exp(-0.5 * ell * (ell + 1) * (width * healpy.nside2resol(sky.nside)) ** 2)
        kernel = 1 - (1 - beam) ** N_PASSES
        above, below = (
            sky.restrict(healpy.alm2map(healpy.almxfl(alm, kernel), sky.nside, lmax=lmax))
            for alm in alms
        )
        smooth = np.exp(centre + above / below)
        found.append(smooth * np.mean(variance / smooth))
    return found
