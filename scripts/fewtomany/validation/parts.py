"""Parts of the judgement: metrics of one stage, and the numbers behind its figures, as JSON.

The entries have the form of ``metrics.verdict``; the judge puts them into metrics.json
with its own. Besides a value they hold its standard error.
"""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fewtomany import store
from fewtomany.config import Dataset
from fewtomany.errors import UserError
from fewtomany.validation.metrics import Range

SHOWN = "shown, not judged"
INFINITE = "infinite: the covariance is singular in these modes"


def entry(
    name: str,
    title: str,
    dataset: Dataset,
    value: float,
    *,
    error: float | None = None,
    draws: float | None = None,
    allowed: Range | None = None,
    unit: str = "1",
    **sample: int,
) -> dict:
    """One metric in the plain form of metrics.json.

    Parameters
    ----------
    value, error : the metric and its standard error; an infinite value becomes None, and
        fails whatever range it has
    draws : the same of as many true maps
    allowed : its range; without one it is shown only
    sample : sample sizes behind it
    """
    return {
        "name": name,
        "title": title,
        "dataset": dataset.name,
        "role": dataset.role,
        "value": _plain(value),
        "error": _plain(error),
        "unit": unit,
        "true_draws": _plain(draws),
        "allowed": [_plain(allowed.low), _plain(allowed.high)] if allowed else None,
        "source": allowed.source if allowed else SHOWN if math.isfinite(value) else INFINITE,
        "passed": bool(math.isfinite(value) and allowed.holds(value)) if allowed else None,
        "sample": sample,
    }


def plain(numbers: Any) -> Any:
    """Nested dictionaries, sequences and arrays of numbers for JSON; None if not finite."""
    if isinstance(numbers, Mapping):
        return {name: plain(part) for name, part in numbers.items()}
    if isinstance(numbers, np.ndarray):
        numbers = numbers.tolist()
    if isinstance(numbers, list | tuple):
        return [plain(part) for part in numbers]
    return numbers if isinstance(numbers, str | bool) else _plain(numbers)


def _plain(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    return int(value) if isinstance(value, int | np.integer) else float(value)


def merge(entries: Sequence[dict], others: Sequence[dict]) -> list[dict]:
    """Entries of the judgement with those of a part, which replace their namesakes."""
    found = {(entry["dataset"], entry["name"]): entry for entry in (*entries, *others)}
    return list(found.values())


def write(
    path: str | os.PathLike, metrics: Sequence[dict], provenance: dict, **numbers: Any
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
