"""How many true simulations an emulated covariance is worth."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fewtomany.figures import style

TITLE = "Equivalent number of true simulations"

PANELS = {
    "kl": "Kullback–Leibler (nats)",
    "forstner": "Förstner distance",
    "variance_error": "error of pixel variances",
    "correlation_error": "error of correlations",
    "correlation_error:0-6": "the same, 0–6° apart",
    "correlation_error:6-15": "the same, 6–15° apart",
}

COLOURS = (style.BLUE, style.PURPLE, style.GREEN, style.VERMILLION, style.ORANGE)


def draw(part: dict) -> Figure:
    """A panel per distance with a curve of true maps, and the emulations where they lie on it."""
    raw = part["curves"]["raw"]
    names = [name for name in PANELS if name in raw and raw[name]["n_maps"]]
    datasets = _emulated(part)
    with style.new(4.6) as figure:
        panels = figure.subplots(2, 3, squeeze=False).ravel()
        for panel, name in zip(panels, names, strict=False):
            _curve(panel, part["curves"]["raw"][name], linestyle="-", color=style.BLACK)
            _curve(panel, part["curves"]["shrunk"][name], linestyle="--", color=style.GREY)
            for dataset, colour in zip(datasets, COLOURS, strict=False):
                _level(panel, part, dataset, name, colour, "o")
                _level(panel, part, f"toward {dataset}", name, colour, "D")
            panel.set_title(PANELS[name])
            panel.set_xscale("log")
            panel.set_yscale("log")
            style.plain_log(panel.yaxis)
        for panel in panels[len(names) :]:
            panel.set_visible(False)
        for panel in panels[3:]:
            panel.set_xlabel("true simulations N")
        for panel in panels[::3]:
            panel.set_ylabel("distance from the truth")
        line, point = {"marker": "", "color": style.BLACK}, {"linestyle": "", "color": style.BLACK}
        handles = [
            Line2D([], [], **line, label="N true maps"),
            Line2D([], [], **{**line, "color": style.GREY}, linestyle="--", label="N, shrunk"),
            Line2D([], [], **point, marker="o", label="emulated covariance"),
            Line2D([], [], **point, marker="D", fillstyle="none", label="recommended"),
        ]
        handles += [
            Line2D([], [], color=colour, linewidth=2.5, label=dataset)
            for dataset, colour in zip(datasets, COLOURS, strict=False)
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def _emulated(part: dict) -> list[str]:
    return [name for name in part["equivalent"] if not name.startswith("toward ")]


def _curve(panel: Axes, curve: dict, **options) -> None:
    panel.plot(curve["n_maps"], curve["mean"], **options)
    mean = np.array(curve["mean"])
    error = np.array([value or 0.0 for value in curve["error"]])
    band = {"alpha": 0.25, "linewidth": 0, "color": options["color"]}
    panel.fill_between(curve["n_maps"], mean - error, mean + error, **band)


def _level(panel: Axes, part: dict, label: str, name: str, colour: str, marker: str) -> None:
    """A model on the raw curve, at its equivalent number, with the interval of one error."""
    found = part["equivalent"][label]["raw"][name]
    if found is None:
        return
    source = part["datasets"].get(label)
    if source is None:
        source = next(some[label] for some in part["models"].values() if label in some)
    distance, n_maps = source["values"][name], found["n_maps"]
    low, high = (found[key] or n_maps for key in ("low", "high"))
    panel.axhline(distance, color=colour, linewidth=0.5, linestyle=":")
    fill = "full" if marker == "o" else "none"
    panel.errorbar(
        n_maps,
        distance,
        xerr=[[max(n_maps - low, 0)], [max(high - n_maps, 0)]],
        color=colour,
        marker=marker,
        fillstyle=fill,
        markersize=4.5,
        capsize=2,
        linestyle="",
        zorder=4,
    )


def caption(part: dict) -> str:
    """Text below the figure."""
    sizes = part["curves"]["raw"]["variance_error"]["n_maps"] or [0]
    apart = ""
    if part["truth"] != "exact":
        apart = (
            "The truth is the covariance of the true maps themselves: each set of N is held "
            "against that of all others. "
        )
    return (
        f"Distance from the truth ({part['truth']}) of the covariance of N true maps, "
        f"N = {sizes[0]} to {sizes[-1]:,}: as it is (black; Kullback–Leibler "
        f"and Förstner distance in the {part['n_modes']} leading modes are infinite for "
        f"N ≤ {part['n_modes']}), and shrunk toward its own diagonal with a cross-validated "
        f"intensity (dashed). {apart}Bands: standard error over up to 8 separate sets of N maps. "
        f"Symbols lie on the black curve where it has the distance of the emulated covariance "
        f"(filled) and of the recommended covariance (open): their abscissa is the "
        f"equivalent number of true simulations. Error bars: jackknife over batches, targets or "
        f"inputs, with the error of the curve. An emulation fails where its symbol lies left of "
        f"the number of its inputs; a symbol at an end of the curve is a bound."
    )
