import numpy as np
import pytest
from measures import pictures
from PIL import Image

from fewtomany.figures import style


@pytest.mark.parametrize("shape", [(16, 16), (64,)])
def test_planes_and_lines_are_drawn_with_their_statistics(shape, tmp_path):
    random = np.random.default_rng(0)
    arrays = {
        "edges": np.linspace(-4, 4, 17),
        "wave_numbers": np.arange(33) / 64,
        "statistics": np.repeat(["S1", "S2", "S3", "S4"], 5),
    }
    for name in pictures.COLOURS:
        arrays |= {
            f"{name}/map": random.normal(size=shape),
            f"{name}/distribution": random.uniform(0.1, 1, 16),
            f"{name}/spectrum": random.uniform(0.1, 1, 33),
            f"{name}/coefficients": random.uniform(0.1, 1, 20),
        }
    figure = pictures.draw(arrays)
    n_pictures = len(pictures.COLOURS)
    assert len(figure.axes) == n_pictures + 3 + (len(shape) == 2)
    shown = figure.axes[:n_pictures]
    assert all(panel.images if len(shape) == 2 else panel.lines for panel in shown)
    style.save(figure, tmp_path / "flat.png", pictures.TITLE, "caption")
    with Image.open(tmp_path / "flat.png") as image:
        assert image.text["Title"] == pictures.TITLE
