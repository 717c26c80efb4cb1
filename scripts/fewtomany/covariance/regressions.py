"""A covariance from regressions of every pixel on its neighbours: full rank, sparse, of any sky.

With z = map / deviation, pixels from coarse to fine (:mod:`fewtomany.covariance.nearby`) and the
components of a pixel one after the other, every value is a regression on those of the nearest
pixels before it and on those of its own pixel before it:

    z_i = Σ_k β_k z_k + e_i,  e_i ~ N(0, d²),  d² ~ IG(a, (a − 1) d₀²),  β_k ~ N(β₀_k, d² s_k),
    s_k = exp(θ₁ − θ₂ r_k),

r_k the rank of the neighbour's distance, 0 for the pixel itself (Kidd & Katzfuss 2022, Bayesian
Analysis 17, 291). β₀ and d₀² are those of isotropic correlations of the distance, d₀² to a power.
Of independent maps the prior is that of the best evidence, a t distribution; where turned maps are
samples beside the inputs, it is the one that held-out inputs like best
(:mod:`fewtomany.covariance.tuned`). The posterior means of β and d² are a sparse inverse Cholesky
factor (:mod:`fewtomany.covariance.local`).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from fewtomany.covariance import nearby
from fewtomany.covariance.local import Local
from fewtomany.covariance.turns import Turns
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry

N_NEIGHBOURS = 10
N_BINS = 24
"""Classes of distance of the base's correlations."""

N_CENTRES = 400
"""Pixels whose products with all others tell the base."""

PAIRS = 20_000_000
"""Of these products and distances, that are in memory at a time."""

N_FITTED = 100
"""Pixels whose regressions tell the prior."""

NUGGET = 0.01
"""Smallest share of independent pixels in the base."""

CHUNK = 512
"""Pixels whose regressions are in memory at a time."""


@dataclass(frozen=True)
class Base:
    """Correlations R ⊗ (Σ_j w_j exp(−d² / 2 s_j²) + w₀ δ): positive in any dimension.

    Attributes
    ----------
    components : array of shape (n_components, n_components): R
    weights, widths : arrays of shape (n,): w and s; the rest of 1 is w₀
    """

    components: np.ndarray
    weights: np.ndarray
    widths: np.ndarray

    def __call__(self, square: np.ndarray) -> np.ndarray:
        """The isotropic factor at squared distances (...), 1 at 0."""
        found = np.where(square == 0, 1 - self.weights.sum(), 0.0)
        for weight, width in zip(self.weights, self.widths, strict=True):
            found += weight * np.exp(-0.5 * square / width**2)
        return found


def no_base(n_components: int) -> Base:
    """Independent values."""
    return Base(np.eye(n_components), np.empty(0), np.empty(0))


def isotropic_base(maps: np.ndarray, points: np.ndarray) -> Base:
    """The base of normalized maps (n_maps, n_components, n_pix): mean products by distance.

    Parameters
    ----------
    points : array of shape (n_pix, k); the first ``N_CENTRES`` are taken with all others
    """
    n_maps, n_components, n_pix = maps.shape
    if n_pix < 3:
        return no_base(n_components)
    flat = maps.transpose(1, 0, 2).reshape(n_components, -1)
    together = flat @ flat.T
    scale = np.sqrt(np.diagonal(together))
    centres = np.arange(min(N_CENTRES, n_pix))
    blocks = np.array_split(centres, -(-len(centres) * n_pix // PAIRS))
    every = (_square(points[block][:, None], points) for block in blocks)
    ends = [(square[square > 0].min(), square.max()) for square in every]
    least, most = min(low for low, _ in ends), max(high for _, high in ends)
    bounds = np.geomspace(least, most * 1.0001, N_BINS + 1)
    count, total, mean = np.zeros(N_BINS, int), np.zeros(N_BINS), np.zeros(N_BINS)
    for block in blocks:
        square = _square(points[block][:, None], points)
        inside = square > 0
        place = np.digitize(square[inside], bounds) - 1
        product = np.einsum("kcp,kcq->pq", maps[..., block], maps, optimize=True)
        count += np.bincount(place, minlength=N_BINS)
        total += np.bincount(place, product[inside], N_BINS)
        mean += np.bincount(place, square[inside], N_BINS)
    used = count > 0
    total, mean = total[used] / count[used], mean[used] / count[used]
    total /= n_maps * n_components * np.mean(maps**2)
    widths = np.sqrt(bounds[::2])
    rows = np.exp(-0.5 * mean[:, None] / widths**2)
    weights = scipy.optimize.nnls(rows, total)[0]
    kept = weights > 0
    weights, widths = weights[kept], widths[kept]
    if weights.sum() > 1 - NUGGET:
        weights *= (1 - NUGGET) / weights.sum()
    return Base(together / np.outer(scale, scale), weights, widths)


@dataclass(frozen=True)
class Prior:
    """Numbers of the prior.

    Attributes
    ----------
    base : where it shrinks to
    spread, decay : θ₁ and θ₂ of the module's first lines
    shape : a, more than 1
    power : of the base's d₀², which is 1 of a value that the base knows nothing of
    turned : what all turned maps together count beside all inputs
    """

    base: Base
    spread: float
    decay: float
    shape: float
    power: float
    turned: float = 1.0

    @classmethod
    def of(cls, base: Base, free: np.ndarray) -> "Prior":
        """From four or, with turned maps, five unbounded numbers."""
        spread, *others = np.clip(free, -LIMIT, LIMIT)
        decay, shape, *more = np.exp(others)
        return cls(base, spread, decay, 1 + shape, *more)


START = np.array([-2.0, -1.5, 1.5, 0.0])
"""Where the search for the prior of the best evidence begins: θ₁, ln θ₂, ln (a − 1), ln power."""

STEPS = np.array([1.0, 0.5, 1.0, 0.3])
"""First steps of the search."""

LIMIT = 12.0
"""Of the free numbers on either side."""


@dataclass(frozen=True)
class Problem:
    """Regressions of some pixels: products of samples with their neighbours and themselves.

    Attributes
    ----------
    products : array of shape (n, q, q), q = (m + 1) n_components: neighbour by neighbour all
        components, then those of the pixel; 0 where there is no neighbour
    expected : for every component β₀ of the base, (n, p), p = q − n_components + component
    left : the same, (n,): d₀²
    rank : array of shape (q,)
    n_samples : array of shape (n,): samples in the sums of every pixel
    n_components : of a pixel
    """

    products: np.ndarray
    expected: Sequence[np.ndarray]
    left: Sequence[np.ndarray]
    rank: np.ndarray
    n_samples: np.ndarray
    n_components: int

    def with_turned(self, turned: "Problem | None", prior: Prior) -> "Problem":
        """The same with the samples of turned maps, by what they count."""
        if turned is None:
            return self
        return replace(
            self,
            products=self.products + prior.turned * turned.products,
            n_samples=self.n_samples + prior.turned * turned.n_samples,
        )

    def regressions(self, prior: Prior):
        """For every component: (predictors, prior mean β₀, root of s, matrix M, 2b).

        M (n, p + 1, p + 1) is [[1 + √s G √s, √s g], […, 2b + e·e]], e what β₀ leaves: its last
        pivot is 2b′ of the posterior, its other pivots are the determinant.
        """
        for mean, left in zip(self.expected, self.left, strict=True):
            p = mean.shape[1]
            product, with_own = self.products[:, :p, :p], self.products[:, :p, p]
            of_mean = np.einsum("npk,nk->np", product, mean)
            away = with_own - of_mean
            square = self.products[:, p, p] - np.einsum("np,np->n", mean, with_own + away)
            root = np.exp(0.5 * (prior.spread - prior.decay * self.rank[:p]))
            matrix = np.empty((len(product), p + 1, p + 1))
            matrix[:, :p, :p] = product * np.outer(root, root)
            matrix[:, np.arange(p), np.arange(p)] += 1
            matrix[:, :p, p] = matrix[:, p, :p] = away * root
            rate = 2 * left**prior.power * (prior.shape - 1)
            matrix[:, p, p] = rate + np.maximum(square, 0)
            yield mean, root, matrix, rate

    def evidence(self, prior: Prior) -> float:
        """Log marginal likelihood of the samples per value, nats, up to a constant."""
        a, n = prior.shape, self.n_samples
        after = a + n / 2
        constant = scipy.special.gammaln(after) - scipy.special.gammaln(a)
        total = 0.0
        for _, _, matrix, rate in self.regressions(prior):
            pivots = np.diagonal(np.linalg.cholesky(matrix), axis1=1, axis2=2)
            logs = np.log(pivots)
            total += np.sum(
                constant
                + a * np.log(rate / 2)
                - after * (2 * logs[:, -1] - np.log(2))
                - logs[:, :-1].sum(axis=1)
            )
        return float(total) / (self.n_components * n.sum())

    def fit(self, base: Base) -> Prior:
        """The prior under which the samples are likeliest."""

        def loss(free: np.ndarray) -> float:
            prior = Prior.of(base, free)
            try:
                return -self.evidence(prior) + 1e-4 * np.sum((free - START) ** 2)
            except np.linalg.LinAlgError:
                return np.inf

        simplex = START + np.vstack([np.zeros(4), np.diag(STEPS)])
        found = scipy.optimize.minimize(
            loss,
            START,
            method="Nelder-Mead",
            options={"initial_simplex": simplex, "xatol": 0.05, "fatol": 1e-4, "maxfev": 100},
        )
        return Prior.of(base, found.x)

    def means(self, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
        """Posterior means: β (n, n_components, q − 1), 0 beyond, and d² (n, n_components)."""
        n, q = self.products.shape[:2]
        coefficients = np.zeros((n, self.n_components, q - 1))
        variance = np.empty((n, self.n_components))
        after = prior.shape + self.n_samples / 2
        for component, (mean, root, matrix, _) in enumerate(self.regressions(prior)):
            p = len(root)
            step = np.linalg.solve(matrix[:, :p, :p], matrix[:, :p, p:])[..., 0]
            coefficients[:, component, :p] = mean + root * step
            left = matrix[:, p, p] - np.einsum("np,np->n", step, matrix[:, :p, p])
            variance[:, component] = left / (2 * after - 2)
        return coefficients, variance


@dataclass(frozen=True)
class Order:
    """Pixels from coarse to fine and their neighbours; of the geometry alone.

    Attributes
    ----------
    pixels : int64 array of shape (n_pix,): pixel at every place
    points : array of shape (n_pix, k): coordinates, in order
    near : int32 array of shape (n_pix, m): places of the neighbours, −1 for none
    """

    pixels: np.ndarray
    points: np.ndarray
    near: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, n_neighbours: int) -> "Order":
        """Of points (n_pix, k) in the order of the maps."""
        pixels = nearby.order(points)
        near = nearby.neighbours(points[pixels], min(n_neighbours, max(len(points) - 1, 0)))
        return cls(pixels, points[pixels], near)

    def around(self, places: np.ndarray) -> np.ndarray:
        """Places of the neighbours of some, −1 for none, and last of themselves, (n, m + 1)."""
        return np.concatenate([self.near[places], places[:, None]], axis=1)

    def values(self, maps: np.ndarray, places: np.ndarray) -> np.ndarray:
        """What regressions at some places see of maps (n_maps, n_components, n_pix), in order.

        Returns
        -------
        float64 array of shape (n, n_maps, q), q as in :class:`Problem`
        """
        around = self.around(places)
        found = maps[:, :, around].transpose(2, 0, 3, 1) * (around >= 0)[:, None, :, None]
        return found.reshape(len(places), len(maps), -1).astype(np.float64)

    def problem(
        self,
        maps: np.ndarray,
        base: Base,
        places: np.ndarray,
        weights: np.ndarray | None = None,
    ) -> Problem:
        """Regressions of the pixels at some places.

        Parameters
        ----------
        maps : array of shape (n, n_components, n_pix), in order
        weights : array of shape (n, n_pix), in order; a sample counts with the smallest of those of
            a pixel and its neighbours. None for 1
        """
        n_components = maps.shape[1]
        around = self.around(places)
        there = around >= 0
        values = self.values(maps, places)
        if weights is None:
            n_samples = np.full(len(places), float(len(maps)))
        else:
            counts = np.where(there, weights[:, around], np.inf).min(axis=2).T
            values *= np.sqrt(counts)[:, :, None]
            n_samples = counts.sum(axis=1)
        products = np.matmul(values.transpose(0, 2, 1), values)
        points = self.points[around]
        isotropic = base(_square(points[:, :, None], points[:, None]))
        isotropic *= there[:, :, None] & there[:, None]
        size = around.shape[1]
        isotropic[:, np.arange(size), np.arange(size)] = 1
        size_q = size * n_components
        whole = np.einsum("nij,ab->niajb", isotropic, base.components)
        whole = whole.reshape(len(places), size_q, size_q)
        expected, left = [], []
        for p in range(size_q - n_components, size_q):
            own = whole[:, :p, p]
            expected.append(np.linalg.solve(whole[:, :p, :p], own[..., None])[..., 0])
            left.append(1 - np.einsum("np,np->n", expected[-1], own))
        rank = np.repeat(np.append(np.arange(1, size), 0), n_components)
        return Problem(products, expected, left, rank, n_samples, n_components)


@functools.lru_cache(maxsize=2)
def order_of(sky: Geometry, n_neighbours: int) -> Order:
    """The order of the pixels of a sky."""
    return Order.of(sky.points, n_neighbours)


@dataclass(frozen=True)
class Samples:
    """What regressions learn from, pixels in their order.

    Attributes
    ----------
    order : of the pixels
    maps : array of shape (n_maps, n_components, n_pix): inputs over their deviations
    base : isotropic correlations of these
    turned : array of shape (n, n_components, n_pix): turned inputs; None without any
    counts : array of shape (n, n_pix): what each of these counts, in all as much as the inputs
        wherever one is known
    """

    order: Order
    maps: np.ndarray
    base: Base
    turned: np.ndarray | None = None
    counts: np.ndarray | None = None

    @classmethod
    def of(
        cls, maps: np.ndarray, sky: Geometry, turns: Turns | None, n_neighbours: int = N_NEIGHBOURS
    ) -> "Samples":
        """Of normalized maps in the order of the sky's pixels."""
        order = order_of(sky, n_neighbours)
        own = maps[:, :, order.pixels]
        base = isotropic_base(own, order.points)
        if turns is None:
            return cls(order, own, base)
        seen = turns.seen[:, order.pixels]
        counts = seen * (len(maps) / seen.sum(axis=0))
        return cls(order, own, base, turns.maps[:, :, order.pixels], counts)

    def problems(self, places: np.ndarray) -> tuple[Problem, Problem | None]:
        """Regressions at some places, of the inputs and of the turned maps."""
        own = self.order.problem(self.maps, self.base, places)
        if self.turned is None:
            return own, None
        return own, self.order.problem(self.turned, self.base, places, self.counts)


def learn(
    maps: np.ndarray,
    deviation: np.ndarray,
    components: Components,
    sky: Geometry,
    n_neighbours: int = N_NEIGHBOURS,
) -> Local:
    """The local model of independent maps, under the prior of the best evidence.

    Parameters
    ----------
    maps : array of shape (n_maps, n_components, n_pix), of zero mean
    deviation : array of shape (n_components, n_pix), by which they are divided
    """
    samples = Samples.of(maps / deviation, sky, None, n_neighbours)
    n_pix = sky.n_pix
    places = np.unique(np.linspace(0, n_pix - 1, min(N_FITTED, n_pix)).astype(int))
    prior = samples.problems(places)[0].fit(samples.base)
    return of_samples(samples, prior, deviation, components, sky)


def of_samples(
    samples: Samples, prior: Prior, deviation: np.ndarray, components: Components, sky: Geometry
) -> Local:
    """The local model of samples under a prior, times deviations (n_components, n_pix)."""
    order, (n_components, n_pix) = samples.order, deviation.shape
    coefficients = np.empty((n_pix, n_components, (order.near.shape[1] + 1) * n_components - 1))
    variance = np.empty((n_pix, n_components))
    for first in range(0, n_pix, CHUNK):
        some = np.arange(first, min(first + CHUNK, n_pix))
        own, turned = samples.problems(some)
        coefficients[some], variance[some] = own.with_turned(turned, prior).means(prior)
    return Local(
        components, sky, order.pixels, order.near, coefficients, np.sqrt(variance), deviation
    )


def _square(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances of points (..., k)."""
    return np.sum((a - b) ** 2, axis=-1)
