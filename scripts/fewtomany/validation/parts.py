"""Parts of the judgement: metrics of one stage, and the numbers behind its figures, as JSON.

The judge puts their entries (see :mod:`fewtomany.validation.entries`) into metrics.json with
its own.
"""

import os
from collections.abc import Sequence

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.validation.entries import plain


def merge(entries: Sequence[dict], others: Sequence[dict], source: object = "") -> list[dict]:
    """Entries of the judgement with those of a part.

    Raises
    ------
    UserError : where both hold a metric of the same name and dataset, naming ``source``
    """
    known = {(entry["dataset"], entry["name"]) for entry in entries}
    twice = [e for e in others if (e["dataset"], e["name"]) in known]
    if twice:
        names = ", ".join(f"{entry['name']} of {entry['dataset']}" for entry in twice[:3])
        raise UserError(f"{source}: measured twice: {names}")
    return [*entries, *others]


def write(
    path: str | os.PathLike, metrics: Sequence[dict], provenance: dict, **numbers: object
) -> None:
    """Write a part: its entries, and named numbers for figures."""
    content = {"metrics": list(metrics), **plain(numbers), "provenance": provenance}
    store.write_json(path, content)


def read(path: str | os.PathLike) -> dict:
    """Read a part; UserError if it is none."""
    content = store.read_json(path, "part of the judgement")
    if "metrics" not in content:
        raise UserError(f"{path}: not a part of the judgement: it has no metrics")
    return content
