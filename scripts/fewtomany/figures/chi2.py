"""Reduced χ² of reference maps under every covariance (Fig. 6 of arXiv:2503.11643)."""

import numpy as np
import scipy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison

TITLE = "Reduced χ²"

N_BINS = 60


def draw(comparison: Comparison) -> Figure:
    """A panel per family: densities in ln(χ²/d) of the χ² under its covariances."""
    families = comparison.families()
    values = [array for key, array in comparison.arrays.items() if key.startswith("chi2/")]
    low, high = np.quantile(values, (0.001, 0.999))
    edges = np.geomspace(low / 1.2, high * 1.2, N_BINS + 1)
    fine = np.geomspace(edges[0], edges[-1], 500)
    with style.new(2.8) as figure:
        panels = figure.subplots(1, len(families), sharey=True, squeeze=False)[0]
        for panel, members in zip(panels, families.values(), strict=True):
            _plot(panel, comparison, "reference", edges, fill=True, alpha=0.25)
            n_modes = comparison.datasets["reference"].n_modes
            density = fine * n_modes * scipy.stats.chi2.pdf(fine * n_modes, n_modes)
            panel.plot(fine, density, color=style.BLACK, linewidth=0.6, label="expected")
            for name in members:
                _plot(panel, comparison, name, edges)
                if comparison.datasets[name].role == "emulated":
                    _plot(panel, comparison, name, edges, "true_draws", linestyle=":")
            panel.set_xscale("log")
            panel.set_xlabel("χ²/d")
            panel.xaxis.set_major_formatter("{x:g}")
            panel.set_yticks([])
            panel.spines["left"].set_visible(False)
            panel.legend(loc="upper left")
    return figure


def _plot(
    panel: Axes,
    comparison: Comparison,
    name: str,
    edges: np.ndarray,
    array: str = "values",
    **options,
) -> None:
    """Density of ln(χ²/d) as steps."""
    values = comparison.get("chi2", name, array)
    counts, _ = np.histogram(values, edges)
    density = counts / len(values) / np.diff(np.log(edges))
    shown = comparison.datasets[name]
    label = f"{name}, d = {shown.n_modes}" if array == "values" else "as many true maps"
    panel.stairs(density, edges, label=label, **style.line(comparison, name), **options)


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    shown = style.sizes(comparison, "reference", "input", "emulated", "gaussian")
    return (
        f"Reduced χ² of the first {comparison.chi2_maps:,} reference maps in the d leading modes "
        f"of each covariance: {shown}. Thin line: the χ² distribution with the reference's d. "
        f"Dotted: under as many true maps as the emulation has, at most as many as the reference. "
        f"A covariance whose modes hold too little variance lies to the right of its dotted line, "
        f"one with too much to the left."
    )
