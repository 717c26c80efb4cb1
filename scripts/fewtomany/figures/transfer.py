"""Power spectra of the wavelets and their sum (Figs. A.2 and A.3 of arXiv:2503.11643)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from fewtomany.figures import style

TITLE = "Transfer functions of the wavelets"

_COLOURS = (style.BLUE, style.SKY, style.GREEN, style.ORANGE, style.VERMILLION, style.PURPLE)


def draw(transfer: Mapping[int, np.ndarray]) -> Figure:
    """A column per kernel size: W_ℓ of every scale, and the sum from the coarsest scale on.

    Parameters
    ----------
    transfer : arrays of shape (n_scales, lmax + 1) by kernel size
    """
    with style.new(4.2) as figure:
        rows = figure.subplots(2, len(transfer), sharex=True, sharey="row", squeeze=False)
        for (single, total), (size, functions) in zip(rows.T, transfer.items(), strict=True):
            ell = np.arange(1, functions.shape[1])
            peak = functions.sum(axis=0).max()
            sums = np.cumsum(functions[::-1], axis=0)[::-1] / peak
            for scale, (function, cumulated) in enumerate(zip(functions, sums, strict=True)):
                colour = _COLOURS[scale % len(_COLOURS)]
                single.plot(ell, function[1:] / function.max(), color=colour, label=f"j = {scale}")
                total.plot(ell, cumulated[1:], color=colour, label=f"j ≥ {scale}")
            single.set_title(f"{size}×{size} kernels")
            single.set_xscale("log")
            total.set_xlabel("multipole ℓ")
            single.xaxis.set_major_formatter("{x:g}")
            for panel in (single, total):
                panel.legend(loc="upper center", ncols=len(functions), columnspacing=1.2)
                panel.set_ylim(0, 1.25)
        rows[0, 0].set_ylabel("W$_ℓ$ of one scale")
        rows[1, 0].set_ylabel("Σ W$_ℓ$ from the coarsest")
    return figure


def caption(transfer: Mapping[int, np.ndarray], n_places: int) -> str:
    """Text below the figure."""
    lmax = next(iter(transfer.values())).shape[1] - 1
    return (
        f"Top: transfer functions W_ℓ of the wavelets of each scale j, the sum over orientations, "
        f"each over its own maximum. Bottom: their sum from the coarsest scale to scale j, over "
        f"the maximum of the whole. Left and right: the two sizes of kernels; mean over {n_places} "
        f"places, ℓ up to {lmax}. The scattering coefficients constrain multipoles where the sum "
        f"is large; those where it falls off are left to the spectra, and a gap in it would be "
        f"seen by nothing else. Larger kernels sit at lower ℓ."
    )
