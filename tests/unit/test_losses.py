import numpy as np
import pytest

from fewtomany import config
from fewtomany.figures import descent, style
from fewtomany.validation import losses

CAMPAIGN = config.parse(
    {
        "campaign": "flat",
        "seed": 1,
        "maps": {"shape": [64]},
        "inputs": {"few": {"texture": "intermittent", "n_maps": 4}},
        "emulated": {"many": {"input": "few", "strategy": "average-target", "n_maps": 8}},
    }
)


@pytest.mark.parametrize(("last", "passed"), [(1e-3, True), (0.3, False)])
def test_the_fall_of_the_loss_and_its_end_are_judged(last, passed, tmp_path):
    batches = [np.geomspace(10, last, 301)[:, None] * [0.5, 0.5] for _ in range(3)]
    batches[1] *= 2
    entries, numbers = losses.judge_losses(CAMPAIGN, {"many": batches})
    decades, end = entries
    assert decades["value"] == pytest.approx(np.log10(10 / last))
    assert decades["passed"] is None
    assert (end["value"], end["passed"]) == (pytest.approx(2 * last), passed)
    assert end["allowed"] == [None, 2 / 4]
    found = numbers["datasets"]["many"]
    assert (found["n_batches"], found["fall"]) == (3, pytest.approx(10 / last))
    curve = found["curves"][0]
    assert (curve["steps"][0], curve["steps"][-1]) == (0, 300)
    assert curve["loss"][-1] == pytest.approx(last)
    figure = descent.draw(numbers)
    assert len(figure.axes[0].lines) == 3
    style.save(figure, tmp_path / "descent.png", descent.TITLE, descent.caption(numbers))
