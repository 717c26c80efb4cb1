"""Leading eigenvalues of the covariances (Fig. 6 of arXiv:2503.11643)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison

TITLE = "Eigenvalues"


def draw(comparison: Comparison) -> Figure:
    """A column per family: the eigenvalues, and their ratios to the true ones."""
    families = comparison.families()
    unit, scale = comparison.sky.shown
    with style.new(3.6) as figure:
        rows = figure.subplots(2, len(families), sharex=True, sharey="row", squeeze=False)
        for (values, ratios), members in zip(rows.T, families.values(), strict=True):
            known = [comparison.truth] if comparison.truth else []
            known += ["reference"] if comparison.reference else []
            names = dict.fromkeys([*known, *members])
            for name in names:
                _plot(values, comparison, name, "values", scale**2, label=name)
                _plot(ratios, comparison, name, "ratio")
                if comparison.datasets[name].role == "emulated" and comparison.truth:
                    label = "as many true maps"
                    _plot(ratios, comparison, name, "true_draws", linestyle=":", label=label)
            values.set_yscale("log")
            ratios.set_yscale("log")
            ratios.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
            ratios.yaxis.set_major_formatter("{x:g}")
            ratios.yaxis.set_minor_formatter("{x:g}")
            ratios.set_xlabel("mode")
            values.legend(loc="upper right", ncols=2)
            if ratios.get_legend_handles_labels()[0]:
                ratios.legend(loc="best")
        rows[0, 0].set_ylabel("eigenvalue" + f" ({unit}²)" * bool(unit))
        over = (
            "the truth" if comparison.truth else style.against(comparison).replace("their", "the")
        )
        rows[1, 0].set_ylabel(f"over {over}")
    return figure


def _plot(
    panel: Axes, comparison: Comparison, name: str, array: str, scale: float = 1.0, **options
) -> None:
    values = comparison.get("eigenvalues", name, array) * scale
    options = {**style.line(comparison, name), **options}
    if name == "reference" and comparison.truth != "reference":
        options["color"] = style.GREY
    panel.plot(np.arange(1, len(values) + 1), values, **options)


def _over(comparison: Comparison) -> str:
    if comparison.truth:
        return "the truth"
    return "the reference" if comparison.reference else "the inputs"


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    if not comparison.truth:
        roles = ("reference", "input", "emulated", "gaussian")
        return (
            f"Leading eigenvalues of the covariances of {style.sizes(comparison, *roles)}; below, "
            f"over those of {_over(comparison)}. A covariance of N maps has N − 1 modes, and few "
            f"maps put too much variance into the first of them: an emulation of more maps should "
            f"lie below the inputs at first and above them at last, with the same sum."
        )
    return (
        f"Leading eigenvalues of the covariances of "
        f"{style.sizes(comparison, 'reference', 'input', 'emulated', 'gaussian')}; below, over "
        f"those of the truth ({comparison.truth}). A covariance of N maps has N − 1 modes. Dotted: "
        f"as many true maps as the emulation has, at most as many as the reference; sampling alone "
        f"raises the first eigenvalues and lowers the last ones. An emulation fails where it "
        f"leaves its dotted line."
    )
