"""Distances of a covariance from the truth, each one number (0 for the truth unless said).

===========================  ======================================================
``kl``                       Kullback–Leibler divergence in the truth's leading modes,
                             nats; infinite where the covariance is singular there
``forstner``                 Förstner distance in the same modes
``variance_error``           rms over the pixels of variance / true variance − 1
``correlation_error``        rms error of the off-diagonal correlations: their
                             Frobenius distance, per element
``correlation_error:{c}``    the same for one class of pairs: a range of separations
                             (degrees) within a component, or "cross …" between two
``correlation_match``        correlation coefficient of the off-diagonal correlations
                             with the true ones; 1 for the truth
``recovery:{c}``             slope through the origin of their regression on the true
                             ones in one class of pairs; 1 for the truth
===========================  ======================================================

The rank matters: a covariance of N maps about their mean has N − 1 modes, and as a
Gaussian model in more of them it gives true maps no likelihood at all, hence the
infinity.
"""

from collections.abc import Callable, Sequence

import numpy as np

from fewtomany.validation.compare import gaussian
from fewtomany.validation.compare.views import Sums, View, Viewer, correlations

N_BLOCKS = 10
"""Blocks of the jackknife, at most."""

UNCHANGED = 1e-12
"""Relative differences below this are rounding."""

TRUTH_SHARE = 1e-3
"""A class of pairs whose rms true correlation is smaller has nothing to recover: what thousands of
maps have there is their noise, and its ratio to the true one any number."""


def distances(view: View, viewer: Viewer) -> dict[str, float]:
    """All distances of a covariance from the truth; those of no meaning are left out."""
    known = viewer.truth.variance > 0
    ratio = view.variance[known] / viewer.truth.variance[known]
    true = viewer.truth.modes
    singular = 0 < viewer.truth_maps <= len(true)  # a truth of too few maps in these modes
    found = {
        "kl": np.inf if singular else gaussian.kullback_leibler(true, view.modes),
        "forstner": np.inf if singular else gaussian.forstner(true, view.modes),
        "variance_error": np.sqrt(np.mean((ratio - 1) ** 2)),
        **_of_correlations(view, viewer),
    }
    return {name: float(value) for name, value in found.items()}


def _of_correlations(view: View, viewer: Viewer) -> dict[str, float]:
    """The distances of the correlations, from sums over the pairs of each class."""
    true, tested = viewer.correlations, correlations(view, viewer.rows)
    count, square = viewer.of_truth["count"], viewer.of_truth["square"]
    product, tested_square = viewer.sums(tested * true), viewer.sums(tested**2)
    error = np.maximum(square - 2 * product + tested_square, 0)
    known = square - viewer.of_truth["noise"]
    found = {"correlation_error": np.sqrt(error.sum() / count.sum())}
    for k, name in enumerate(viewer.pair_names):
        if count[k]:
            found[f"correlation_error:{name}"] = np.sqrt(error[k] / count[k])
    totals = viewer.sums(tested), viewer.of_truth["total"]
    means = [total.sum() / count.sum() for total in totals]
    covariance, variance, true_variance = (
        total.sum() / count.sum() - first * second
        for total, first, second in (
            (product, *means),
            (tested_square, means[0], means[0]),
            (square, means[1], means[1]),
        )
    )
    scale = np.sqrt(max(variance, 0) * max(true_variance, 0))
    found["correlation_match"] = covariance / scale if scale > 0 else 0.0
    for k, name in enumerate(viewer.pair_names):
        if count[k] and known[k] > TRUTH_SHARE**2 * count[k]:
            found[f"recovery:{name}"] = product[k] / known[k]
    return found


def jackknife(
    maps: np.ndarray,
    units: np.ndarray,
    viewer: Viewer,
    model: Callable[[View], View] = lambda view: view,
) -> tuple[dict[str, float], dict[str, float]]:
    """Distances of the covariance of maps, and their standard errors.

    The errors are from a delete-a-block jackknife: unlike a bootstrap it repeats no map,
    which would lower the rank of the covariance and with it most of the distances.

    Parameters
    ----------
    maps : array of shape (n_maps, n), K
    units : array of shape (n_maps,): maps of the same number (a batch that descended
        together) stay in the same block
    viewer : the way of looking
    model : takes the view of a sample covariance to that of the model under test

    Returns
    -------
    values, errors : by name; an error is NaN where blocks are too few or singular
    """
    blocks = block_moments(maps, units, viewer)
    total = blocks[0]
    for block in blocks[1:]:
        total += block
    values = distances(model(total.view()), viewer)
    left = [distances(model(total.without(block).view()), viewer) for block in blocks]
    return values, {name: jackknife_error([found[name] for found in left]) for name in values}


def block_moments(maps: np.ndarray, units: np.ndarray, viewer: Viewer) -> list[Sums]:
    """Sums over blocks of maps of about equal size, units kept whole."""
    _, number = np.unique(units, return_inverse=True)
    n_blocks = min(N_BLOCKS, int(number.max()) + 1)
    return [Sums.of(viewer, maps[number % n_blocks == k]) for k in range(n_blocks)]


def jackknife_error(left: Sequence[float]) -> float:
    """Standard error from the values that leave out one block each.

    NaN where there is none: of infinite values, or of one that no block changes.
    """
    left = np.asarray(left)
    if not np.isfinite(left).all() or np.ptp(left) <= UNCHANGED * np.abs(left).max():
        return float("nan")
    return float(np.sqrt((len(left) - 1) * left.var()))
