"""The figure of a statistic that has none of its own: its values, and Δ below."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from fewtomany.config.statistics import STATISTICS
from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison


@dataclass(frozen=True)
class Values:
    """Title, picture and caption of a statistic.

    Attributes
    ----------
    name : of the statistic, whose values have the names of its labels along their first axis
    """

    name: str

    @property
    def TITLE(self) -> str:
        return STATISTICS[self.name].title

    def draw(self, comparison: Comparison) -> Figure:
        """A column per family of datasets: mean values, one label after the other, and Δ."""
        families = comparison.families()
        labels = comparison.labels(self.name)
        with style.new(3.6) as figure:
            parts = figure.subfigures(1, len(families), squeeze=False).ravel()
            for part, members in zip(parts, families.values(), strict=True):
                panel, residual = part.subplots(2, 1, sharex=True, height_ratios=(3, 2))
                self._column(panel, residual, comparison, members)
                per_label = len(self._of(comparison, members[0], "mean")) / len(labels)
                residual.set_xticks(per_label * (np.arange(len(labels)) + 0.5) - 0.5, labels)
                panel.set_ylabel("mean")
                residual.set_ylabel("Δ")
                style.legend_above(part, panel, ncols=3)
        return figure

    def _of(self, comparison: Comparison, dataset: str, what: str) -> np.ndarray:
        return comparison.get(self.name, dataset, what).ravel()

    def _column(self, panel, residual, comparison: Comparison, members: list[str]) -> None:
        true = comparison.yardstick(members[0])
        mean, scatter = (self._of(comparison, true, what) for what in ("mean", "scatter"))
        place = np.arange(len(mean))
        band = {"fmt": "none", "ecolor": style.GREY, "elinewidth": 4, "alpha": 0.5}
        panel.errorbar(place, mean, scatter, label="±σ of one map", **band)
        style.residual_bands(residual, comparison, members)
        for name in style.lines(comparison, members):
            look = {**style.line(comparison, name), "linestyle": "none", "marker": "."}
            panel.plot(place, self._of(comparison, name, "mean"), label=name, **look)
            if name != true:
                residual.plot(place, self._of(comparison, name, "residual"), **look)
        style.wide_residuals(residual)

    def caption(self, comparison: Comparison) -> str:
        """Text below the figure."""
        shown = style.sizes(comparison, "reference", "input", "emulated", "gaussian")
        return (
            f"{self.TITLE} of {shown}. Top: mean values; grey: scatter σ of "
            f"{style.true_maps(comparison)}. Bottom: Δ = (mean − mean_ref)/σ_ref, against "
            f"{style.against(comparison)}, {style.BANDS} Beyond ±1 the mean map would be unusual "
            f"among true maps."
        )
