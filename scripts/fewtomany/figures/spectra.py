"""Spectra and their two residuals (Fig. 3 of arXiv:2503.11643)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison

TITLE = "Power spectra"

COLUMNS = 3
"""Spectra side by side."""


def draw(comparison: Comparison) -> Figure:
    """For each family of datasets the mean spectra, Δ and Δ±, a column per spectrum."""
    families = comparison.families()
    names = comparison.components.spectra
    with style.new(4.4 * len(families) * _rows(comparison)) as figure:
        blocks = [(m, first) for m in families.values() for first in range(0, len(names), COLUMNS)]
        parts = figure.subfigures(len(blocks), 1, squeeze=False)[:, 0]
        for part, (members, first) in zip(parts, blocks, strict=True):
            shown = names[first : first + COLUMNS]
            rows = part.subplots(3, len(shown), sharex=True, height_ratios=(3, 2, 2), squeeze=False)
            for place, name in enumerate(shown):
                column = first + place
                _mean(rows[0, place], comparison, members, column)
                _residual(rows[1, place], comparison, members, column)
                _scatter(rows[2, place], comparison, members, column)
                rows[0, place].set_title(name)
                rows[2, place].set_xlabel(comparison.sky.axis)
            unit, _ = comparison.sky.shown
            sphere = comparison.shape is None
            rows[0, 0].set_ylabel(f"mean C$_ℓ$ ({unit}²)" if sphere else "mean spectrum")
            rows[1, 0].set_ylabel("Δ$_ℓ$" if sphere else "Δ")
            rows[2, 0].set_ylabel("Δ$_ℓ^{±}$" if sphere else "Δ$^{±}$")
            part.align_ylabels(rows[:, 0])
            style.legend_above(part, rows[0, 0])
    return figure


def _rows(comparison: Comparison) -> int:
    """Blocks of columns that the spectra of a family need."""
    return -(-len(comparison.components.spectra) // COLUMNS)


def _points(comparison: Comparison, values: np.ndarray) -> np.ndarray:
    """Values of the bins from lmin on as points: single multipoles, means over wave numbers."""
    return values if comparison.shape is None else style.grouped(values)


def _x(comparison: Comparison) -> np.ndarray:
    """Where the points are: at multipoles, or at wave numbers."""
    return _points(comparison, comparison.sky.bins[comparison.lmin :].astype(float))


def _moments(comparison: Comparison, dataset: str, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scatter from lmin, in the squared unit of figures."""
    mean, scatter = (comparison.get("spectra", dataset, name) for name in ("mean", "scatter"))
    _, scale = comparison.sky.shown
    return tuple(array[column, comparison.lmin :] * scale**2 for array in (mean, scatter))


def _mean(panel: Axes, comparison: Comparison, members: list[str], column: int) -> None:
    x = _x(comparison)
    true = comparison.yardstick(members[0])
    mean, scatter = (_points(comparison, v) for v in _moments(comparison, true, column))
    panel.plot(x, mean, label=true, **style.line(comparison, true))
    panel.fill_between(x, mean - scatter, mean + scatter, label="±σ of one map", **style.BAND)
    for name in style.lines(comparison, members)[1:]:
        tested, _ = _moments(comparison, name, column)
        panel.plot(x, _points(comparison, tested), label=name, **style.line(comparison, name))
    if column < len(comparison.components):  # an auto spectrum
        panel.set_yscale("log")
        positive = mean[mean > 0]
        panel.set_ylim(bottom=positive.min() / 10 if positive.size else None)
    else:
        decade = np.floor(np.log10(scatter.max()))
        panel.set_yscale("symlog", linthresh=10 ** (decade - 1))
    if comparison.shape is not None:
        panel.set_xscale("log")


def _residual(panel: Axes, comparison: Comparison, members: list[str], column: int) -> None:
    style.residual_bands(panel, comparison, members)
    for name in members:
        delta = _points(comparison, comparison.get("spectra", name, "residual")[column])
        panel.plot(_x(comparison), delta, **style.line(comparison, name))


def _scatter(panel: Axes, comparison: Comparison, members: list[str], column: int) -> None:
    mean, sigma = _moments(comparison, comparison.yardstick(members[0]), column)
    for sign in (-1, 1):
        panel.axhline(sign, color=style.BLACK, linewidth=0.6, linestyle="--")
        for name in members:
            tested, scatter = _moments(comparison, name, column)
            edge = _points(comparison, (tested + sign * scatter - mean) / sigma)
            panel.plot(_x(comparison), edge, **style.line(comparison, name))


def _bins(comparison: Comparison) -> str:
    if comparison.shape is None:
        return ""
    n_bins = comparison.sky.n_bins - comparison.lmin
    few = len(_x(comparison)) == n_bins
    grouped = "" if few else ", means over groups of bins that widen"
    return f" Bins of wave numbers, {n_bins:,} in all{grouped}."


def _masked(comparison: Comparison) -> str:
    if comparison.sky.is_full:
        return _bins(comparison)
    whole = "sky" if comparison.shape is None else "pixels"
    return _bins(comparison) + (
        f" Pseudo-spectra of {comparison.sky.fraction:.0%} of the {whole}: unobserved pixels count "
        f"as 0, in all datasets alike."
    )


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    shown = style.sizes(comparison, "input", "emulated", "gaussian")
    n_maps = comparison.datasets["reference"].n_maps if comparison.reference else 0
    size = f" ({n_maps:,} maps)" if n_maps else ""
    bins = "multipoles" if comparison.shape is None else "bins"
    return (
        f"Spectra of {shown} against "
        f"{style.against(comparison)}{size}, a block for each input dataset. Top: mean; grey "
        f"band: scatter σ of {style.true_maps(comparison)}. Middle: Δ = (⟨C⟩ − ⟨C_ref⟩)/σ_ref; "
        f"grey band: "
        f"±1/√N_input, the standard error of a mean over the inputs, inside which 68% of the "
        f"{bins} should lie. Bottom: Δ± = (⟨C⟩ ± σ − ⟨C_ref⟩)/σ_ref, which should follow the "
        f"dashed lines at ±1; closer together, the maps are too much alike, further apart, too "
        f"different.{_masked(comparison)}"
    )
