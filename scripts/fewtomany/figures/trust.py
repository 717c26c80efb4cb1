"""Cross-validation: what held-out inputs say, and whether the truth agrees."""

from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.figures.baselines import LABELS
from fewtomany.validation.recommend import EMULATED
from fewtomany.validation.trust.folds import RECOMMENDED, expected_width

TITLE = "Trust without a reference"

LINEAR = 0.1
"""Gains (nats per direction) below this are on a linear scale."""

_LABELS = LABELS | {EMULATED: "emulated", RECOMMENDED: "recommended"}


def draw(part: dict) -> Figure:
    """Left: likelihood gained by every covariance; right: χ² of the held-out maps."""
    gains = part["gains"]
    with style.new(2.6) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        for place, (name, gain) in enumerate(gains.items()):
            colour = {EMULATED: style.BLUE, RECOMMENDED: style.PURPLE}.get(name, style.ORANGE)
            left.errorbar(
                gain["held_out"],
                place,
                xerr=gain["error"],
                color=colour,
                marker="o",
                markersize=4.5,
                capsize=2,
                linestyle="",
                label="held-out inputs" if name == RECOMMENDED else None,
            )
            if gain["truth"] is not None:
                left.plot(
                    gain["truth"],
                    place,
                    color=style.BLACK,
                    marker="|",
                    markersize=11,
                    linestyle="",
                    label="expected under the truth" if name == RECOMMENDED else None,
                )
        left.axvline(0, color=style.GREY, linewidth=0.6)
        left.set_xscale("symlog", linthresh=LINEAR)
        left.set_yticks(range(len(gains)), [_LABELS.get(name, name) for name in gains])
        left.set_ylim(len(gains) - 0.5, -0.5)
        left.set_xlabel(f"likelihood over {_LABELS[part['rival']]} (nats per direction)")
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=2)
        width = expected_width(part["n_directions"], part["n_maps"])
        right.axvspan(1 - width, 1 + width, color=style.GREY, alpha=0.3, linewidth=0)
        right.axvline(1, color=style.BLACK, linewidth=0.6)
        right.plot(
            sorted(part["chi2"]),
            [(k + 0.5) / len(part["chi2"]) for k in range(len(part["chi2"]))],
            color=style.BLUE,
            marker="o",
            markersize=3,
            drawstyle="steps-mid",
        )
        right.set_ylim(0, 1)
        right.set_xlabel("χ²/d, held-out maps")
        right.set_ylabel("fraction of maps below")
    return figure


def _ticks(part: dict) -> str:
    if all(gain["truth"] is None for gain in part["gains"].values()):
        return ""
    return (
        "Black ticks: what all maps of the truth would say of the same covariances; the verdict "
        "can be trusted where they lie on the points. "
    )


def caption(part: dict) -> str:
    """Text below the figure."""
    return (
        f"Cross-validation of {part['dataset']}, without a reference: {part['n_folds']} folds of "
        f"its {part['n_inputs']} inputs are held out in turn, {part['n_maps']} maps are emulated "
        f"from the others, and all covariances are made from the others alone. Left: Gaussian "
        f"log-likelihood of held-out maps in the {part['n_directions']} leading modes of a mixture "
        f"of the inputs, their emulation and isotropic maps, over that of the best covariance "
        f"without emulation; error bars: standard error over the folds. {_ticks(part)}The "
        f"emulation fails where it lies left of 0 by more than its error. "
        f"Right: cumulative χ² of the held-out maps under the emulated covariance in as many "
        f"random directions, corrected for the finite number of emulated maps; grey: the expected "
        f"mean and width. A covariance with too little variance lies to the right."
    )
