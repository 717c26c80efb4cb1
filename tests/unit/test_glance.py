"""The picture of the first screen: inputs and emulation side by side."""

import numpy as np
import pytest

from fewtomany.figures import glance, maps
from fewtomany.maps.sky import Sky
from fewtomany.validation.judge.comparison import Comparison, Shown

NSIDE = 4


def compared(pixels: np.ndarray | None) -> Comparison:
    n_pix = 12 * NSIDE**2 if pixels is None else len(pixels)
    arrays = {
        f"pixels/{name}/deviation": np.full((2, n_pix), 1e-6) for name in ("maps", "emulated")
    }
    if pixels is not None:
        arrays["sky/pixels"] = pixels
    shown = {
        "maps": Shown("input", 20, "", 20, 4),
        "emulated": Shown("emulated", 200, "maps", 20, 4),
    }
    numbers = {"lmin": 2, "chi2_maps": 0, "minkowski_maps": 0, "zoom": [0, 1], "datasets": shown}
    return Comparison(arrays, None, "QU", [""], NSIDE, "equatorial", **numbers)


@pytest.mark.parametrize("pixels", [None, np.arange(12)], ids=["sphere", "cap"])
def test_a_row_for_each_component_shows_both(pixels):
    comparison = compared(pixels)
    random = np.random.default_rng(1)
    some = {
        name: 1e-6 * random.standard_normal((2, 2, comparison.sky.n_pix))
        for name in ("maps", "emulated")
    }
    figure = glance.draw(comparison, some, "maps", "emulated")
    titles = [panel.get_title() for panel in figure.axes if panel.get_title()]
    assert titles == [
        "one of the inputs",
        "one of the emulated",
        "σ of the inputs",
        "σ of the emulated",
    ]
    assert "20 maps" in glance.caption(comparison, "maps", "emulated")


def test_a_small_patch_is_shown_by_itself():
    """The first rings lie about the north pole; the whole sphere has no patch."""
    longitude, latitude, radius = maps.patch(Sky(NSIDE, np.arange(12)))
    assert latitude == pytest.approx(90)
    assert 0 <= longitude <= 360
    assert 10 < radius < 35
    assert maps.patch(Sky(NSIDE)) is None
    assert maps.patch(Sky(NSIDE, np.arange(150))) is None
