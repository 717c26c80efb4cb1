"""Emulations of a plane or a line beside their inputs and Gaussian maps of the same spectrum."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style

TITLE = "Planes and lines"

COLOURS = {"input": style.BLACK, "emulated": style.BLUE, "gaussian": style.ORANGE}
"""The three sets of maps, in the order in which they are drawn."""

WIDTHS = {"input": 2.0, "emulated": 1.0, "gaussian": 1.0}
"""Of lines: that of an emulation often covers that of the input."""

STATISTICS = ("S1", "S3", "S4")


def draw(arrays: Mapping[str, np.ndarray]) -> Figure:
    """A map of each set above, the mean statistics of each set below.

    Parameters
    ----------
    arrays : by "{set}/{what}", for the sets "input", "emulated" and "gaussian": a "map" of shape
        (n_rows, n_columns) or (n,); its "distribution", (n_bins,); its "spectrum",
        (n_wave_numbers,); moduli of the "coefficients", (n_coefficients,); and of all sets
        "edges" (n_bins + 1,), "wave_numbers" (n_wave_numbers,) and "statistics"
        (n_coefficients,), names
    """
    is_plane = arrays["input/map"].ndim == 2
    with style.new(4.6 if is_plane else 4.9) as figure:
        upper, lower = figure.subfigures(2, 1, height_ratios=(1.25, 1) if is_plane else (1.5, 1))
        (_pictures if is_plane else _streams)(upper, arrays)
        panels = lower.subplots(1, 3, width_ratios=(1, 1, 1.4))
        _distribution(panels[0], arrays)
        _spectrum(panels[1], arrays)
        _coefficients(panels[2], arrays)
    return figure


def _pictures(figure, arrays: Mapping[str, np.ndarray]) -> None:
    low, high = np.percentile(arrays["input/map"], (0.5, 99.5))
    for panel, name in zip(figure.subplots(1, len(COLOURS)), COLOURS, strict=True):
        image = panel.imshow(
            arrays[f"{name}/map"], vmin=low, vmax=high, cmap=style.SEQUENTIAL, interpolation="none"
        )
        panel.set_title(name)
        panel.set_axis_off()
    figure.colorbar(image, ax=figure.axes, shrink=0.8, pad=0.01)


def _streams(figure, arrays: Mapping[str, np.ndarray]) -> None:
    limit = 1.05 * max(np.abs(arrays[f"{name}/map"]).max() for name in COLOURS)
    panels = figure.subplots(len(COLOURS), 1, sharex=True)
    for panel, (name, colour) in zip(panels, COLOURS.items(), strict=True):
        panel.plot(arrays[f"{name}/map"], color=colour, linewidth=0.4)
        panel.set_ylim(-limit, limit)
        panel.set_ylabel(name)
        panel.margins(x=0)
    panels[-1].set_xlabel("sample")


def _distribution(panel: Axes, arrays: Mapping[str, np.ndarray]) -> None:
    for name, colour in COLOURS.items():
        panel.stairs(
            arrays[f"{name}/distribution"],
            arrays["edges"],
            color=colour,
            label=name,
            linewidth=WIDTHS[name],
        )
    panel.set_yscale("log")
    panel.set_ylim(bottom=1e-4)
    panel.set_xlabel("value / deviation")
    panel.set_title("density")
    panel.legend(loc="upper right")


def _spectrum(panel: Axes, arrays: Mapping[str, np.ndarray]) -> None:
    """Without the mean; in bins that widen with the wave number where there are many."""
    k = arrays["wave_numbers"][1:]
    wide = np.unique(np.rint(np.geomspace(1, len(k), 40))).astype(int) - 1
    counts = np.diff([*wide, len(k)])
    x = np.add.reduceat(k, wide) / counts
    for name, colour in COLOURS.items():
        y = np.add.reduceat(arrays[f"{name}/spectrum"][1:], wide) / counts
        panel.plot(x, y, color=colour, linewidth=WIDTHS[name])
    panel.set_xscale("log")
    panel.set_yscale("log")
    if x[-1] < 100 * x[0]:
        style.plain_log(panel.xaxis)
    panel.set_xlabel("cycles per pixel")
    panel.set_title("power spectrum")


def _coefficients(panel: Axes, arrays: Mapping[str, np.ndarray]) -> None:
    """Moduli, by statistic, from the largest of the input to the smallest."""
    kinds = arrays["statistics"]
    order = np.concatenate(
        [
            np.flatnonzero(kinds == kind)[np.argsort(-arrays["input/coefficients"][kinds == kind])]
            for kind in STATISTICS
        ]
    )
    for name, size in (("gaussian", 2), ("input", 5), ("emulated", 1.5)):
        values = arrays[f"{name}/coefficients"][order]
        panel.plot(values, ".", color=COLOURS[name], markersize=size, rasterized=True)
    ends = np.cumsum([(kinds == kind).sum() for kind in STATISTICS])
    middles = (0, (ends[0] + ends[1]) / 2, (ends[1] + ends[2]) / 2)
    for end, middle, kind in zip(ends, middles, STATISTICS, strict=True):
        panel.axvline(end, color=style.GREY, linewidth=0.4)
        side = "right" if middle == 0 else "center"
        panel.text(middle, 1.02, kind, ha=side, transform=panel.get_xaxis_transform())
    panel.set_yscale("log")
    panel.set_ylim(bottom=1e-4)
    panel.set_xlabel("coefficient, by size in the input; moduli")
