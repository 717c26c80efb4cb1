"""Mean and scatter of a statistic over maps: streaming, merged exactly, kept in files."""

import functools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet

KIND = "moments"


@dataclass(frozen=True)
class Moments:
    """First two moments of a statistic of any shape.

    Attributes
    ----------
    n_maps : number of maps
    mean : array, float64, mean over the maps
    squares : array of that shape, sum of the squared deviations from the mean
    """

    n_maps: int
    mean: np.ndarray
    squares: np.ndarray

    @property
    def scatter(self) -> np.ndarray:
        """Standard deviation of one map (ddof 1)."""
        return np.sqrt(self.squares / (self.n_maps - 1))


def of(values: np.ndarray) -> Moments:
    """Moments of values of shape (n_maps, ...)."""
    values = np.asarray(values, np.float64)
    mean = values.mean(axis=0)
    return Moments(len(values), mean, np.sum((values - mean) ** 2, axis=0))


def merge(parts: Iterable[Moments]) -> Moments:
    """Moments of all maps together (Chan, Golub & LeVeque 1983, Eq. 2.1)."""

    def two(a: Moments, b: Moments) -> Moments:
        n_maps = a.n_maps + b.n_maps
        shift = b.mean - a.mean
        mean = a.mean + shift * (b.n_maps / n_maps)
        squares = a.squares + b.squares + shift**2 * (a.n_maps * b.n_maps / n_maps)
        return Moments(n_maps, mean, squares)

    return functools.reduce(two, parts)


def residual(tested: Moments, reference: Moments) -> np.ndarray:
    """Δ = (mean - mean_ref) / σ_ref; NaN where the reference does not vary."""
    return _over_scatter(tested.mean - reference.mean, reference)


def scatter_ratio(tested: Moments, reference: Moments) -> np.ndarray:
    """σ / σ_ref; NaN where the reference does not vary."""
    return _over_scatter(tested.scatter, reference)


def largest(
    name: str, tested: Moments, reference: Moments, labels: Sequence[str]
) -> dict[str, float]:
    """Largest |Δ| of every label, the first axis of the values: by "name:label"."""
    delta = np.abs(residual(tested, reference)).reshape(len(labels), -1)
    return {f"{name}:{label}": np.nanmax(row) for label, row in zip(labels, delta, strict=True)}


def _over_scatter(values: np.ndarray, reference: Moments) -> np.ndarray:
    scatter = reference.scatter
    varies = scatter > 1e-6 * np.abs(reference.mean)
    return np.divide(values, scatter, out=np.full(scatter.shape, np.nan), where=varies)


def write(
    path: str | os.PathLike,
    content: Moments,
    statistic: str,
    source: MapSet,
    provenance: dict,
    labels: Sequence[str] = (),
    key: str = "",
) -> None:
    """Write the moments of a statistic of a map set.

    Parameters
    ----------
    labels : names of the values, for a statistic that is a list of unlike ones
    key : digest of what the moments follow from
    """
    arrays = {"mean": content.mean, "squares": content.squares}
    if len(labels):
        arrays["labels"] = np.array([label.encode() for label in labels], "S")
    store.write(
        path,
        arrays,
        kind=KIND,
        provenance=provenance,
        n_maps=content.n_maps,
        statistic=statistic,
        dataset=source.dataset,
        first=source.first,
        key=key,
    )


def read(
    paths: Sequence[str | os.PathLike], statistic: str, dataset: str, n_maps: int
) -> tuple[Moments, list[str]]:
    """Merged moments of a dataset from its files, which must follow each other from map 0.

    Returns
    -------
    moments, labels : labels as given to :func:`write`

    Raises
    ------
    UserError : naming the file that is of another statistic or dataset, or out of order,
        or when the files do not hold ``n_maps`` maps in all
    """
    parts, labels, count = [], [], 0
    for path in paths:
        attributes = store.read_attributes(path, KIND)
        found = (attributes["statistic"], attributes["dataset"], int(attributes["first"]))
        expected = (statistic, dataset, count)
        if found != expected:
            raise UserError(
                f"{path}: holds {found[0]} of {found[1]} from map {found[2]}, "
                f"expected {expected[0]} of {expected[1]} from map {expected[2]}"
            )
        arrays = store.read(path, KIND)
        names = [label.decode() for label in arrays.get("labels", ())]
        if parts and (names != labels or arrays["mean"].shape != parts[0].mean.shape):
            raise UserError(f"{path}: holds other values than {paths[0]}")
        labels = names
        parts.append(Moments(int(attributes["n_maps"]), arrays["mean"], arrays["squares"]))
        count += parts[-1].n_maps
    if count != n_maps:
        raise UserError(f"{statistic} of {dataset}: of {count} maps, expected {n_maps}")
    return merge(parts), labels
