"""Distributions of pixel values (Fig. C.3 of arXiv:2503.11643)."""

import numpy as np
import scipy
from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison
from fewtomany.validation.measure.distribution import EDGES

TITLE = "Distribution of pixel values"


def draw(comparison: Comparison) -> Figure:
    """A column per family and Stokes component: the density, and Δ below."""
    families = comparison.families()
    names = comparison.components.names
    beside = len(names) <= 2  # the families, else below each other
    shape = (1, len(families)) if beside else (len(families), 1)
    with style.new(3.6 if beside else 3.2 * len(families)) as figure:
        parts = figure.subfigures(*shape, squeeze=False).ravel()
        for part, members in zip(parts, families.values(), strict=True):
            rows = part.subplots(
                2,
                len(names),
                sharex=True,
                sharey="row",
                height_ratios=(3, 2),
                squeeze=False,
            )
            for component, (panel, residual) in enumerate(rows.T):
                _column(panel, residual, comparison, members, component)
                panel.set_title(names[component])
            rows[0, 0].set_ylabel("density")
            rows[1, 0].set_ylabel("Δ")
            style.legend_above(part, rows[0, 0], ncols=3)
    return figure


def _column(panel, residual, comparison: Comparison, members: list[str], component: int) -> None:
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    width = EDGES[1] - EDGES[0]
    panel.plot(
        centres,
        scipy.stats.norm.pdf(centres),
        color=style.GREY,
        linewidth=3,
        alpha=0.5,
        label="normal",
    )
    style.residual_bands(residual, comparison, members)
    inner = slice(1, -1)  # the outermost bins hold all values beyond
    true = comparison.yardstick(members[0])
    seen = comparison.get("distribution", true, "scatter")[0, component, inner] > 0
    highest = 0.0
    for name in style.lines(comparison, members):
        colour = style.line(comparison, name)
        mean = comparison.get("distribution", name, "mean")[0, component, inner]
        density = np.where(mean > 0, mean / width, np.nan)
        highest = max(highest, np.nanmax(density))
        panel.plot(centres[inner], density, label=name, **colour)
        if name != true:
            delta = comparison.get("distribution", name, "residual")[0, component, inner]
            residual.plot(centres[inner], np.where(seen, delta, np.nan), **colour)
    panel.set_yscale("log")
    panel.set_ylim(1e-6, max(2.0, 1.5 * highest) if comparison.sky.is_homogeneous else 2.0)
    style.wide_residuals(residual)
    unit = "true σ" if comparison.reference else "σ of the inputs"
    residual.set_xlabel(f"pixel value ({unit})")


def _unit(comparison: Comparison) -> str:
    if comparison.sky.is_homogeneous:
        which = "the reference" if comparison.reference else "the inputs"
        return f"of all pixels of {which}, about their mean"
    if comparison.truth:
        return f"{comparison.truth} covariance"
    return "that of the inputs, whose own values then cannot lie far out"


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    shown = style.sizes(comparison, "reference", "input", "emulated", "gaussian")
    pixel = "" if comparison.sky.is_homogeneous else " of its pixel"
    return (
        f"Density of the pixel values of all maps of {shown}, every value in units of the "
        f"standard deviation{pixel} ({_unit(comparison)}), in bins of "
        f"{EDGES[1] - EDGES[0]:g}. Thick grey: the "
        f"standard normal distribution, which a Gaussian effect must have. Bottom: Δ of the "
        f"fraction of a map's pixels in each bin, in units of its scatter over "
        f"{style.true_maps(comparison)}, {style.BANDS} Too little variance shows as a peak at 0 "
        f"and falling wings; wings "
        f"that rise mean values beyond the true ones, as an isotropic model gives where the sky "
        f"is quiet."
    )
