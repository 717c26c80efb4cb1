"""Datasets as the comparisons read them: all maps at once, by name."""

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fewtomany.config.campaign import Campaign
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet

MapReader = Callable[[str], MapSet]
"""All maps of a dataset by its name, on the observed pixels."""

Reader = Callable[[str], np.ndarray]
"""The same as rows, (n_maps, n), K."""


def reader(campaign: Campaign, files: Mapping[str, Sequence[str | os.PathLike]]) -> MapReader:
    """A function that reads all maps of a dataset, as they are stored."""

    def read(name: str) -> MapSet:
        if not files.get(name):
            raise UserError(f"--maps: no file of {name}")
        found = store.read_dataset(
            files[name],
            campaign.maps.stokes,
            n_maps=campaign.find(name).n_maps,
            dataset=name,
            **campaign.maps.facts,
            channels=campaign.components.channels,
            first=0,
        )
        return observed.cut(found, campaign)

    return read


def flat(read: MapReader) -> Reader:
    """The same as arrays of shape (n_maps, n), one row per map."""

    def rows(name: str) -> np.ndarray:
        maps = read(name).maps
        return maps.reshape(len(maps), -1)

    return rows
