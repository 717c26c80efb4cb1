"""Channels that are given: which configurations are allowed, what follows, what is refused."""

import json

import numpy as np
import pytest

from fewtomany import config
from fewtomany.config import versions
from fewtomany.emulator.given import kept, places_of
from fewtomany.errors import UserError
from fewtomany.files.store import MapSet
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

BOTH = {"a": {"files": "maps/*.npy"}, "b": {"files": "maps/*.npy"}}
ONLY_A = {"a": {"files": "maps/*.npy"}}
MANY = {"input": "few", "strategy": "drawn-target", "n_maps": 200}
GIVEN = {"dataset": "new", "channels": ["a"]}


@pytest.fixture
def campaign(tmp_path, monkeypatch):
    """Factory of campaigns of two channels with a dataset for which channel a is given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "maps").mkdir()
    np.save(tmp_path / "maps" / "maps.npy", np.zeros((20, 2, 768), np.float32))

    def build(given=GIVEN, new=ONLY_A, few=BOTH, strategy="drawn-target", **more):
        many = {**MANY, "strategy": strategy, "given": given}
        content = {
            "campaign": "own",
            "seed": 1,
            "maps": {"nside": 8},
            "inputs": {
                "few": few if "files" in few else {"channels": few},
                "new": new if "files" in new else {"channels": new},
            },
            "emulated": {"many": many, **more},
            "emulator": {"n_scales": 3},
        }
        return config.parse(content)

    return build


def test_a_dataset_that_is_only_given_is_neither_measured_nor_a_source_of_channels(campaign):
    found = campaign()
    assert list(found.datasets) == ["few", "many"]
    assert (found.find("new").role, found.find("new").n_maps) == ("given", 20)
    assert found.datasets["many"].given == config.Condition(dataset="new", channels=("a",))
    assert found.components.channels == ("a", "b")
    assert [fold.given for fold in found.folds_of("many")] == [None] * 5
    config.check_sources(found)


def test_one_that_something_is_made_from_stays_an_input(campaign):
    found = campaign(new=BOTH, more={**MANY, "input": "new"})
    assert list(found.datasets) == ["few", "new", "many", "more"]
    assert not found.given
    assert list(campaign({**GIVEN, "dataset": "few"}, new=BOTH).datasets) == ["few", "new", "many"]


def test_what_is_given_belongs_to_the_basis_of_the_emulation_alone(campaign):
    def basis(stage, **changes):
        return json.loads(versions.basis(campaign(**changes), stage, "many"))

    assert basis("emulate")["given"] == {"dataset": "new", "channels": ["a"], "version": 2}
    other = {"given": {**GIVEN, "channels": ["b"]}, "new": BOTH}
    assert basis("emulate") != basis("emulate", **other)
    assert basis("prepare_emulation") == basis("prepare_emulation", **other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"given": {**GIVEN, "dataset": "none"}, "new": BOTH},
            "emulated.many.given.dataset: 'none' is not allowed; expected one of few, new",
        ),
        (
            {"given": {**GIVEN, "channels": ["c"]}, "new": {**BOTH, "c": BOTH["a"]}},
            "emulated.many.given.channels: 'c' is not allowed; expected one of a, b, as in",
        ),
        (
            {"given": {**GIVEN, "channels": ["b"]}},
            "emulated.many.given.channels: 'b' is not allowed; expected one of a, as in inputs.new",
        ),
        (
            {"given": {**GIVEN, "channels": ["a", "b"]}, "new": BOTH},
            "emulated.many.given.channels: a, b is not allowed; expected a channel of inputs.few",
        ),
        (
            {"new": {"files": "maps/*.npy"}},
            "emulated.many.given.channels: 'a' is not allowed; expected channels there, as in",
        ),
        (
            {"strategy": "single-target"},
            "emulated.many.given: not allowed with strategy single-target; expected average-target",
        ),
        (
            {"given": {"dataset": "new"}},
            "emulated.many.given: missing key channels",
        ),
        (
            {"given": {**GIVEN, "channels": []}},
            "emulated.many.given.channels: [] is not allowed; expected at least 1",
        ),
    ],
)
def test_faults_are_one_line_each(campaign, changes, message):
    with pytest.raises(UserError) as caught:
        campaign(**changes)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value).splitlines()) == 1


class Inputs:
    """What is asked of a model."""

    components, sky = Components("QU", ("a", "b", "c")), Sky(1)


def test_channels_are_found_by_name_whatever_their_order():
    assert places_of(Inputs.components, ["c", "a"]) == (4, 5, 0, 1)
    maps = np.arange(2 * 4 * 12, dtype=np.float32).reshape(2, 4, 12)
    found = kept(MapSet(maps, "QU", "new", channels=("c", "b")), ["b", "c"], Inputs)
    assert found.places == (2, 3, 4, 5)
    np.testing.assert_array_equal(found.maps, maps[:, [2, 3, 0, 1]])


def test_given_maps_of_other_pixels_are_refused():
    part = MapSet(np.ones((2, 2, 5)), "QU", "new", channels=("a",), sky=Sky(1, np.arange(5)))
    with pytest.raises(UserError, match="new: 5 observed pixels at nside 1 are not allowed;"):
        kept(part, ["a"], Inputs)
