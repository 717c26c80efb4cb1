"""One look: a map of the inputs and an emulated one side by side, and their scatter."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fewtomany.figures import style
from fewtomany.figures.maps import patch, projection, scales_of, show
from fewtomany.validation.judge.comparison import Comparison

TITLE = "Inputs and emulation side by side"

N_COMPONENTS = 3
"""Components that are shown, at most."""


def draw(
    comparison: Comparison, maps: Mapping[str, np.ndarray], inputs: str, emulated: str
) -> Figure:
    """Rows of components: a map of the inputs, an emulated one, and the deviations of both.

    Parameters
    ----------
    maps : arrays of shape (n_maps, n_components, n_pix), K, by dataset
    inputs, emulated : the two datasets
    """
    letters = comparison.components.names[:N_COMPONENTS]
    scales, unit = scales_of(comparison, inputs)
    columns = [("one of the inputs", inputs, 0), ("one of the emulated", emulated, 0)]
    columns += [("σ of the inputs", inputs, None), ("σ of the emulated", emulated, None)]
    height = 0.9 if patch(comparison.sky) is None else 1.7
    with style.new(height * len(letters) + 0.6) as figure:
        axes = figure.subplots(len(letters), len(columns), squeeze=False)
        for component, (row, letter) in enumerate(zip(axes, letters, strict=True)):
            scale = scales[component]
            true = comparison.get("pixels", inputs, "deviation")[component] / scale
            limit, widest = 2.5 * np.sqrt(np.mean(true**2)), np.percentile(true, 99)
            for panel, (title, dataset, number) in zip(row, columns, strict=True):
                if number is None:
                    deviation = comparison.get("pixels", dataset, "deviation")[component]
                    drawn = show(panel, comparison.sky, deviation / scale, 0, widest)
                else:
                    one = maps[dataset][number, component]
                    drawn = show(panel, comparison.sky, one / scale, -limit, limit)
                if component == 0:
                    panel.set_title(title)
                if panel in row[1::2]:
                    figure.colorbar(
                        drawn,
                        ax=panel,
                        shrink=0.8,
                        aspect=12,
                        ticks=MaxNLocator(4),
                        label=unit,
                        extend="max" if number is None else "both",
                    )
            row[0].text(-0.04, 0.5, letter, transform=row[0].transAxes, ha="right", va="center")
    return figure


def caption(comparison: Comparison, inputs: str, emulated: str) -> str:
    """Text below the figure."""
    shown = {name: comparison.datasets[name].n_maps for name in (inputs, emulated)}
    return (
        f"A map of {inputs} ({shown[inputs]:,} maps), one of {emulated} ({shown[emulated]:,} "
        f"maps), and the standard deviation of the pixels of each, in one scale. "
        f"{projection(comparison.sky)}, {comparison.frame} coordinates."
    )
