"""Spectra and their two residuals (Fig. 3 of arXiv:2503.11643)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.validation.comparison import Comparison

TITLE = "Angular power spectra"


def draw(comparison: Comparison) -> Figure:
    """For each family of datasets the mean spectra, Δ and Δ±, a column per spectrum."""
    families = comparison.families()
    names = comparison.spectra_names
    with style.new(4.4 * len(families)) as figure:
        parts = figure.subfigures(len(families), 1, squeeze=False)[:, 0]
        for part, members in zip(parts, families.values(), strict=True):
            rows = part.subplots(3, len(names), sharex=True, height_ratios=(3, 2, 2))
            for column, name in enumerate(names):
                _mean(rows[0, column], comparison, members, column)
                _residual(rows[1, column], comparison, members, column)
                _scatter(rows[2, column], comparison, members, column)
                rows[0, column].set_title(name)
                rows[2, column].set_xlabel("multipole ℓ")
            rows[0, 0].set_ylabel("mean C$_ℓ$ (µK²)")
            rows[1, 0].set_ylabel("Δ$_ℓ$")
            rows[2, 0].set_ylabel("Δ$_ℓ^{±}$")
            part.align_ylabels(rows[:, 0])
            style.legend_above(part, rows[0, 0])
    return figure


def _multipoles(comparison: Comparison) -> np.ndarray:
    return np.arange(comparison.lmin, 3 * comparison.nside)


def _moments(comparison: Comparison, dataset: str, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scatter from lmin, µK²."""
    mean, scatter = (comparison.get("spectra", dataset, name) for name in ("mean", "scatter"))
    return tuple(array[column, comparison.lmin :] * 1e12 for array in (mean, scatter))


def _mean(panel: Axes, comparison: Comparison, members: list[str], column: int) -> None:
    ell = _multipoles(comparison)
    mean, scatter = _moments(comparison, "reference", column)
    panel.plot(ell, mean, label="reference", **style.line(comparison, "reference"))
    panel.fill_between(ell, mean - scatter, mean + scatter, label="±σ of one map", **style.BAND)
    for name in members:
        tested, _ = _moments(comparison, name, column)
        panel.plot(ell, tested, label=name, **style.line(comparison, name))
    spectrum = comparison.spectra_names[column]
    if spectrum[0] == spectrum[1]:
        panel.set_yscale("log")
        panel.set_ylim(bottom=mean.min() / 10)
    else:
        decade = np.floor(np.log10(scatter.max()))
        panel.set_yscale("symlog", linthresh=10 ** (decade - 1))


def _residual(panel: Axes, comparison: Comparison, members: list[str], column: int) -> None:
    style.residual_bands(panel, comparison, members)
    for name in members:
        delta = comparison.get("spectra", name, "residual")[column]
        panel.plot(_multipoles(comparison), delta, **style.line(comparison, name))


def _scatter(panel: Axes, comparison: Comparison, members: list[str], column: int) -> None:
    mean, sigma = _moments(comparison, "reference", column)
    for sign in (-1, 1):
        panel.axhline(sign, color=style.BLACK, linewidth=0.6, linestyle="--")
        for name in members:
            tested, scatter = _moments(comparison, name, column)
            edge = (tested + sign * scatter - mean) / sigma
            panel.plot(_multipoles(comparison), edge, **style.line(comparison, name))


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    reference = comparison.datasets["reference"]
    return (
        f"Spectra of {style.sizes(comparison, 'input', 'emulated', 'gaussian')} against the "
        f"reference ({reference.n_maps:,} maps), a block for each input dataset. Top: mean; grey "
        f"band: scatter σ of single reference maps. Middle: Δ = (⟨C⟩ − ⟨C_ref⟩)/σ_ref; grey band: "
        f"±1/√N_input, the standard error of a mean over the inputs, inside which 68% of the "
        f"multipoles should lie. Bottom: Δ± = (⟨C⟩ ± σ − ⟨C_ref⟩)/σ_ref, which should follow the "
        f"dashed lines at ±1; closer together, the maps are too much alike, further apart, too "
        f"different."
    )
