"""Points from coarse to fine, and the nearest of those before each.

Regressions of every pixel on pixels before it (:mod:`fewtomany.covariance.local`) need an order in
which each next point is far from all before, so that the first ones span the whole and the last
ones fill in (maximin order; Guinness 2018, Technometrics 60, 415). Points are rows of Cartesian
coordinates: unit vectors on the sphere, rows and columns of a plane.
"""

import numpy as np
import scipy

STEP = 0.8
"""Ratio of the distances of one round to those of the round before."""

GROWTH = 1.25
"""Ratio of the numbers of points among which one round and the next one look for neighbours."""


def order(points: np.ndarray) -> np.ndarray:
    """Points from coarse to fine: each is nearly the farthest one from those before.

    In rounds: every point that is farther from those before than the distance of the round comes
    next, the farthest first; the next round's distance is ``STEP`` times this one's.

    Parameters
    ----------
    points : array of shape (n, k), no two the same

    Returns
    -------
    int64 array of shape (n,), a permutation; it begins with the point nearest to the mean
    """
    tree = scipy.spatial.cKDTree(points)
    first = int(np.argmin(np.sum((points - points.mean(axis=0)) ** 2, axis=1)))
    found = [first]
    far = np.sqrt(np.sum((points - points[first]) ** 2, axis=1))
    far[first] = -1.0
    left = np.flatnonzero(far > 0)
    while len(left):
        reach = far[left].max()
        near = STEP * reach
        for point in left[np.argsort(-far[left], kind="stable")]:
            if far[point] < near:
                continue
            found.append(int(point))
            around = np.asarray(tree.query_ball_point(points[point], reach))
            distance = np.sqrt(np.sum((points[around] - points[point]) ** 2, axis=1))
            far[around] = np.minimum(far[around], distance)
            far[point] = -1.0
        left = left[far[left] > 0]
    return np.array(found)


def neighbours(points: np.ndarray, n_neighbours: int) -> np.ndarray:
    """The nearest points among those before each.

    Parameters
    ----------
    points : array of shape (n, k), in order

    Returns
    -------
    int32 array of shape (n, n_neighbours): places in the order, the nearest first; −1 where there
    are fewer points before
    """
    n = len(points)
    found = np.full((n, n_neighbours), -1, np.int32)
    head = min(n, n_neighbours + 1)
    for place in range(1, head):
        distance = np.sum((points[:place] - points[place]) ** 2, axis=1)
        found[place, :place] = np.argsort(distance, kind="stable")
    start = head
    while start < n:
        stop = min(n, max(start + 1, int(GROWTH * start)))
        tree = scipy.spatial.cKDTree(points[:stop])
        left, tried = np.arange(start, stop), 2 * n_neighbours + 1
        while len(left):
            tried = min(tried, stop)
            _, near = tree.query(points[left], k=tried)
            near = near.reshape(len(left), -1)
            before = near < left[:, None]
            done = before.sum(axis=1) >= n_neighbours
            rank = np.argsort(~before[done], axis=1, kind="stable")[:, :n_neighbours]
            found[left[done]] = np.take_along_axis(near[done], rank, axis=1)
            left, tried = left[~done], 2 * tried
        start = stop
    return found
