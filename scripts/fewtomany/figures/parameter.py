"""What covariance models of the systematic do to r and to the reionization bump."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.figures.baselines import LABELS
from fewtomany.validation.parameter import IGNORED, TRUTH

TITLE = "Parameters"

COLOURS = (style.SKY, style.BLUE, style.PURPLE, style.VERMILLION, style.ORANGE)
MARKERS = ("o", "s", "D", "^", "v")

WIDE = 10.0
"""Biases (true scatters) are on a linear axis up to here."""

CLAIMED, BIAS, TOTAL = (
    "claimed error / true scatter",
    "bias / true scatter",
    "rms error / best possible",
)
COLUMNS = (CLAIMED, BIAS, TOTAL)

ROWS = {"r": "r", "A": "A (reionization bump)"}

_LABELS = LABELS | {IGNORED: "systematic ignored", TRUTH: "true covariance"}


def draw(part: dict) -> Figure:
    """A row per parameter, a column per question; a line per model, a mark per amplitude."""
    names = list(part["models"])
    with style.new(1.0 + 2 * (0.35 + 0.17 * len(names))) as figure:
        panels = figure.subplots(len(ROWS), len(COLUMNS), sharey=True, squeeze=False)
        for row, (parameter, label) in zip(panels, ROWS.items(), strict=True):
            for panel, column in zip(row, COLUMNS, strict=True):
                _marks(panel, part, parameter, column)
                panel.grid(axis="y", color=style.GREY, alpha=0.25, linewidth=0.5)
                panel.tick_params(axis="y", length=0)
            row[0].set_yticks(range(len(names)), [_LABELS.get(name, name) for name in names])
            row[0].set_ylim(len(names) - 0.5, -0.5)
            row[0].set_ylabel(label)
        for panel, column in zip(panels[0], COLUMNS, strict=True):
            panel.set_title(column)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        title = "systematic × s (its B power at ℓ ≤ 10 over that of CMB and noise)"
        figure.legend(
            handles, labels, loc="outside upper center", ncols=len(labels), title=title
        ).get_title().set_fontsize(7)
    return figure


def _marks(panel: Axes, part: dict, parameter: str, column: str) -> None:
    names = list(part["models"])
    scales = part["scales"]
    spread = np.linspace(-0.25, 0.25, len(scales)) if len(scales) > 1 else [0.0]
    for place, scale in enumerate(scales):
        ratio = part["power_ratio"][place]
        panel.plot(
            [_value(part, name, parameter, column, place) for name in names],
            np.arange(len(names)) + spread[place],
            color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place % len(MARKERS)],
            markersize=3.5,
            linestyle="",
            label=f"s = {scale:.2g} ({ratio:.2g})",
        )
    if column == BIAS:
        panel.axvline(0, color=style.BLACK, linewidth=0.6)
        largest = max(1.0, *np.abs(panel.dataLim.intervalx))
        if largest > WIDE:
            panel.set_xscale("symlog", linthresh=1)
        panel.xaxis.set_major_formatter("{x:g}")
        panel.set_xlim(min(panel.dataLim.x0 - 0.1 * largest, -1), 1.1 * largest)
    else:
        panel.axvline(1, color=style.BLACK, linewidth=0.6)
        panel.set_xscale("log")
        low, high = panel.get_xlim()
        panel.set_xlim(*((min(low, 0.45), 1.3) if column == CLAIMED else (0.9, max(high, 2.3))))
        style.plain_log(panel.xaxis)
    if column == CLAIMED:
        panel.axvspan(0.9, 1.1, **style.BAND)


def _value(part: dict, name: str, parameter: str, column: str, place: int) -> float:
    found = part["models"][name][parameter]
    if column == CLAIMED:
        return found["claimed_over_scatter"][place]
    if column == BIAS:
        return found["bias_over_scatter"][place]
    best = part["models"][TRUTH][parameter]["scatter"][place]
    return float(np.hypot(found["scatter"][place], found["bias"][place]) / best)


def caption(part: dict) -> str:
    """Text below the figure."""
    best = {name: part["models"][TRUTH][name]["scatter"][0] for name in ROWS}
    fiducial = part["fiducial"]
    large = part["large_scales"]
    values = f"{part['n_values']:,} {f'combinations with ℓ ≤ {large}' if large else 'values'}"
    return (
        f"A Gaussian pixel likelihood of Q and U ({values}, nside "
        f"{part['nside']}): CMB with r = {fiducial['r']:g} and τ = {fiducial['tau']:g} up to "
        f"ℓ = {part['lmax']}, s times the systematic, white noise of "
        f"{part['noise_uk_arcmin']:g} µK arcmin. It estimates r and the amplitude A of the "
        f"reionization bump (τ² to first order; σ(τ) = {fiducial['tau'] / 2:g} σ(A)) together, in "
        f"one step from the fiducial values, with each covariance model of the systematic. Left: "
        f"the error that it claims over its true scatter; grey: within 10%. Middle: its bias over "
        f"that scatter. Right: its true rms error, bias included, over the error with the true "
        f"covariance ({best['r']:.2g} of r and {best['A']:.2g} of A at s = {part['scales'][0]:g}). "
        f"All from traces under the true covariance: there are no random maps and no error bars. "
        f"A model fails where the left mark lies below the band: it claims more than it knows."
    )
