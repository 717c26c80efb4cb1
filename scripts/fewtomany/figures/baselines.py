"""Covariance models from the same inputs: who is closest to the truth."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style

TITLE = "Baselines"

PANELS = {
    "kl": "Kullback–Leibler (nats)",
    "variance_error": "error of pixel variances",
    "correlation_error": "error of correlations",
    "correlation_match": "match of correlations",
}

LABELS = {
    "raw": "raw inputs",
    "ledoit-wolf": "Ledoit–Wolf",
    "oas": "oracle-approximating",
    "diagonal": "toward their diagonal",
    "isotropic": "isotropic",
    "toward isotropic": "toward isotropic",
    "nonlinear": "nonlinear shrinkage",
    "nercome": "NERCOME",
    "without-emulation": "best without emulation",
}


def draw(part: dict) -> Figure:
    """A row per input dataset, a column per distance, a mark per model."""
    families = part["models"]
    rows = max(len(_rows(part, name)) for name in families)
    with style.new(0.7 + 0.19 * rows * len(families)) as figure:
        panels = figure.subplots(len(families), len(PANELS), sharex="col", squeeze=False)
        for row, name in zip(panels, families, strict=True):
            lines = _rows(part, name)
            for panel, distance in zip(row, PANELS, strict=True):
                _marks(panel, lines, distance)
                panel.set_yticks(range(len(lines)), [])
                panel.set_ylim(len(lines) - 0.5, -0.5)
                panel.tick_params(axis="y", length=0)
                panel.grid(axis="y", color=style.GREY, alpha=0.25, linewidth=0.5)
                if distance != "correlation_match":
                    panel.set_xscale("log")
            row[0].set_yticklabels([label for label, _, _ in lines])
            row[0].set_ylabel(name)
        for column, (distance, title) in zip(panels.T, PANELS.items(), strict=True):
            column[0].set_title(title)
            if distance != "correlation_match":
                style.plain_log(column[-1].xaxis)
    return figure


def _rows(part: dict, family: str) -> list[tuple[str, str, dict]]:
    """Label, colour and numbers of every model of an input dataset, baselines first."""
    rows = []
    for name, model in part["models"][family].items():
        if not model["emulated"]:
            rows.append((LABELS.get(name, name), style.ORANGE, model))
    for name, model in part["models"][family].items():
        if model["emulated"]:
            dataset = name.removeprefix("toward ")
            rows.append((dataset, style.BLUE, part["datasets"][dataset]))
            rows.append((f"recommended, {dataset}", style.PURPLE, model))
    return rows


def _marks(panel: Axes, lines: list[tuple[str, str, dict]], distance: str) -> None:
    values = [model["values"][distance] for _, _, model in lines]
    known = [value for value in values if value is not None]
    for place, ((_, colour, model), value) in enumerate(zip(lines, values, strict=True)):
        if value is None:
            panel.text(
                0.97, place, "∞", transform=panel.get_yaxis_transform(), ha="right", va="center"
            )
            continue
        error = model["errors"][distance] or 0.0
        panel.errorbar(
            value, place, xerr=error, color=colour, marker="o", markersize=4, linestyle=""
        )
    best = max(known) if distance == "correlation_match" else min(known)
    panel.axvline(best, color=style.BLACK, linewidth=0.5, linestyle=":")
    if distance == "correlation_match":
        panel.set_xlim(0, 1.1 * np.max(known))


def caption(part: dict) -> str:
    """Text below the figure."""
    isotropic = any("isotropic" in name for some in part["models"].values() for name in some)
    naive = ", the set of isotropic Gaussian maps and shrinkage toward it" if isotropic else ""
    return (
        f"Covariance models made from the same inputs, against the truth ({part['truth']}): the "
        f"inputs' own sample covariance, Ledoit–Wolf and oracle-approximating shrinkage toward "
        f"the unit matrix, shrinkage toward its own diagonal{naive}, nonlinear shrinkage (Ledoit & "
        f"Wolf 2020), NERCOME (Joachimi 2017), and the best without emulation: weights of the "
        f"inputs, turned inputs and simpler covariances by held-out likelihood (orange); the "
        f"emulated covariance (blue); its recommended mixture with the best without it (purple). "
        f"Everything follows from the inputs alone. Left: in the "
        f"{part['n_modes']} leading modes; ∞ marks a covariance that is singular there. The error "
        f"of the correlations is small for any model without correlations; the last column, their "
        f"correlation coefficient with the true ones, is not deceived. Error bars: jackknife over "
        f"inputs, batches or targets. Dotted: the best model. Emulation fails where an orange mark "
        f"is closest to the truth."
    )
