"""Diversity of emulated maps: nearest neighbours, and variance within and between batches."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style

TITLE = "Diversity"

_LINES = {
    "total": {"color": style.BLUE, "label": "all maps"},
    "within": {"color": style.SKY, "label": "within batches"},
    "between": {"color": style.VERMILLION, "label": "batch means"},
}
LOWEST = 1e-3
"""Ratios of variances below are not shown: the means of batches of one target, for one."""

_DASHED = ("between",)
_MARKERS = {"total": "o", "within": "s", "between": "^"}


def draw(part: dict) -> Figure:
    """A row per emulated dataset: histograms of nearest neighbours, variances of statistics."""
    datasets = part["datasets"]
    with style.new(0.4 + 1.9 * len(datasets)) as figure:
        rows = figure.subplots(
            len(datasets), 4, sharex="col", squeeze=False, width_ratios=(1, 1, 1.2, 1.8)
        )
        for row, (name, found) in zip(rows, datasets.items(), strict=True):
            held_against = "true maps" if found["yardstick"] == "reference" else "inputs"
            _histograms(row[0], part["bins"], found["nearest"]["input"], held_against)
            _histograms(row[1], part["bins"], found["nearest"]["other"], held_against)
            _variances(row[2], found["ratios"][_family(part)], part)
            _medians(row[3], found["percentiles"])
            row[0].set_ylabel(name)
        rows[0, 0].set_title("nearest input")
        rows[0, 1].set_title("nearest other map")
        rows[0, 2].set_title(f"variance of {_family(part)}")
        rows[0, 3].set_title("variance of scattering coefficients")
        for panel in rows[-1, :2]:
            panel.set_xlabel("correlation")
        rows[-1, 2].set_xlabel(part.get("axis", "multipole ℓ"))
        rows[0, 0].legend(loc="upper right")
        handles, labels = rows[0, 3].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return figure


def _histograms(panel: Axes, bins: list[float], pair: list[list[float]], held_against: str) -> None:
    mine, true = pair
    panel.stairs(true, bins, color=style.GREY, fill=True, alpha=0.4, label=held_against)
    panel.stairs(mine, bins, color=style.BLUE, label="emulated")
    panel.axvline(1, color=style.BLACK, linewidth=0.6, linestyle=":")
    panel.set_xlim(bins[0], 1.05)
    panel.set_yticks([])


def _variances(panel: Axes, ratios: dict[str, list[float]], part: dict) -> None:
    x = None
    if "wave_numbers" in part:
        x = style.grouped(np.array(part["wave_numbers"]))
        panel.set_xscale("log")
    for name, line in _LINES.items():
        values = np.array(ratios[name])
        dashes = "--" if name in _DASHED else "-"
        if x is None:
            panel.plot(np.arange(2, 2 + len(values)), values, linestyle=dashes, **line)
        else:
            panel.plot(x, style.grouped(values), linestyle=dashes, **line)
    panel.axhline(1, color=style.BLACK, linewidth=0.6)
    panel.set_ylim(0, 1.3 * panel.get_ylim()[1])


def _medians(panel: Axes, percentiles: dict[str, dict[str, list[float]]]) -> None:
    families = [family for family in percentiles if not family.endswith("spectra")]
    for shift, (name, line) in zip((-0.2, 0, 0.2), _LINES.items(), strict=True):
        low, middle, high = np.array([percentiles[family][name] for family in families]).T
        panel.errorbar(
            np.arange(len(families)) + shift,
            middle,
            yerr=(middle - low, high - middle),
            fmt=_MARKERS[name],
            markersize=3,
            **line,
        )
    panel.axhline(1, color=style.BLACK, linewidth=0.6)
    panel.set_yscale("log")
    panel.set_ylim(bottom=max(panel.get_ylim()[0], LOWEST))
    style.plain_log(panel.yaxis)
    names = [family.replace("-scale S1 to S4", "").replace(" ", "\n") for family in families]
    panel.set_xticks(range(len(families)), names)


def caption(part: dict) -> str:
    """Text below the figure."""
    sizes = ", ".join(
        f"{name} ({found['n_maps']:,} maps, {found['n_inputs']} inputs)"
        for name, found in part["datasets"].items()
    )
    return (
        f"Diversity of {sizes}, beside {_true(part)} (grey). Left: correlation of every map "
        f"with the most similar input. Middle: with the most similar other map of its dataset; a "
        f"copy lies at 1 (dotted). Then the variance over the maps of {_family(part)}, over that "
        f"of these: of all maps, of maps within their batch, and of the means of "
        f"batches. Right: the same of the scattering coefficients S1 to S4 of all components and "
        f"their pairs, by statistic (S2, a power, apart from the coherence of a pair), and of all "
        f"four by scale, the finer half and the coarser of the scales j1: median and 16th to 84th "
        f"percentile of the coefficients. All maps "
        f"should have 1; an average target leaves the means of batches little scatter, single "
        f"targets give them that of the inputs. Too few, or copied, maps would "
        f"move the histograms to the right; a variance below 1 means maps that are too much alike."
    )


def _true(part: dict) -> str:
    """The true maps that emulations are held against."""
    yardsticks = {found["yardstick"] for found in part["datasets"].values()}
    if yardsticks == {"reference"}:
        return "as many true maps"
    return "their inputs, each compared with the others, as many emulated maps with each other"


def _family(part: dict) -> str:
    """The family of statistics whose variances are shown."""
    return next(iter(next(iter(part["datasets"].values()))["ratios"]))
