"""Realizations side by side (Fig. 1 of arXiv:2503.11643)."""

from collections.abc import Mapping
from itertools import chain

import healpy
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator

from fewtomany.errors import UserError
from fewtomany.figures import style
from fewtomany.maps.sky import Sky
from fewtomany.validation.judge.comparison import Comparison

TITLE = "Maps"
N_SHOWN = 2
"""Realizations of each dataset."""

_UNOBSERVED = ListedColormap(["none", "#D9D9D9"])

_WIDE = 6
"""Columns that have room for a title of one line."""

_PIXELS = 600
"""Width of one projected map."""


def draw(comparison: Comparison, maps: Mapping[str, np.ndarray]) -> Figure:
    """Rows of datasets: their first maps, and the standard deviation of all of them.

    Parameters
    ----------
    maps : arrays of shape (at least N_SHOWN, n_components, n_pix), K, by dataset

    Raises
    ------
    UserError : for a dataset that was not compared
    """
    maps = {name: maps[name] for name in order(comparison, maps)}
    names = comparison.components.names
    yardstick = comparison.truth or comparison.yardstick(next(iter(maps)))
    scales, unit = _scales(comparison, yardstick)
    true = comparison.get("pixels", yardstick, "deviation") / scales[:, None]
    limit, widest = 3 * np.sqrt(np.mean(true**2)), true.max()
    columns = len(names) * (N_SHOWN + 1)
    with style.new(0.7 + 0.6 * len(maps)) as figure:
        axes = figure.subplots(len(maps), columns, squeeze=False)
        for row, (name, sky) in zip(axes, maps.items(), strict=True):
            row[0].text(-2.1, 0, name, ha="right", va="center")
            deviation = comparison.get("pixels", name, "deviation")
            for index, panel in enumerate(row):
                component, number = divmod(index, N_SHOWN + 1)
                scale = scales[component]
                if number < N_SHOWN:
                    values = sky[number, component] / scale
                    image = _show(panel, comparison.sky, values, -limit, limit)
                else:
                    values = deviation[component] / scale
                    spread = _show(panel, comparison.sky, values, 0, widest)
        for index, panel in enumerate(axes[0]):
            component, number = divmod(index, N_SHOWN + 1)
            letter = names[component]
            title = f"{letter}, map {number}" if number < N_SHOWN else f"σ of {letter}"
            if columns > _WIDE:  # narrow panels: two lines
                title = title.replace(", ", "\n").replace(" of ", "\n")
            panel.set_title(title, fontsize="small" if columns > _WIDE else None)
        bars = {"location": "bottom", "shrink": 0.6, "aspect": 30, "pad": 0.02}
        left, right = axes[:, : -(-columns // 2)], axes[:, -(-columns // 2) :]
        figure.colorbar(
            image, ax=left, label=f"map ({unit})", extend="both", ticks=MaxNLocator(4), **bars
        )
        figure.colorbar(spread, ax=right, label=f"σ ({unit})", ticks=MaxNLocator(4), **bars)
    return figure


def order(comparison: Comparison, maps: Mapping[str, np.ndarray]) -> list[str]:
    """The datasets of maps in the order of their rows: true maps, then family by family.

    Raises
    ------
    UserError : for a dataset that was not compared
    """
    first = [name for name in ("original", "reference") if name in comparison.datasets]
    every = [*first, *chain.from_iterable(comparison.families().values())]
    unknown = ", ".join(set(maps) - set(every))
    if unknown:
        raise UserError(f"no compared dataset: {unknown}; compared: {', '.join(every)}")
    return [name for name in every if name in maps]


def _scales(comparison: Comparison, yardstick: str) -> tuple[np.ndarray, str]:
    """What the values of each component are shown in: µK, or its rms where they are unlike."""
    rms = np.sqrt(np.mean(comparison.get("pixels", yardstick, "deviation") ** 2, axis=1))
    alike = "T" not in comparison.stokes and len(comparison.channels) == 1
    return (np.full_like(rms, 1e-6), "µK") if alike else (rms, "rms σ of the component")


def _show(panel: Axes, sky: Sky, values: np.ndarray, low: float, high: float):
    """One map in Mollweide projection; grey where nothing was observed."""
    projection = healpy.projector.MollweideProj(xsize=_PIXELS)
    whole = sky.expand(values, fill=np.nan)
    image = projection.projmap(whole, lambda x, y, z: healpy.vec2pix(sky.nside, x, y, z))
    outside = np.isneginf(image)
    if not sky.is_full:
        panel.imshow(
            np.where(outside, np.nan, np.isnan(image)),
            extent=(-2, 2, -1, 1),
            origin="lower",
            cmap=_UNOBSERVED,
            vmin=0,
            vmax=1,
            interpolation="nearest",
            rasterized=True,
        )
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
    stripes = "the reference" if comparison.reference else "the inputs"
    unit = "" if comparison.sky.is_full else " grey: not observed;"
    return (
        f"The first {N_SHOWN} maps of each dataset and the standard deviation per pixel over all "
        f"of its maps: {style.sizes(comparison, *roles)}. Mollweide projection, "
        f"{comparison.frame} coordinates, nside {comparison.nside};{unit} one colour scale for "
        f"all maps, one for all "
        f"standard deviations. Emulated maps should show the stripes along the scan and the "
        f"pattern of the standard deviation of {stripes}; a failing emulation looks grainy "
        f"or isotropic, as the naive Gaussian maps do, or repeats its input map."
    )
