"""Scattering coefficients (Fig. C.1 of arXiv:2503.11643)."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison

TITLE = "Scattering coefficients"

STATISTICS = ("S1", "S2", "S3", "S4")


def draw(comparison: Comparison) -> Figure:
    """For each family: the coefficients of the first component, and Δ of all, by statistic."""
    families = comparison.families()
    labels = [name.split("|") for name in comparison.labels("scattering")]
    statistic = np.array([label[0][:2] for label in labels])
    components = np.array([label[1] for label in labels])
    first = comparison.components.names[0]
    shown = dict.fromkeys(components)
    unit, _ = comparison.sky.shown
    with style.new((1.6 + len(shown)) * len(families)) as figure:
        parts = figure.subfigures(len(families), 1, squeeze=False)[:, 0]
        for part, members in zip(parts, families.values(), strict=True):
            heights = (1.6, *(1 for _ in shown))
            rows = part.subplots(
                1 + len(shown), len(STATISTICS), height_ratios=heights, sharey=False
            )
            for column, kind in zip(rows.T, STATISTICS, strict=True):
                chosen = (statistic == kind) & (components == first)
                _means(column[0], comparison, members, chosen)
                of_unit = f" ({unit}²)" if unit and kind == "S2" else ""
                column[0].set_title(f"{kind} of {first}{of_unit}")
                if kind == "S2":
                    column[0].set_yscale("log")
                for panel, pair in zip(column[1:], shown, strict=True):
                    chosen = (statistic == kind) & (components == pair)
                    if chosen.any():
                        _residuals(panel, comparison, members, chosen)
                    else:  # there is no S1 of a pair
                        panel.set_visible(False)
                column[-1].set_xlabel("coefficient")
                column[-1].xaxis.set_major_locator(MaxNLocator(4, integer=True))
            for row, pair in zip(rows[1:], shown, strict=True):
                first_panel = next(panel for panel in row if panel.get_visible())
                first_panel.set_ylabel(f"Δ of {pair}")
            style.legend_above(part, rows[0, 0])
    return figure


def _means(panel, comparison: Comparison, members: list[str], chosen: np.ndarray) -> None:
    number = np.arange(chosen.sum())
    true = comparison.yardstick(members[0])
    mean, scatter = (comparison.get("scattering", true, x)[chosen] for x in ("mean", "scatter"))
    panel.fill_between(number, mean - scatter, mean + scatter, label="±σ of one map", **style.BAND)
    for name in style.lines(comparison, members):
        values = comparison.get("scattering", name, "mean")[chosen]
        panel.plot(number, values, label=name, **_points(comparison, name, chosen))
    panel.set_xticklabels([])


def _residuals(panel, comparison: Comparison, members: list[str], chosen: np.ndarray) -> None:
    style.residual_bands(panel, comparison, members)
    number = np.arange(chosen.sum())
    for name in members:
        if name == comparison.yardstick(name):
            continue
        delta = comparison.get("scattering", name, "residual")[chosen]
        panel.plot(number, delta, **_points(comparison, name, chosen))
    panel.set_ylim(-12, 12)
    style.wide_residuals(panel)


def _points(comparison: Comparison, name: str, chosen: np.ndarray) -> dict:
    size = 2.0 if chosen.sum() < 100 else 0.7
    if comparison.datasets[name].role == "input":  # seen around the emulations that cover them
        size *= 2
    return {
        **style.line(comparison, name),
        "linestyle": "none",
        "marker": ".",
        "markersize": size,
        "rasterized": True,
    }


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    shown = style.sizes(comparison, "reference", "input", "emulated", "gaussian")
    return (
        f"Scattering coefficients S1 to S4 of {shown}, a block for each input dataset; maps as "
        f"they are, wavelets along the east, S1, S3 and S4 normalized by S2. Top: mean values of "
        f"{comparison.components.names[0]} from fine to coarse scales, real parts before "
        f"imaginary ones at "
        f"each scale; grey: scatter σ of {style.true_maps(comparison)}. Below: "
        f"Δ = (⟨S⟩ − ⟨S_ref⟩)/σ_ref, against {style.against(comparison)}, for each component and "
        f"each pair, {style.BANDS} An emulation should stay within ±1 "
        f"everywhere; coefficients far outside say at which scales and orientations its texture "
        f"is wrong."
    )
