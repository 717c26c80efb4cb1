"""Minkowski functionals of polarization (Fig. C.2 of arXiv:2503.11643)."""

from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison
from fewtomany.validation.measure.minkowski import THRESHOLDS

TITLE = "Minkowski functionals"


def draw(comparison: Comparison) -> Figure:
    """For each family of datasets the mean functionals and Δ, a column per functional."""
    families = comparison.families()
    names = comparison.labels("minkowski")
    blocks = [(m, first) for m in families.values() for first in range(0, len(names), 4)]
    with style.new(3.4 * len(blocks)) as figure:
        parts = figure.subfigures(len(blocks), 1, squeeze=False)[:, 0]
        for part, (members, first) in zip(parts, blocks, strict=True):
            true = comparison.yardstick(members[0])
            mean, scatter = (comparison.get("minkowski", true, x) for x in ("mean", "scatter"))
            rows = part.subplots(2, 4, sharex=True, height_ratios=(3, 2))
            for number, (panel, residual) in enumerate(rows.T, first):
                band = (mean[number] - scatter[number], mean[number] + scatter[number])
                panel.fill_between(THRESHOLDS, *band, label="±σ of one map", **style.BAND)
                style.residual_bands(residual, comparison, members)
                for name in style.lines(comparison, members):
                    colour = style.line(comparison, name)
                    values = comparison.get("minkowski", name, "mean")[number]
                    panel.plot(THRESHOLDS, values, label=name, **colour)
                    if name != true:
                        delta = comparison.get("minkowski", name, "residual")[number]
                        residual.plot(THRESHOLDS, delta, **colour)
                panel.set_title(names[number])
                style.wide_residuals(residual)
                residual.set_xlabel("threshold u (rms)")
            rows[1, 0].set_ylabel("Δ")
            style.legend_above(part, rows[0, 0])
    return figure


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    shown = style.sizes(comparison, "reference", "input", "emulated", "gaussian")
    return (
        f"The four SO(3) Minkowski functionals of (Q, U) per volume, of the first "
        f"{comparison.minkowski_maps:,} maps, or all if there are fewer, of {shown}; a block for "
        f"each input dataset. Thresholds are in units of each map's own rms, in bins; negative "
        f"ones follow by symmetry, f(ψ + π/2) = −f(ψ), by which V0 is 1/2 and V2 is 0 at u = 0. "
        f"Top: mean; grey band: scatter σ of {style.true_maps(comparison)}. Bottom: Δ = "
        f"(⟨V⟩ − ⟨V_ref⟩)/σ_ref, against {style.against(comparison)}, {style.BANDS} Beyond ±1 the "
        f"mean map would be unusual "
        f"among true maps: the emulation then has another morphology, as an isotropic field has."
    )
