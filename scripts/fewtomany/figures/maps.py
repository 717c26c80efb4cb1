"""Realizations side by side (Fig. 1 of arXiv:2503.11643)."""

from collections.abc import Mapping
from itertools import chain

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator

from fewtomany.errors import UserError
from fewtomany.figures import style
from fewtomany.late import healpy, healpy_projector
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

WIDEST_DEG = 50.0
"""Radius of a patch of sky up to which it is shown by itself."""


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
    scales, unit = scales_of(comparison, yardstick)
    true = comparison.get("pixels", yardstick, "deviation") / scales[:, None]
    limit, widest = 3 * np.sqrt(np.mean(true**2)), true.max()
    columns = len(names) * (N_SHOWN + 1)
    height = 0.6 if patch(comparison.sky) is None else 1.0
    with style.new(0.7 + height * len(maps)) as figure:
        axes = figure.subplots(len(maps), columns, squeeze=False)
        for row, (name, sky) in zip(axes, maps.items(), strict=True):
            row[0].text(-0.03, 0.5, name, ha="right", va="center", transform=row[0].transAxes)
            deviation = comparison.get("pixels", name, "deviation")
            for index, panel in enumerate(row):
                component, number = divmod(index, N_SHOWN + 1)
                scale = scales[component]
                if number < N_SHOWN:
                    values = sky[number, component] / scale
                    image = show(panel, comparison.sky, values, -limit, limit)
                else:
                    values = deviation[component] / scale
                    spread = show(panel, comparison.sky, values, 0, widest)
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


def scales_of(comparison: Comparison, yardstick: str) -> tuple[np.ndarray, str]:
    """What the values of each component are shown in: µK, or its rms where they are unlike."""
    rms = np.sqrt(np.mean(comparison.get("pixels", yardstick, "deviation") ** 2, axis=1))
    alike = "T" not in comparison.stokes and len(comparison.channels) == 1
    return (np.full_like(rms, 1e-6), "µK") if alike else (rms, "rms σ of the component")


def patch(sky: Sky) -> tuple[float, float, float] | None:
    """Longitude and latitude of the centre of a small patch of sky, and its radius, in degrees.

    None where the observed pixels reach farther than :data:`WIDEST_DEG` from their centre.
    """
    if sky.is_full:
        return None
    vectors = np.stack(healpy.pix2vec(sky.nside, sky.indices), axis=-1)
    mean = vectors.mean(axis=0)
    length = np.linalg.norm(mean)
    if length < np.cos(np.radians(WIDEST_DEG)):
        return None
    radius = np.degrees(np.arccos(np.clip((vectors @ mean).min() / length, -1, 1)))
    longitude, latitude = healpy.vec2ang(mean, lonlat=True)
    return None if radius > WIDEST_DEG else (float(longitude[0]), float(latitude[0]), radius)


def projection(sky: Sky) -> str:
    """How maps are drawn, for a caption."""
    found = patch(sky)
    if found is None:
        return "Mollweide projection"
    return f"Equal-area projection about ({found[0]:.0f}°, {found[1]:.0f}°)"


def show(panel: Axes, sky: Sky, values: np.ndarray, low: float, high: float) -> AxesImage:
    """One map: a small patch by itself, else the sphere; grey where nothing was observed."""
    found = patch(sky)
    if found is None:
        projection = healpy_projector.MollweideProj(xsize=_PIXELS)
        extent = (-2, 2, -1, 1)
        panel.add_patch(Ellipse((0, 0), 4, 2, fill=False, linewidth=0.5, edgecolor=style.GREY))
    else:
        longitude, latitude, radius = found
        arcmin = 60 * 2 * 1.1 * radius / _PIXELS
        projection = healpy_projector.AzimuthalProj(
            rot=(longitude, latitude), xsize=_PIXELS, reso=arcmin, lamb=True
        )
        extent = (-1, 1, -1, 1)
    whole = sky.expand(values, fill=np.nan)
    image = projection.projmap(whole, lambda x, y, z: healpy.vec2pix(sky.nside, x, y, z))
    outside = np.isneginf(image)
    shared = {"extent": extent, "origin": "lower", "interpolation": "nearest", "rasterized": True}
    if not sky.is_full:
        unseen = np.where(outside, np.nan, np.isnan(image))
        panel.imshow(unseen, cmap=_UNOBSERVED, vmin=0, vmax=1, **shared)
    image = np.ma.masked_invalid(image)
    colours = style.DIVERGING if low < 0 else style.SEQUENTIAL
    panel.set_axis_off()
    return panel.imshow(image, vmin=low, vmax=high, cmap=colours, **shared)


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    roles = ("original", "reference", "input", "emulated", "gaussian")
    stripes = "the reference" if comparison.reference else "the inputs"
    unit = "" if comparison.sky.is_full else " grey: not observed;"
    return (
        f"The first {N_SHOWN} maps of each dataset and the standard deviation per pixel over all "
        f"of its maps: {style.sizes(comparison, *roles)}. {projection(comparison.sky)}, "
        f"{comparison.frame} coordinates, nside {comparison.nside};{unit} one colour scale for "
        f"all maps, one for all "
        f"standard deviations. Emulated maps should show the stripes along the scan and the "
        f"pattern of the standard deviation of {stripes}; a failing emulation looks grainy "
        f"or isotropic, as the naive Gaussian maps do, or repeats its input map."
    )
