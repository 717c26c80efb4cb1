"""One look for all figures: sizes, Okabe-Ito colours, and how a figure is saved."""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogLocator, NullFormatter
from PIL import Image, UnidentifiedImageError

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.validation.judge.comparison import Comparison

WIDTH = 7.2
"""Width of a figure across the page (inches)."""

BLACK, GREY = "#000000", "#8C8C8C"
ORANGE, SKY, GREEN, BLUE = "#E69F00", "#56B4E9", "#009E73", "#0072B2"
VERMILLION, PURPLE = "#D55E00", "#CC79A7"

_ROLE_COLOURS = {
    "exact": (BLACK,),
    "reference": (BLACK,),
    "original": (GREY,),
    "input": (ORANGE,),
    "emulated": (BLUE, PURPLE, SKY),
    "gaussian": (GREEN, VERMILLION),
}

_SETTINGS = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}

BAND = {"color": GREY, "alpha": 0.3, "linewidth": 0}
"""A shaded range."""

BANDS = (
    "linear between the dashed lines at ±1, logarithmic beyond; grey band: ±1/√N_input, the "
    "standard error of a mean over the inputs."
)
"""What :func:`residual_bands` and :func:`wide_residuals` show, for captions."""

N_POINTS = 60
"""Points of a spectrum of many wave numbers."""

DIVERGING = "RdBu_r"
SEQUENTIAL = "cividis"


@contextlib.contextmanager
def new(height: float) -> Iterator[Figure]:
    """A figure of the page's width and ``height`` inches, drawn in the house style."""
    with matplotlib.rc_context(_SETTINGS):
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def line(comparison: Comparison, dataset: str) -> dict:
    """Line of a dataset by its role, told apart within a family; emulations on top.

    Inputs are thicker, since the mean of an emulation often covers theirs.
    """
    shown = comparison.datasets[dataset]
    peers = [
        name
        for name, other in comparison.datasets.items()
        if (other.role, other.input) == (shown.role, shown.input) and shown.input
    ]
    palette = _ROLE_COLOURS[shown.role]
    index = peers.index(dataset) if peers else 0
    return {
        "color": palette[index % len(palette)],
        "linewidth": 2.0 if shown.role == "input" else 1.0,
        "zorder": 3 if shown.role == "emulated" else 2,
    }


def against(comparison: Comparison) -> str:
    """What datasets are held against, for a caption."""
    return "the reference" if comparison.reference else "their inputs"


def true_maps(comparison: Comparison) -> str:
    """Single true maps, for a caption."""
    return "single reference maps" if comparison.reference else "single input maps"


def lines(comparison: Comparison, members: Sequence[str]) -> list[str]:
    """Datasets of a family's panel: the true maps first, then the members, each once."""
    return list(dict.fromkeys([comparison.yardstick(members[0]), *members]))


def residual_bands(panel: Axes, comparison: Comparison, members: Sequence[str]) -> None:
    """What residuals Δ of a family are held against: 0, ±1 and the band ±1/√N_input."""
    band = comparison.datasets[members[0]].n_inputs ** -0.5
    panel.axhspan(-band, band, **BAND)
    panel.axhline(0, color=BLACK, linewidth=0.6)
    for sign in (-1, 1):
        panel.axhline(sign, color=BLACK, linewidth=0.4, linestyle="--")


def wide_residuals(panel: Axes) -> None:
    """An axis of residuals Δ, small and large: linear within ±1, logarithmic beyond."""
    panel.set_yscale("symlog", linthresh=1)
    low, high = panel.get_ylim()
    panel.set_yticks([x for x in (-100, -10, -1, 0, 1, 10, 100) if low <= x <= high])
    panel.yaxis.set_major_formatter("{x:g}")
    panel.minorticks_off()


def grouped(values: np.ndarray) -> np.ndarray:
    """Values of many bins as :data:`N_POINTS` points at most, means over ever more of them."""
    if len(values) <= N_POINTS:
        return values
    first = np.unique(np.rint(np.geomspace(1, len(values) + 1, N_POINTS + 1)).astype(int))[:-1] - 1
    return np.add.reduceat(values, first) / np.diff([*first, len(values)])


def legend_above(part: SubFigure, panel: Axes, ncols: int = 0) -> None:
    """One legend for a family, of the lines of one of its panels."""
    handles, labels = panel.get_legend_handles_labels()
    legend = part.legend(handles, labels, loc="outside upper center", ncols=ncols or len(labels))
    for handle in legend.legend_handles:
        if handle.get_label() and hasattr(handle, "set_markersize"):
            handle.set_markersize(5)


def plain_log(*axes: Axis) -> None:
    """Ticks of logarithmic axes: numbers written out; between decades where there are few."""
    for axis in axes:
        low, high = axis.get_view_interval()
        ratio = high / low
        subs = (1, 2, 5) if ratio < 30 else (1, 3) if ratio < 300 else (1,)
        axis.set_major_locator(LogLocator(subs=subs))
        axis.set_minor_locator(LogLocator(subs="all"))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def sizes(comparison: Comparison, *roles: str) -> str:
    """The datasets of some roles with their sizes, for a caption."""
    return ", ".join(
        f"{name} ({shown.n_maps:,} maps)"
        for name, shown in comparison.datasets.items()
        if shown.role in roles
    )


def save(figure: Figure, path: str | os.PathLike, title: str, caption: str, key: str = "") -> None:
    """Write a PNG, and a PDF of the same stem beside it, with title and caption inside.

    ``key`` is a digest of what the figure follows from, see :func:`has_key`.
    """
    path = Path(path)
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every glyph
    with matplotlib.rc_context(_SETTINGS):
        figure.set_dpi(_SETTINGS["savefig.dpi"])
        lay_out(figure)
        with store.atomic_path(path) as temporary:
            texts = {"Title": title, "Description": caption, "Source": key}
            figure.savefig(temporary, format="png", metadata=texts)
        with store.atomic_path(path.with_suffix(".pdf")) as temporary:
            metadata = {"Title": title, "Subject": caption, "CreationDate": None}
            figure.savefig(temporary, format="pdf", metadata=metadata)


def lay_out(figure: Figure) -> None:
    """Give the parts of a figure their places, once for PNG and PDF.

    Matplotlib does it for each of them, and draws a figure once more to do so.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def has_key(path: str | os.PathLike, key: str) -> bool:
    """Whether a figure of this key is there, whole, and its PDF beside it."""
    path = Path(path)
    try:
        with Image.open(path) as image:
            known = image.info.get("Source") == key
        return known and all(store.verify(p) for p in (path, path.with_suffix(".pdf")))
    except (OSError, UnidentifiedImageError, UserError):
        return False
