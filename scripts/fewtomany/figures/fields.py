"""Maps of planes and lines side by side: pictures of a plane, traces of a line."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import maps as of_sphere
from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison

TITLE = "Maps"

N_SHOWN = 2
"""Realizations of each dataset that there are at least."""

N_PICTURES = 4
"""Pictures of a plane side by side, at most."""


def draw(comparison: Comparison, maps: Mapping[str, np.ndarray]) -> Figure:
    """Rows of datasets: their first maps.

    Parameters
    ----------
    maps : arrays of shape (at least N_SHOWN, n_components, n_pix) by dataset
    """
    order = of_sphere.order(comparison, maps)
    shown = {name: comparison.sky.image(maps[name][:N_PICTURES]) for name in order}
    return (_pictures if len(comparison.shape) == 2 else _traces)(comparison, shown)


def _pictures(comparison: Comparison, shown: Mapping[str, np.ndarray]) -> Figure:
    names = comparison.components.names
    each = max(N_PICTURES // len(names), 1)
    columns = each * len(names)
    rows, sides = len(shown), comparison.shape[0] / comparison.shape[1]
    with style.new(0.3 + rows * min(style.WIDTH * 0.85 / columns * sides, 3)) as figure:
        axes = figure.subplots(rows, columns, squeeze=False)
        scales = [_range(shown, component) for component in range(len(names))]
        for row, (name, pictures) in zip(axes, shown.items(), strict=True):
            for column, panel in enumerate(row):
                component, number = divmod(column, each)
                panel.set_xticks([])
                panel.set_yticks([])
                if number >= len(pictures):
                    panel.set_visible(False)
                    continue
                image = panel.imshow(
                    pictures[number, component],
                    vmin=scales[component][0],
                    vmax=scales[component][1],
                    cmap=style.SEQUENTIAL,
                    interpolation="none",
                )
                if panel in axes[0]:
                    letter = f"{names[component]}, " if len(names) > 1 else ""
                    panel.set_title(f"{letter}map {number}")
            row[0].set_ylabel(name)
        if len(names) == 1:
            figure.colorbar(image, ax=axes, shrink=0.5, aspect=30, pad=0.01, extend="both")
    return figure


def _range(shown: Mapping[str, np.ndarray], component: int) -> tuple[float, float]:
    """Ends of the colours: nearly all values of the first dataset, the true maps."""
    first = next(iter(shown.values()))[:, component]
    return tuple(np.nanpercentile(first, (0.5, 99.5)))


def _traces(comparison: Comparison, shown: Mapping[str, np.ndarray]) -> Figure:
    names = comparison.components.names
    limit = 1.05 * max(np.nanmax(np.abs(traces[:N_SHOWN])) for traces in shown.values())
    with style.new(0.4 + 0.85 * len(shown) * len(names)) as figure:
        axes = figure.subplots(
            len(shown) * len(names), N_SHOWN, sharex=True, sharey=True, squeeze=False
        )
        rows = [(name, component) for name in shown for component in range(len(names))]
        for row, (name, component) in zip(axes, rows, strict=True):
            for number, panel in enumerate(row):
                _trace(panel, comparison, name, shown[name][number, component])
            row[0].set_ylabel(name + (f"\n{names[component]}" if len(names) > 1 else ""))
        axes[0, 0].set_ylim(-limit, limit)
        for number, panel in enumerate(axes[0]):
            panel.set_title(f"map {number}")
        for panel in axes[-1]:
            panel.set_xlabel("sample")
    return figure


def _trace(panel: Axes, comparison: Comparison, name: str, values: np.ndarray) -> None:
    colour = style.line(comparison, name)["color"]
    panel.plot(values, color=colour, linewidth=0.4, rasterized=True)
    panel.margins(x=0)


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    roles = ("reference", "input", "emulated", "gaussian")
    return (
        f"The first maps of each dataset: {style.sizes(comparison, *roles)}. A "
        f"{comparison.sky.name}; one scale for all. Emulated maps should have the structure of the "
        f"true ones, in other places: Gaussian maps have their spectrum and nothing of it. A "
        f"failing emulation looks like these, or repeats its input."
    )
