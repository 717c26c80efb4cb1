"""Shards: contiguous ranges of absolute indices."""

import itertools
from dataclasses import dataclass


@dataclass(frozen=True)
class Shard:
    """The absolute indices ``start <= k < stop``."""

    start: int
    stop: int

    @property
    def label(self) -> str:
        """``0000000-0000500``: sorts by name as by index."""
        return f"{self.start:07d}-{self.stop:07d}"

    def __len__(self) -> int:
        return self.stop - self.start


def plan(n_items: int, size: int) -> list[Shard]:
    """Cut ``n_items`` into shards of ``size``; the last one may be shorter.

    The boundaries lie at multiples of ``size``, so a larger campaign keeps every
    full shard of a smaller one.
    """
    if n_items < 1 or size < 1:
        raise ValueError(f"n_items and size must be positive, got {n_items} and {size}")
    return [Shard(start, min(start + size, n_items)) for start in range(0, n_items, size)]


def split(start: int, stop: int, n_parts: int) -> list[Shard]:
    """Cut a range into parts that differ by at most one item, in order; some may be empty."""
    bounds = [start + (stop - start) * part // n_parts for part in range(n_parts + 1)]
    return [Shard(*pair) for pair in itertools.pairwise(bounds)]
