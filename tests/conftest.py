"""Fixtures for several folders of tests."""

import copy
import os
from pathlib import Path

# Small transforms: more threads only wait for each other, the more so on a busy machine.
# Before anything that reads it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # numba takes no other number once it has begun

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fewtomany import config
from fewtomany.covariance import tuned, turns
from fewtomany.emulator import device
from fewtomany.figures import style
from fewtomany.files import compiled

# Of all workers, and of the processes that tests start: each program is compiled once.
os.environ.setdefault(compiled.VARIABLE, str(Path(__file__).parents[1] / ".snakemake/compiled"))
device.set_flags()  # TensorFlow reads them once, before its first program

ONE_DAY = {
    "campaign": "one-day",
    "seed": 1,
    "maps": {"nside": 8},
    "simulation": {
        "n_maps": 20,
        "nside": 8,
        "tod_dtype": "float64",
        # A spin axis that turns about the Sun's direction at 90 degrees, and a boresight
        # at 90 degrees from it, see the whole sky in half a precession period.
        "scan": {
            "duration_days": 1.0,
            "sampling_rate_hz": 1.0,
            "spin_sun_angle_deg": 90.0,
            "spin_boresight_angle_deg": 90.0,
            "precession_period_days": 1.0,
        },
        "gains": {"chunk_samples": 5000},
    },
    "reference": {"n_maps": 20},
    "inputs": {"input-4": {"n_maps": 4}},
    "emulated": {"emulated-4": {"input": "input-4", "strategy": "average-target", "n_maps": 20}},
    "emulator": {"n_scales": 2},
    "validation": {"n_modes": 4, "chi2_maps": 10},
}


def _update(content: dict, changes: dict) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(content.get(key), dict):
            _update(content[key], value)
        else:
            content[key] = value


@pytest.fixture
def one_day_content():
    """Factory of configurations (plain dictionaries) of a one-day mission of the whole sky.

    Keyword arguments are laid over the sections, depth first.
    """

    def build(**changes) -> dict:
        content = copy.deepcopy(ONE_DAY)
        _update(content, changes)
        return content

    return build


@pytest.fixture
def one_day(one_day_content):
    """The same, checked: factory of campaigns."""
    return lambda **changes: config.parse(one_day_content(**changes))


@pytest.fixture(autouse=True, scope="session")
def quick_figures():
    """Figures are coarse, their parts have no places, and the PDF beside each is an empty one.

    That is half of a campaign's time. They are drawn once: ``savefig`` draws them without ink
    before it draws them.

    Yields
    ------
    callable : what writes a figure as it is
    """
    save, lay_out = Figure.savefig, style.lay_out

    def quick(figure, path, *arguments, format, **options):
        if format == "pdf":
            return Path(path).write_bytes(b"%PDF-1.4\n%%EOF\n")
        if format != "png" or arguments or options.keys() - {"metadata"}:
            return save(figure, path, *arguments, format=format, **options | {"dpi": 40})
        drawn, dpi = figure.canvas, figure.dpi
        figure.dpi = 40
        FigureCanvasAgg(figure).print_png(path, **options)
        figure.dpi = dpi
        return figure.set_canvas(drawn)

    Figure.savefig, style.lay_out = quick, lambda figure: figure.set_layout_engine("none")
    yield save
    Figure.savefig, style.lay_out = save, lay_out


@pytest.fixture(scope="module")
def quick_learning():
    """What needs no axis is learnt from fewer turned maps, with fewer tries: a third of the time.

    For tests that ask what becomes of it, not how good it is.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "N_ROWS", 60)
        patch.setattr(tuned, "N_TRIED", 30)
        yield


@pytest.fixture(scope="module")
def eager():
    """From here on no compiled shapes: for a few maps that takes longer than they do."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="write golden numbers anew")
