import pytest

from fewtomany.shards import Shard, plan


@pytest.mark.parametrize(("n_items", "size"), [(1, 1), (10, 3), (10, 10), (10, 25), (500, 7)])
def test_shards_cover_every_item_once(n_items, size):
    shards = plan(n_items, size)
    covered = [index for shard in shards for index in range(shard.start, shard.stop)]
    assert covered == list(range(n_items))
    assert all(len(shard) == size for shard in shards[:-1])


def test_a_larger_campaign_keeps_every_full_shard():
    assert plan(200, 50)[:2] == plan(100, 50)
    assert plan(200, 50)[:1] == plan(70, 50)[:1]


@pytest.mark.parametrize(("n_items", "size"), [(0, 5), (5, 0), (-1, 5)])
def test_empty_plans_are_refused(n_items, size):
    with pytest.raises(ValueError, match="positive"):
        plan(n_items, size)


def test_labels_sort_as_the_indices_do():
    labels = [shard.label for shard in plan(2000, 90)]
    assert labels == sorted(labels)
    assert Shard(0, 500).label == "0000000-0000500"
    assert len(Shard(3, 10)) == 7
