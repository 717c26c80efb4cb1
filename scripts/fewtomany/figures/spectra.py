"""Spectra and their two residuals (Fig. 3 of arXiv:2503.11643)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison

TITLE = "Angular power spectra"

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
                rows[2, place].set_xlabel("multipole ℓ")
            rows[0, 0].set_ylabel("mean C$_ℓ$ (µK²)")
            rows[1, 0].set_ylabel("Δ$_ℓ$")
            rows[2, 0].set_ylabel("Δ$_ℓ^{±}$")
            part.align_ylabels(rows[:, 0])
            style.legend_above(part, rows[0, 0])
    return figure


def _rows(comparison: Comparison) -> int:
    """Blocks of columns that the spectra of a family need."""
    return -(-len(comparison.components.spectra) // COLUMNS)


def _multipoles(comparison: Comparison) -> np.ndarray:
    return np.arange(comparison.lmin, 3 * comparison.nside)


def _moments(comparison: Comparison, dataset: str, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scatter from lmin, µK²."""
    mean, scatter = (comparison.get("spectra", dataset, name) for name in ("mean", "scatter"))
    return tuple(array[column, comparison.lmin :] * 1e12 for array in (mean, scatter))


def _mean(panel: Axes, comparison: Comparison, members: list[str], column: int) -> None:
    ell = _multipoles(comparison)
    true = comparison.yardstick(members[0])
    mean, scatter = _moments(comparison, true, column)
    panel.plot(ell, mean, label=true, **style.line(comparison, true))
    panel.fill_between(ell, mean - scatter, mean + scatter, label="±σ of one map", **style.BAND)
    for name in style.lines(comparison, members)[1:]:
        tested, _ = _moments(comparison, name, column)
        panel.plot(ell, tested, label=name, **style.line(comparison, name))
    if column < len(comparison.components):  # an auto spectrum
        panel.set_yscale("log")
        positive = mean[mean > 0]
        panel.set_ylim(bottom=positive.min() / 10 if positive.size else None)
    else:
        decade = np.floor(np.log10(scatter.max()))
        panel.set_yscale("symlog", linthresh=10 ** (decade - 1))


def _residual(panel: Axes, comparison: Comparison, members: list[str], column: int) -> None:
    style.residual_bands(panel, comparison, members)
    for name in members:
        delta = comparison.get("spectra", name, "residual")[column]
        panel.plot(_multipoles(comparison), delta, **style.line(comparison, name))


def _scatter(panel: Axes, comparison: Comparison, members: list[str], column: int) -> None:
    mean, sigma = _moments(comparison, comparison.yardstick(members[0]), column)
    for sign in (-1, 1):
        panel.axhline(sign, color=style.BLACK, linewidth=0.6, linestyle="--")
        for name in members:
            tested, scatter = _moments(comparison, name, column)
            edge = (tested + sign * scatter - mean) / sigma
            panel.plot(_multipoles(comparison), edge, **style.line(comparison, name))


def _masked(comparison: Comparison) -> str:
    if comparison.sky.is_full:
        return ""
    return (
        f" Pseudo-spectra of {comparison.sky.fraction:.0%} of the sky: unobserved pixels count "
        f"as 0, in all datasets alike."
    )


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    shown = style.sizes(comparison, "input", "emulated", "gaussian")
    n_maps = comparison.datasets["reference"].n_maps if comparison.reference else 0
    size = f" ({n_maps:,} maps)" if n_maps else ""
    return (
        f"Spectra of {shown} against "
        f"{style.against(comparison)}{size}, a block for each input dataset. Top: mean; grey "
        f"band: scatter σ of {style.true_maps(comparison)}. Middle: Δ = (⟨C⟩ − ⟨C_ref⟩)/σ_ref; "
        f"grey band: "
        f"±1/√N_input, the standard error of a mean over the inputs, inside which 68% of the "
        f"multipoles should lie. Bottom: Δ± = (⟨C⟩ ± σ − ⟨C_ref⟩)/σ_ref, which should follow the "
        f"dashed lines at ±1; closer together, the maps are too much alike, further apart, too "
        f"different.{_masked(comparison)}"
    )
