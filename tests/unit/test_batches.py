"""Plan and archive of emulated batches."""

import json

import numpy as np
import pytest

from fewtomany.emulator import archive, batches
from fewtomany.errors import UserError
from fewtomany.files import store


def test_one_target_fills_its_batches_in_order():
    plan = batches.plan_batches(np.zeros(25, int), 10)
    assert len(plan) == 3
    assert list(plan.index) == [0, 1, 2]
    assert (plan.batch_of_map == np.arange(25) // 10).all()
    assert (plan.slot_of_map == np.arange(25) % 10).all()


def test_drawn_targets_never_repeat_a_map_and_get_what_they_need():
    targets = np.random.default_rng(0).integers(7, size=500)
    plan = batches.plan_batches(targets, 10)
    places = set(zip(plan.batch_of_map, plan.slot_of_map, strict=True))
    assert len(places) == 500
    assert (plan.target[plan.batch_of_map] == targets).all()
    counts = np.bincount(targets)
    assert (np.bincount(plan.target) == -(-counts // 10)).all()


def test_a_longer_campaign_appends_batches():
    targets = np.random.default_rng(1).integers(7, size=500)
    short, long = (batches.plan_batches(targets[:n], 10) for n in (200, 500))
    assert (long.target[: len(short)] == short.target).all()
    assert (long.index[: len(short)] == short.index).all()
    assert (long.batch_of_map[:200] == short.batch_of_map).all()
    assert short.batch_of_map.max() == len(short) - 1


def _archive(folder):
    plan = batches.plan_batches(np.array([0, 1, 0, 0]), 2)
    random = np.random.default_rng(2)
    entries, maps = [], []
    for batch in range(len(plan)):
        maps.append(random.normal(size=(2, 2, 12)).astype(np.float32))
        key = archive.batch_key("model", 1, "emulated", "single-target", plan, batch)
        path = archive.batch_path(folder / "batches", batch)
        archive.write_batch(path, maps[-1], np.ones((3, 4)), key, {})
        entries.append({"batch": batch, "file": str(path.relative_to(folder)), "key": key})
    store.write_json(folder / "shards/batches.json", {"batches": entries})
    return plan, maps


def test_maps_come_from_their_batches(tmp_path):
    plan, maps = _archive(tmp_path)
    entries = archive.read_manifests([str(tmp_path / "shards/batches.json")])
    found = archive.collect(plan, entries, 0, 4)
    expected = np.stack([maps[0][0], maps[1][0], maps[0][1], maps[2][0]])
    assert (found == expected).all()
    assert (archive.collect(plan, entries, 2, 4) == expected[2:]).all()


def test_damaged_and_foreign_batches_are_made_anew(tmp_path):
    plan, _ = _archive(tmp_path)
    key = archive.batch_key("model", 1, "emulated", "single-target", plan, 0)
    path = archive.batch_path(tmp_path / "batches", 0)
    assert archive.is_finished(path, key)
    assert not archive.is_finished(
        path, archive.batch_key("model", 2, "emulated", "single-target", plan, 0)
    )
    path.write_bytes(path.read_bytes()[:500])
    assert not archive.is_finished(path, key)
    entries = archive.read_manifests([str(tmp_path / "shards/batches.json")])
    with pytest.raises(UserError, match=r"batch-0000000\.h5.*delete its manifest"):
        archive.collect(plan, entries, 0, 4)
    path.unlink()
    assert not archive.is_finished(path, key)


def test_a_manifest_that_is_none_is_named(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps({})[:1])
    with pytest.raises(UserError, match=r"m\.json: not a readable manifest"):
        archive.read_manifests([str(tmp_path / "m.json")])
