"""The loss of every batch on its way down."""

import numpy as np
from matplotlib.figure import Figure

from fewtomany.figures import style

TITLE = "Descent"


def draw(part: dict) -> Figure:
    """A panel per emulated dataset: the losses of its batches over the steps."""
    datasets = part["datasets"]
    with style.new(2.8) as figure:
        panels = figure.subplots(1, len(datasets), sharey=True, squeeze=False)[0]
        for panel, (name, found) in zip(panels, datasets.items(), strict=True):
            for curve in found["curves"]:
                steps = np.array(curve["steps"]) + 1
                panel.plot(steps, curve["loss"], color=style.BLUE, linewidth=0.7, alpha=0.7)
            panel.set_title(f"{name}: falls by a factor of {found['fall']:.2g}")
            panel.set_xscale("log")
            panel.set_yscale("log")
            panel.set_xlabel("step + 1")
        panels[0].set_ylabel("loss")
    return figure


def caption(part: dict) -> str:
    """Text below the figure."""
    sizes = "; ".join(
        f"{name}: {found['n_batches']:,} batches of {found['n_maps']} maps, by a factor of "
        f"{found['fall']:.3g} in the median and {found['smallest_fall']:.3g} at least"
        for name, found in part["datasets"].items()
    )
    most = max(len(found["curves"]) for found in part["datasets"].values())
    return (
        f"Loss of every batch (of the first {most}) from its start to its last step: the squared "
        f"deviations of the mean statistics of a batch from its target, in units of the scatter of "
        f"single maps, the mean of every kind of statistic. {sizes}. A loss of 1 is a batch whose "
        f"mean statistics are as far from the target as single maps are. A curve that has levelled "
        f"out high names a batch that found no way to its target; one that still falls steeply at "
        f"its end asks for more steps."
    )
