"""Correlation matrices, whole and enlarged (Figs. 4 and 5 of arXiv:2503.11643)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewtomany.figures import style
from fewtomany.validation.judge.comparison import Comparison

TITLE = "Correlation matrices"

FULL_LIMIT, ZOOM_LIMIT = 0.1, 1.0
"""Ends of the colour scales."""


def draw(comparison: Comparison) -> Figure:
    """For each family of datasets the truth and its members: whole matrix, then the zoom."""
    families = comparison.families()
    truth = [comparison.truth] if comparison.truth else []
    columns = len(truth) + max(map(len, families.values()))
    side = 0.86 * style.WIDTH / columns
    with style.new((2 * side + 0.25) * len(families)) as figure:
        parts = figure.subfigures(len(families), 1, squeeze=False)[:, 0]
        for part, members in zip(parts, families.values(), strict=True):
            rows = part.subplots(2, columns)
            bar = {"shrink": 0.8, "aspect": 20, "pad": 0.01}
            for index, (full, zoom) in enumerate(rows.T):
                if index >= len(truth) + len(members):
                    full.set_axis_off()
                    zoom.set_axis_off()
                    continue
                name = [*truth, *members][index]
                whole = _whole(full, comparison, name)
                part_of_it = _zoom(zoom, comparison, name)
                full.set_title(name)
            part.colorbar(whole, ax=rows[0], extend="both", label="correlation", **bar)
            part.colorbar(part_of_it, ax=rows[1], label="correlation", **bar)
    return figure


def _whole(panel: Axes, comparison: Comparison, name: str):
    """Blocks of Stokes components, all pixels in RING ordering."""
    matrix = comparison.get("correlation", name, "full")
    names = comparison.components.names
    n = len(names)
    centres = [index + 0.5 for index in range(n)]
    panel.set_xticks(centres, names)
    panel.set_yticks(centres, names)
    panel.tick_params(length=0)
    for edge in range(1, n):
        panel.axhline(edge, color=style.GREY, linewidth=0.5)
        panel.axvline(edge, color=style.GREY, linewidth=0.5)
    return _show(panel, matrix, (0, n, n, 0), FULL_LIMIT)


def _zoom(panel: Axes, comparison: Comparison, name: str):
    start, stop = comparison.zoom
    matrix = comparison.get("correlation", name, "zoom")
    panel.set_xticks([start, stop])
    panel.set_yticks([start, stop])
    return _show(panel, matrix, (start, stop, stop, start), ZOOM_LIMIT)


def _show(panel: Axes, matrix, extent: tuple, limit: float):
    panel.spines[:].set_visible(True)
    return panel.imshow(
        matrix,
        extent=extent,
        vmin=-limit,
        vmax=limit,
        cmap=style.DIVERGING,
        interpolation="auto",
        rasterized=True,
    )


def _beside(comparison: Comparison) -> str:
    if not comparison.truth:
        return "beside each other"
    truth = comparison.datasets[comparison.truth]
    return f"beside the truth ({f'from {truth.n_maps:,} maps' if truth.n_maps else 'exact'})"


def caption(comparison: Comparison) -> str:
    """Text below the figure."""
    start, stop = comparison.zoom
    letter = comparison.components.names[0]
    return (
        f"Pixel correlation matrices of {style.sizes(comparison, 'input', 'emulated', 'gaussian')} "
        f"{_beside(comparison)}, a block for each input dataset. Upper rows: all pixels in "
        f"RING ordering, averaged over small square blocks for the picture, which softens noise; "
        f"colours end at ±{FULL_LIMIT}. Lower rows: {letter} with {letter} for pixels {start} to "
        f"{stop}, every element. Few maps leave noise of 1/√N all over the matrix; an emulation "
        f"should show the bands of {'the truth' if comparison.truth else 'its input'} with less "
        f"noise than its input, and fails where the "
        f"bands are missing or others appear."
    )
