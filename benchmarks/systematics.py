"""Pictures and cost of every campaign of config/systematics, by the simulation alone.

    python benchmarks/systematics.py --output docs/images/systematics config/systematics/*.yaml

Draws one PNG per campaign (U of the first map, standard deviation of U over the maps) and
prints a row of Markdown: rms of T, Q, U over maps and pixels, excess kurtosis of U, core
seconds of what all maps share and of each further map.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import healpy
import matplotlib
import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from measures.responses import make_response

from fewtomany import config
from fewtomany.simulation import binning, direct, response, systematics
from fewtomany.simulation.observation import observe

N_MAPS = {"response": 400, "direct": 24}
PIXELS = 400


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--output", type=Path, required=True, help="folder of the pictures")
    options.add_argument("campaigns", nargs="+", metavar="YAML")
    arguments = options.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for path in arguments.campaigns:
        campaign = config.load(path)
        compile_loops(campaign)
        maps, shared, each = simulate(campaign, N_MAPS[campaign.simulation.engine])
        draw(maps * 1e6, arguments.output / f"{campaign.name}.png")
        rms = np.sqrt(np.mean(maps**2, axis=(0, 2))) * 1e6
        kurtosis = np.mean(maps[:, 2] ** 4) / np.mean(maps[:, 2] ** 2) ** 2 - 3
        print(
            f"| {campaign.name} | {campaign.simulation.engine} | {len(maps)} "
            f"| {rms[0]:.3g}, {rms[1]:.3g}, {rms[2]:.3g} | {kurtosis:.2g} "
            f"| {shared:.1f} | {each:.2g} |",
            flush=True,
        )


def compile_loops(campaign: config.Campaign) -> None:
    """Compile what is compiled at its first use, outside of the times."""
    simulation = campaign.simulation
    (seen,) = observe(campaign, 0, 1, "first chunk")
    tod = seen.tod
    if simulation.engine == "direct":
        tod = systematics.realization(campaign, 0)(seen)
    scan = (seen.pixels, seen.psi, seen.direction_of, seen.polarization_angles)
    n_pix = healpy.nside2npix(simulation.nside)
    projected = np.zeros((n_pix, len(tod), 3))
    binning.accumulate(*scan, tod, np.zeros((n_pix, 6)), projected)
    binning.project(*scan, tod, projected)


def simulate(campaign: config.Campaign, n_maps: int) -> tuple[np.ndarray, float, float]:
    """Maps (n_maps, 3, n_pix), core seconds that they share and of each further one."""
    start = time.process_time()
    if campaign.simulation.engine == "direct":
        direct.realizations(campaign, 0, 1)
        one = time.process_time() - start
        maps = direct.realizations(campaign, 0, n_maps)
        all_maps = time.process_time() - start - one
        each = (all_maps - one) / (n_maps - 1)
        return maps, one - each, each
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "response.h5")
        make_response(campaign, path)
        columns = response.read(campaign, path)
    shared = time.process_time() - start
    maps = response.realizations(campaign, columns, 0, n_maps)
    return maps, shared, (time.process_time() - start - shared) / n_maps


def draw(maps: np.ndarray, path: Path) -> None:
    """U of the first map and its standard deviation, µK, side by side."""
    with matplotlib.rc_context({"font.size": 7}):
        figure = Figure(figsize=(5.0, 1.7), layout="constrained")
        left, right = figure.subplots(1, 2)
        first, deviation = maps[0, 2], maps[:, 2].std(axis=0)
        limit = np.quantile(np.abs(first), 0.99)
        _show(figure, left, first, -limit, limit, "RdBu_r", "U (µK)")
        _show(figure, right, deviation, 0, np.quantile(deviation, 0.99), "cividis", "σ of U (µK)")
        figure.savefig(path, dpi=110, pil_kwargs={"optimize": True})


def _show(figure, panel, sky, low, high, colours, label) -> None:
    nside = healpy.npix2nside(sky.size)
    projection = healpy.projector.MollweideProj(xsize=PIXELS)
    image = projection.projmap(sky, lambda x, y, z: healpy.vec2pix(nside, x, y, z))
    panel.set_axis_off()
    drawn = panel.imshow(
        np.ma.masked_invalid(image),
        origin="lower",
        vmin=low,
        vmax=high,
        cmap=colours,
        interpolation="nearest",
        aspect=0.5 * image.shape[1] / image.shape[0],
    )
    figure.colorbar(drawn, ax=panel, label=label, shrink=0.8)


if __name__ == "__main__":
    main()
