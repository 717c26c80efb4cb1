"""Cost of the emulation against resolution (Table 1 of arXiv:2503.11643).

Not of this campaign: the figures are those that ``benchmarks/emulator.py`` wrote into
``cost.json``, beside the paper's table.
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fewtomany.figures import style

TITLE = "Cost against resolution"

N_STEPS = 1000
EVALUATIONS_PER_STEP = 1.03
"""L-BFGS evaluates its line search a little more than once per step."""

PAPER = {
    "nside": (16, 32, 64, 128),
    "hours": (0.12, 0.25, 0.46, 1.11),
    "peak_gb": (0.419, 1.512, 6.151, 25.93),
}
"""Table 1 of the paper, its measured rows: batch of 10, 1,000 steps, float64, A100 64 GB."""

_STYLES = {
    "fewtomany float32": {"color": style.BLUE, "marker": "o"},
    "fewtomany float64": {"color": style.PURPLE, "marker": "s"},
}


def load() -> dict:
    """The measured costs: device, batch, and rows of program, nside, evaluation, peak_gb."""
    return json.loads(Path(__file__).with_name("cost.json").read_text())


def power_law(nside: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Exponent and factor of the power law through the values from nside 32 on, by least squares.

    At nside 16 start-up and caches still count.
    """
    chosen = np.asarray(nside) >= 32
    exponent, offset = np.polyfit(np.log(nside)[chosen], np.log(values)[chosen], 1)
    return float(exponent), float(np.exp(offset))


def draw(measured: dict) -> Figure:
    """Hours per batch and peak memory; the fits go on to nside 512."""
    with style.new(2.9) as figure:
        hours, memory = figure.subplots(1, 2)
        for program, options in _STYLES.items():
            rows = [row for row in measured["rows"] if row["program"] == program]
            nside = np.array([row["nside"] for row in rows])
            seconds = np.array([row["evaluation"] for row in rows])
            cost = seconds * N_STEPS * EVALUATIONS_PER_STEP / 3600
            _plot(hours, nside, cost, program, options)
            peak = np.array([row["peak_gb"] for row in rows])
            memory.plot(nside, peak, linewidth=1, **options)
        paper = {"color": style.ORANGE, "marker": "^"}
        name = "Campeti et al., float64, GPU-hours"
        _plot(hours, np.array(PAPER["nside"]), np.array(PAPER["hours"]), name, paper)
        memory.plot(PAPER["nside"], PAPER["peak_gb"], linewidth=1, **paper)
        figure.suptitle(f"not of this campaign: {measured['device']}; paper: A100", fontsize=7)
        hours.set_ylabel("hours per batch, one core or GPU")
        memory.set_ylabel("peak memory (GB)")
        for panel in (hours, memory):
            panel.set_xscale("log", base=2)
            panel.set_yscale("log")
            panel.set_xlabel("nside")
            panel.xaxis.set_major_formatter("{x:g}")
        hours.legend(loc="upper left")
        hours.set_ylim(top=hours.get_ylim()[1] * 20)
    return figure


def _plot(panel, nside, values, name: str, options: dict) -> None:
    exponent, factor = power_law(nside, values)
    fine = np.array([32.0, 512.0])
    panel.plot(fine, factor * fine**exponent, color=options["color"], linewidth=0.6, linestyle="--")
    panel.plot(
        nside, values, linestyle="none", label=f"{name}: nside$^{{{exponent:.1f}}}$", **options
    )


def caption(measured: dict) -> str:
    """Text below the figure."""
    return (
        f"Cost of one batch of {measured['batch']} maps of Q and U, {N_STEPS:,} L-BFGS steps "
        f"({EVALUATIONS_PER_STEP} evaluations each): measured on {measured['device']} and in "
        f"Table 1 of arXiv:2503.11643 on an A100 (whose hours are of another device, and float64). "
        f"Dashed: power laws through the points from nside 32 on. The number of pixels grows as "
        f"nside²; an exponent well above 2 would mean that memory traffic takes over. Not of this "
        f"campaign: benchmarks/emulator.py measures it again."
    )
