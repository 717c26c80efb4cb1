"""Realizations side by side (Fig. 1 of arXiv:2503.11643)."""

from collections.abc import Mapping
from itertools import chain

import healpy
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator

from fewtomany.errors import UserError
from fewtomany.figures import style
from fewtomany.validation.comparison import Comparison

TITLE = "Maps"
N_SHOWN = 2
"""Realizations of each dataset."""

_PIXELS = 600
"""Width of one projected map."""


def draw(comparison: Comparison, maps: Mapping[str, np.ndarray]) -> Figure:
    """Rows of datasets: their first maps, and the standard deviation of all of them.

    Parameters
    ----------
    maps : arrays of shape (at least N_SHOWN, n_stokes, n_pix), K, by dataset

    Raises
    ------
    UserError : for a dataset that was not compared
    """
    order = ["original", "reference", *chain.from_iterable(comparison.families().values())]
    unknown = ", ".join(set(maps) - set(order))
    if unknown:
        raise UserError(f"no compared dataset: {unknown}; compared: {', '.join(order)}")
    maps = {name: maps[name] for name in order if name in maps}
    stokes = comparison.stokes
    truth = comparison.get("pixels", comparison.truth, "deviation") * 1e6
    limit = 3 * np.sqrt(np.mean(truth**2))
    columns = len(stokes) * (N_SHOWN + 1)
    with style.new(0.7 + 0.6 * len(maps)) as figure:
        axes = figure.subplots(len(maps), columns, squeeze=False)
        for row, (name, sky) in zip(axes, maps.items(), strict=True):
            row[0].text(-2.1, 0, name, ha="right", va="center")
            deviation = comparison.get("pixels", name, "deviation") * 1e6
            for index, panel in enumerate(row):
                component, number = divmod(index, N_SHOWN + 1)
                if number < N_SHOWN:
                    image = _show(panel, sky[number, component] * 1e6, -limit, limit)
                else:
                    spread = _show(panel, deviation[component], 0, truth.max())
        for index, panel in enumerate(axes[0]):
            component, number = divmod(index, N_SHOWN + 1)
            letter = stokes[component]
            panel.set_title(f"{letter}, map {number}" if number < N_SHOWN else f"σ of {letter}")
        bars = {"location": "bottom", "shrink": 0.6, "aspect": 30, "pad": 0.02}
        left, right = axes[:, : columns // 2], axes[:, columns // 2 :]
        figure.colorbar(
            image, ax=left, label="map (µK)", extend="both", ticks=MaxNLocator(4), **bars
        )
        figure.colorbar(spread, ax=right, label="σ (µK)", ticks=MaxNLocator(4), **bars)
    return figure


def _show(panel: Axes, sky: np.ndarray, low: float, high: float):
    """One RING map in Mollweide projection, in its own frame."""
    nside = healpy.npix2nside(sky.size)
    projection = healpy.projector.MollweideProj(xsize=_PIXELS)
    image = projection.projmap(sky, lambda x, y, z: healpy.vec2pix(nside, x, y, z))
    image = np.ma.masked_invalid(image)
    colours = style.DIVERGING if low < 0 else style.SEQUENTIAL
    panel.set_axis_off()
    panel.add_patch(Ellipse((0, 0), 4, 2, fill=False, linewidth=0.5, edgecolor=style.GREY))
    return panel.imshow(
        image,
        extent=(-2, 2, -1, 1),
        origin="lower",
        vmin=low,
        vmax=high,
        cmap=colours,
        interpolation="nearest",
        rasterized=True,
    )


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    roles = ("original", "reference", "input", "emulated", "gaussian")
    return (
        f"The first {N_SHOWN} maps of each dataset and the standard deviation per pixel over all "
        f"of its maps: {style.sizes(comparison, *roles)}. Mollweide projection in "
        f"the frame of the maps, nside {comparison.nside}; one colour scale for maps, one for "
        f"standard deviations. Emulated maps should show the stripes along the scan and the "
        f"pattern of the standard deviation of the reference; a failing emulation looks grainy "
        f"or isotropic, as the naive Gaussian maps do, or repeats its input map."
    )
