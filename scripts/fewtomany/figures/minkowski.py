"""Minkowski functionals of polarization (Fig. C.2 of arXiv:2503.11643)."""

from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.validation.comparison import Comparison
from fewtomany.validation.minkowski import THRESHOLDS

TITLE = "Minkowski functionals"


def draw(comparison: Comparison) -> Figure:
    """For each family of datasets the mean functionals and Δ, a column per functional."""
    families = comparison.families()
    mean, scatter = (comparison.get("minkowski", "reference", x) for x in ("mean", "scatter"))
    with style.new(3.4 * len(families)) as figure:
        parts = figure.subfigures(len(families), 1, squeeze=False)[:, 0]
        for part, members in zip(parts, families.values(), strict=True):
            rows = part.subplots(2, 4, sharex=True, height_ratios=(3, 2))
            for number, (panel, residual) in enumerate(rows.T):
                band = (mean[number] - scatter[number], mean[number] + scatter[number])
                panel.fill_between(THRESHOLDS, *band, label="±σ of one map", **style.BAND)
                style.residual_bands(residual, comparison, members)
                for name in ("reference", *members):
                    colour = style.line(comparison, name)
                    values = comparison.get("minkowski", name, "mean")[number]
                    panel.plot(THRESHOLDS, values, label=name, **colour)
                    if name != "reference":
                        delta = comparison.get("minkowski", name, "residual")[number]
                        residual.plot(THRESHOLDS, delta, **colour)
                panel.set_title(f"V$_{number}$")
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
        f"Top: mean; grey band: scatter σ of single reference maps. Bottom: Δ = (⟨V⟩ − "
        f"⟨V_ref⟩)/σ_ref, {style.BANDS} Beyond ±1 the mean map would be unusual "
        f"among true maps: the emulation then has another morphology, as an isotropic field has."
    )
