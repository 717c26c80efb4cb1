"""Random streams keyed by what is drawn, never by who draws it.

Every random number of a campaign comes from :func:`generator`; the key names
the stage, the dataset and the absolute index of the realization or batch, so
shards, ranks and restarts all see the same numbers.
"""

import zlib

import numpy as np


def spawn_key(*key: str | int) -> tuple[int, ...]:
    """Integer key for ``numpy.random.SeedSequence``; strings enter by CRC-32."""
    return tuple(zlib.crc32(part.encode()) if isinstance(part, str) else int(part) for part in key)


def generator(campaign_seed: int, *key: str | int) -> np.random.Generator:
    """Independent stream for a key.

    Parameters
    ----------
    campaign_seed : the campaign's ``seed``.
    key : what is drawn, from the general to the particular, for example
        ``("gains", "original", 17)``.

    Returns
    -------
    numpy.random.Generator (PCG64)
    """
    sequence = np.random.SeedSequence(campaign_seed, spawn_key=spawn_key(*key))
    return np.random.Generator(np.random.PCG64(sequence))


def standard_normal(
    campaign_seed: int, key: tuple[str | int, ...], start: int, stop: int, size: int
) -> np.ndarray:
    """Standard normal vectors of the absolute indices ``start <= k < stop``.

    Row k comes from the stream ``(*key, k)`` alone.

    Returns
    -------
    array of shape (stop - start, size), float64
    """
    rows = np.empty((stop - start, size))
    for row, index in zip(rows, range(start, stop), strict=True):
        generator(campaign_seed, *key, index).standard_normal(out=row)
    return rows
