"""What is measured on maps: a module for every entry of ``config.statistics``.

A module has ``of_maps(source, campaign, unit)``: of a map set, the campaign and, where the entry
says so, the covariance that is its unit, it gives the moments over the maps, names along the first
axis of their values, and what else the file should say. It may have ``metrics(tested, true, labels,
components)``, numbers by "NAME:which"; by default the largest |Δ| of every name. Without a module
of its name in :mod:`fewtomany.figures` its figure is that of :mod:`fewtomany.figures.values`.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from fewtomany.config import versions
from fewtomany.config.campaign import Campaign
from fewtomany.files import integrity


def module(name: str) -> ModuleType:
    """The module of a statistic."""
    return import_module(f"{__name__}.{name}")


def key(campaign: Campaign, name: str, files: Sequence[str | os.PathLike]) -> str:
    """Digest of what the measurement of a statistic follows from: settings, maps and a unit."""
    facts = [versions.basis(campaign, f"measure_{name}")]
    facts += [integrity.content(Path(path)) for path in files]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
