"""What is said before a campaign begins."""

from pathlib import Path

import pytest

from fewtomany import config
from fewtomany.jobs import outlook

CONFIG = Path(__file__).parents[2] / "config"


def test_the_line_says_what_is_made_from_what_and_how_long_it_takes():
    line = outlook.words(config.load(CONFIG / "demo.yaml"))
    assert line.startswith(
        "demo: 2,000 simulated maps, 400 maps emulated from 10, 400 maps emulated from 20: about "
    )
    assert line.endswith(" core-minutes from nothing")


@pytest.mark.parametrize(
    ("name", "hours"), [("paper", 17), ("extended", 1), ("demo", 0.1)], ids=lambda value: str(value)
)
def test_the_time_is_that_of_the_benchmarks_within_a_factor_of_two(name, hours):
    """Core-hours of the whole campaigns in BENCHMARKS.md and docs/."""
    told = outlook.seconds(config.load(CONFIG / f"{name}.yaml")) / 3600
    assert hours / 2 < told < 2 * hours


def test_more_maps_and_more_steps_take_longer(one_day):
    once = outlook.seconds(one_day())
    assert outlook.seconds(one_day(emulator={"n_steps": 5000})) > once
    assert outlook.seconds(one_day(simulation={"n_maps": 20000})) > once


def test_a_campaign_of_ones_own_maps_is_told_without_a_simulation(one_day_content):
    content = one_day_content(inputs={"input-4": {"n_maps": 20, "files": "none/*.fits"}})
    del content["simulation"], content["reference"]
    line = outlook.words(config.parse(content))
    assert line.startswith("one-day: 20 maps emulated from 20: about ")
