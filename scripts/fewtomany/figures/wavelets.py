"""The local frame and the wavelets on the sphere (Fig. A.1 of arXiv:2503.11643)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.late import healpy

TITLE = "Wavelets on the sphere"

_PIXELS = 220
_HALF = 0.85
"""Half the width of a panel at the coarsest scale, of a visible disc of radius 1."""


def draw(shapes: np.ndarray, place_deg: tuple[float, float]) -> Figure:
    """The frame, then the wavelets: a row per scale, real and imaginary part by orientation.

    Parameters
    ----------
    shapes : complex array of shape (n_scales, n_orientations, n_pix), RING
    place_deg : longitude and latitude of the wavelets' centre
    """
    n_scales, n_orientations, _ = shapes.shape
    with style.new(0.35 + style.WIDTH / (2 * n_orientations + 1.6) * n_scales) as figure:
        left, right = figure.subfigures(1, 2, width_ratios=(2.2, 2 * n_orientations))
        _frame(left.subplots(), place_deg)
        rows = right.subplots(n_scales, 2 * n_orientations, squeeze=False)
        for scale, (row, wavelets) in enumerate(zip(rows, shapes, strict=True)):
            limit = np.abs(wavelets).max()
            half = _HALF / 2 ** (n_scales - 1 - scale)
            for orientation, wavelet in enumerate(wavelets):
                parts = {"Re": wavelet.real, "Im": wavelet.imag}
                for column, (name, part) in enumerate(parts.items()):
                    panel = row[orientation + column * n_orientations]
                    _show(panel, part / limit, place_deg, half)
                    if scale == 0:
                        panel.set_title(f"{name}, γ = {orientation}", fontsize=7)
            degrees = 2 * np.degrees(np.arcsin(half))
            label = f"j = {scale}\n{degrees:.0f}° across"
            row[0].text(-half * 1.15, 0, label, ha="right", va="center", fontsize=7)
    return figure


def _directions(place_deg: tuple[float, float], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Unit vectors of the points of a disc seen from above its centre, NaN outside."""
    longitude, latitude = np.radians(place_deg)
    up = np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude)])
    up = np.array([*up, np.sin(latitude)])
    east = np.array([-np.sin(longitude), np.cos(longitude), 0])
    north = np.cross(up, east)
    depth = 1 - x**2 - y**2
    z = np.sqrt(np.where(depth > 0, depth, np.nan))
    return np.multiply.outer(up, z) + np.multiply.outer(east, x) + np.multiply.outer(north, y)


def _show(panel: Axes, weights: np.ndarray, place_deg: tuple[float, float], half: float) -> None:
    """Weights around the place, orthographic, east to the right."""
    side = np.linspace(-half, half, _PIXELS)
    vectors = _directions(place_deg, *np.meshgrid(side, side))
    seen = np.isfinite(vectors[0])
    image = np.full(seen.shape, np.nan)
    image[seen] = weights[healpy.vec2pix(healpy.npix2nside(len(weights)), *vectors[:, seen])]
    panel.imshow(
        image,
        extent=(-half, half, -half, half),
        origin="lower",
        vmin=-1,
        vmax=1,
        cmap=style.DIVERGING,
        interpolation="nearest",
        rasterized=True,
    )
    panel.set_axis_off()


def _frame(panel: Axes, place_deg: tuple[float, float]) -> None:
    """The globe with its meridians and the frame (θ̂ south, φ̂ east) at some places."""
    angle = np.linspace(0, 2 * np.pi, 200)
    panel.plot(np.cos(angle), np.sin(angle), color=style.GREY, linewidth=0.8)
    lines = [(np.full(90, lon), np.linspace(-90, 90, 90)) for lon in range(0, 360, 30)]
    lines += [(np.linspace(0, 360, 180), np.full(180, lat)) for lat in range(-60, 61, 30)]
    for longitudes, latitudes in lines:
        panel.plot(*_project(longitudes, latitudes, place_deg), color=style.GREY, linewidth=0.3)
    for longitude in (-70, -25, 20, 65, 110):
        for latitude in (-35, 0, 30, 60, 78):
            start = _project(longitude, latitude, place_deg)
            if not np.isfinite(start[0]):
                continue
            ends = {
                style.VERMILLION: (longitude, latitude - 10),
                style.BLUE: (longitude + 10 / np.cos(np.radians(latitude)), latitude),
            }
            for colour, end in ends.items():
                tip = _project(*end, place_deg)
                if np.isfinite(tip[0]):
                    arrow = {"arrowstyle": "->", "color": colour, "shrinkA": 0, "shrinkB": 0}
                    panel.annotate("", tip, start, arrowprops={**arrow, "linewidth": 0.9})
    panel.text(0, -1.15, "θ̂ (south)", color=style.VERMILLION, ha="center", va="top")
    panel.text(0, -1.45, "φ̂ (east)", color=style.BLUE, ha="center", va="top")
    panel.set_aspect("equal")
    panel.set_axis_off()


def _project(longitude, latitude, place_deg: tuple[float, float]):
    """Points of the sphere in the disc, NaN on its far side."""
    lon, lat = np.radians(longitude) - np.radians(place_deg[0]), np.radians(latitude)
    centre = np.radians(place_deg[1])
    x = np.cos(lat) * np.sin(lon)
    y = np.cos(centre) * np.sin(lat) - np.sin(centre) * np.cos(lat) * np.cos(lon)
    depth = np.sin(centre) * np.sin(lat) + np.cos(centre) * np.cos(lat) * np.cos(lon)
    return np.where(depth > 0, x, np.nan), np.where(depth > 0, y, np.nan)


def caption(shapes: np.ndarray, place_deg: tuple[float, float], kernel_size: int) -> str:
    """Text below the figure."""
    n_scales, n_orientations, n_pix = shapes.shape
    nside = healpy.npix2nside(n_pix)
    return (
        f"Left: the local frame in which the wavelets are defined, the same everywhere up to the "
        f"meridian's direction. Right: real (left half) and imaginary parts of the "
        f"{n_orientations} orientations γ of the {kernel_size}×{kernel_size} wavelets around "
        f"l = {place_deg[0]:g}°, b = {place_deg[1]:g}°, for scales j = 0 to {n_scales - 1}, which "
        f"live at nside {nside} / 2^j, seen from above (east to the right), each row twice as wide "
        f"as the one above and in units of its largest weight. A kernel whose stripes did not "
        f"turn by 180°/{n_orientations} from one γ to the next would be wrong."
    )
