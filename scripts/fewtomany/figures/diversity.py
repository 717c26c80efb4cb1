"""Diversity of emulated maps: nearest neighbours, and variance within and between batches."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style

TITLE = "Diversity"

_LINES = {
    "total": {"color": style.BLUE, "label": "all maps"},
    "within": {"color": style.SKY, "label": "within batches"},
    "between": {"color": style.VERMILLION, "linestyle": "--", "label": "batch means"},
}


def draw(part: dict) -> Figure:
    """A row per emulated dataset: two histograms of nearest neighbours, and variances."""
    datasets = part["datasets"]
    with style.new(0.4 + 1.9 * len(datasets)) as figure:
        rows = figure.subplots(len(datasets), 3, sharex="col", squeeze=False)
        for row, (name, found) in zip(rows, datasets.items(), strict=True):
            _histograms(row[0], part["bins"], found["nearest"]["input"])
            _histograms(row[1], part["bins"], found["nearest"]["other"])
            _variances(row[2], found["ratios"][_family(part)])
            row[0].set_ylabel(name)
        rows[0, 0].set_title("nearest input")
        rows[0, 1].set_title("nearest other map")
        rows[0, 2].set_title(f"variance of {_family(part)} over the truth")
        for panel in rows[-1, :2]:
            panel.set_xlabel("correlation")
        rows[-1, 2].set_xlabel("multipole ℓ")
        rows[0, 0].legend(loc="upper right")
        rows[0, 2].legend(loc="upper right")
    return figure


def _histograms(panel: Axes, bins: list[float], pair: list[list[float]]) -> None:
    mine, true = pair
    panel.stairs(true, bins, color=style.GREY, fill=True, alpha=0.4, label="true maps")
    panel.stairs(mine, bins, color=style.BLUE, label="emulated")
    panel.axvline(1, color=style.BLACK, linewidth=0.6, linestyle=":")
    panel.set_xlim(bins[0], 1.05)
    panel.set_yticks([])


def _variances(panel: Axes, ratios: dict[str, list[float]]) -> None:
    for name, line in _LINES.items():
        values = np.array(ratios[name])
        panel.plot(np.arange(2, 2 + len(values)), values, **line)
    panel.axhline(1, color=style.BLACK, linewidth=0.6)
    panel.set_ylim(0, 1.3 * panel.get_ylim()[1])


def caption(part: dict) -> str:
    """Text below the figure."""
    sizes = ", ".join(
        f"{name} ({found['n_maps']:,} maps, {found['n_inputs']} inputs)"
        for name, found in part["datasets"].items()
    )
    return (
        f"Diversity of {sizes}, beside as many true maps (grey). Left: correlation of every map "
        f"with the most similar input. Middle: with the most similar other map of its dataset; a "
        f"copy lies at 1 (dotted). Right: variance over the maps of {_family(part)}, "
        f"over that of the reference's maps: of all maps, of maps within their batch, and of the "
        f"means of batches. All maps should have 1; an average target leaves the means of batches "
        f"no scatter, single targets give them that of the inputs. Too few, or copied, maps would "
        f"move the histograms to the right; a variance below 1 means maps that are too much alike."
    )


def _family(part: dict) -> str:
    """The family of statistics whose variances are shown."""
    return next(iter(next(iter(part["datasets"].values()))["ratios"]))
