"""Regressions of every value on its neighbours that need not be linear.

As :mod:`fewtomany.covariance.regressions`, but what a value y owes to its neighbours x is a
Gaussian process (Katzfuss & Schäfer 2023, JASA 119, 1409):

    y = β₀ · x + f(x) + e,  e ~ N(0, d²),  f ~ GP(0, d² K),  d² ~ IG(a, (a − 1) d₀²),
    K(x, x') = Σ_k s_k x_k x'_k + σ² (1 + t) exp(−t),  t² = Σ_k w_k (x_k − x'_k)² / γ²,
    s_k = exp(θ₁ − θ₂ r_k),  w_k = exp(−θ₂ r_k),

r_k the rank of the neighbour's distance. σ² = 0 is the linear regression. β₀ and d₀² are those of
isotropic correlations; there they are 0 and a power of the distance. Not in that paper: x and y may
be divided by the root of the power nearby, v = (ν + Σ_k x_k²) / (ν + p), so that what is left of y
scatters as its p neighbours do; ν = ∞ is none of it.

a is that paper's: the prior of d² has a deviation of four times its mean. All other numbers are
shared by all values and are those of the best evidence. (Of a the evidence knows nothing: inputs
over their own deviations have a mean square of one everywhere, so from ten of them no d² seems to
differ from what is expected, and held-out maps are worse by 0.07 nats per value.)

d² is integrated out: the next value given its neighbours has a t distribution, the density of a map
is their product, and a map is drawn value by value. The order is that of the covariance: pixels
from coarse to fine, the components of a pixel one after the other; neighbours are all components of
the nearest pixels before, and those of the own pixel before.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from fewtomany.covariance import regressions
from fewtomany.maps.geometry import Geometry

CHUNK = 64
"""Pixels whose conditional densities are in memory at a time."""

KINDS = {
    "linear": ((), ()),
    "nonlinear": (("share", "length"), ((-1.0, 0.5), (-1.0, 2.0))),
    "power nearby": (("steady",), ((2.0,),)),
}
"""Of regressions: numbers that are not those of linear ones, and their logarithms where searches
begin."""

START = regressions.START[[0, 1, 3]]
"""Where the search for the numbers of linear ones begins: θ₁, ln θ₂, ln power of d₀²."""

SHAPE = 2 + 1 / 4**2
"""a."""


@dataclass(frozen=True)
class Prior(regressions.Prior):
    """With σ², γ and ν of the module's first lines."""

    share: float = 0.0
    length: float = 1.0
    steady: float = np.inf

    @classmethod
    def of(cls, base: regressions.Base, free: np.ndarray, more: tuple[str, ...] = ()) -> "Prior":
        """From three unbounded numbers, and from logarithms of more."""
        spread, *others = np.clip(free, -regressions.LIMIT, regressions.LIMIT)
        decay, power, *rest = np.exp(others)
        return cls(base, spread, decay, SHAPE, power, **dict(zip(more, rest, strict=True)))


@dataclass(frozen=True)
class Samples:
    """Of some values, and of what they depend on.

    Attributes
    ----------
    x : array of shape (n, n_samples, p); 0 where there is no neighbour
    y : array of shape (n, n_samples)
    mean : array of shape (n, p): β₀
    left : array of shape (n,): d₀²
    rank : array of shape (p,)
    count : array of shape (n,): of neighbours that there are
    """

    x: np.ndarray
    y: np.ndarray
    mean: np.ndarray
    left: np.ndarray
    rank: np.ndarray
    count: np.ndarray

    def nearby(self, prior: Prior, x: np.ndarray) -> np.ndarray:
        """Root of the power nearby, (n, k), of (n, k, p)."""
        if np.isinf(prior.steady):
            return np.ones(x.shape[:2])
        power = np.sum(x**2, axis=2) + prior.steady
        return np.sqrt(power / (prior.steady + self.count)[:, None])

    def kernel(self, prior: Prior, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """K of (n, k, p) and (n, l, p): (n, k, l)."""
        near = np.exp(-0.5 * prior.decay * self.rank)
        first, second = first * near, second * near
        inner = first @ second.transpose(0, 2, 1)
        found = np.exp(prior.spread) * inner
        if prior.share:
            square = -2 * inner
            square += np.sum(first**2, axis=2)[:, :, None] + np.sum(second**2, axis=2)[:, None]
            t = np.sqrt(np.maximum(square, 0)) / prior.length
            found += prior.share * (1 + t) * np.exp(-t)
        return found

    def learn(self, prior: Prior) -> "Conditionals":
        scale = self.nearby(prior, self.x)
        x, y = self.x / scale[..., None], self.y / scale
        root = np.linalg.cholesky(np.eye(x.shape[1]) + self.kernel(prior, x, x))
        away = y - np.einsum("nkp,np->nk", x, self.mean)
        white = np.linalg.solve(root, away[..., None])[..., 0]
        rate = self.left**prior.power * (prior.shape - 1)
        return Conditionals(self, prior, x, scale, root, white, rate)

    def evidence(self, prior: Prior) -> float:
        """Log marginal likelihood of all, nats, up to a constant."""
        found = self.learn(prior)
        a, after = prior.shape, found.freedom / 2
        logs = np.log(np.diagonal(found.root, axis1=1, axis2=2)).sum(axis=1)
        constant = scipy.special.gammaln(after) - scipy.special.gammaln(a)
        each = constant + a * np.log(found.rate) - after * np.log(found.after) - logs
        each -= np.log(found.scale).sum(axis=1)
        return float(each.sum())


@dataclass(frozen=True)
class Conditionals:
    """Densities of some values given their neighbours.

    Attributes
    ----------
    samples : that they are learnt from
    prior : and under which
    x : array of shape (n, n_samples, p): of the samples, over the root of the power nearby
    scale : array of shape (n, n_samples): that root
    root : array of shape (n, n_samples, n_samples): of 1 + K, lower triangular
    white : array of shape (n, n_samples): root⁻¹ (y − β₀ · x), both over the root
    rate : array of shape (n,): b of the prior of d²
    """

    samples: Samples
    prior: Prior
    x: np.ndarray
    scale: np.ndarray
    root: np.ndarray
    white: np.ndarray
    rate: np.ndarray

    @property
    def after(self) -> np.ndarray:
        """b of the posterior."""
        return self.rate + 0.5 * np.sum(self.white**2, axis=1)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the t distributions."""
        return 2 * self.prior.shape + self.white.shape[1]

    def given(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Location and scale of the t distributions given (n, k, p), each (n, k)."""
        own, known = self.samples, self.prior
        scale = own.nearby(known, x)
        x = x / scale[..., None]
        seen = np.linalg.solve(self.root, own.kernel(known, self.x, x))
        mean = np.einsum("nkp,np->nk", x, own.mean) + np.einsum("nsk,ns->nk", seen, self.white)
        itself = np.sum(x**2 * np.exp(known.spread - known.decay * own.rank), axis=2)
        spread = 1 + itself + known.share - np.sum(seen**2, axis=1)
        return scale * mean, scale * np.sqrt(spread * (2 * self.after / self.freedom)[:, None])

    def log_density(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Of values (n, k) given (n, k, p)."""
        mean, scale = self.given(x)
        return scipy.stats.t.logpdf((y - mean) / scale, self.freedom) - np.log(scale)

    def draw(self, x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """One value (n, k) for every one of (n, k, p)."""
        mean, scale = self.given(x)
        return mean + scale * random.standard_t(self.freedom, mean.shape)


@dataclass(frozen=True)
class Transport:
    """The density of maps that are the product of conditional ones.

    Attributes
    ----------
    samples : normalized inputs in the order of the regressions
    prior : of the best evidence
    """

    samples: regressions.Samples
    prior: Prior

    @classmethod
    def of(cls, maps: np.ndarray, sky: Geometry, kind: str) -> "Transport":
        """Learnt from maps over their deviations, (n_maps, n_components, n_pix).

        Parameters
        ----------
        kind : one of ``KINDS``
        """
        samples = regressions.Samples.of(maps, sky, None)
        n_pix = maps.shape[2]
        places = np.linspace(0, n_pix - 1, min(regressions.N_FITTED, n_pix)).astype(int)
        return cls(samples, fit(at(samples, np.unique(places)), samples.base, kind))

    def log_likelihood(self, maps: np.ndarray) -> np.ndarray:
        """Of normalized maps (n_maps, n_components, n_pix), each, nats."""
        order, found = self.samples.order, np.zeros(len(maps))
        maps = maps[:, :, order.pixels]
        for first in range(0, maps.shape[2], CHUNK):
            places = np.arange(first, min(first + CHUNK, maps.shape[2]))
            values = order.values(maps, places)
            for own in at(self.samples, places):
                p = own.x.shape[2]
                density = own.learn(self.prior).log_density(values[..., :p], values[..., p])
                found += density.sum(axis=0)
        return found

    def draw(self, seed: int, n_maps: int) -> np.ndarray:
        """Normalized maps (n_maps, n_components, n_pix)."""
        order, random = self.samples.order, np.random.default_rng(seed)
        maps = np.zeros((n_maps, *self.samples.maps.shape[1:]))
        for place in range(maps.shape[2]):
            here = np.array([place])
            for component, own in enumerate(at(self.samples, here)):
                x = order.values(maps, here)[..., : own.x.shape[2]]
                maps[:, component, place] = own.learn(self.prior).draw(x, random)[0]
        found = np.empty_like(maps)
        found[:, :, order.pixels] = maps
        return found


def at(samples: regressions.Samples, places: np.ndarray) -> list[Samples]:
    """Samples of the values at some places of the order, of each component."""
    values = samples.order.values(samples.maps, places)
    problem = samples.problems(places)[0]
    before = samples.maps.shape[1] * np.sum(samples.order.near[places] >= 0, axis=1)
    found = []
    for component, (mean, left) in enumerate(zip(problem.expected, problem.left, strict=True)):
        p = mean.shape[1]
        x, y = values[..., :p], values[..., p]
        found.append(Samples(x, y, mean, left, problem.rank[:p], before + component))
    return found


def fit(some: list[Samples], base: regressions.Base, kind: str) -> Prior:
    """The prior under which samples are likeliest."""
    n = sum(one.y.size for one in some)

    def search(start: np.ndarray, more: tuple[str, ...]) -> scipy.optimize.OptimizeResult:
        """Again from where it ended, until nothing is gained."""

        def loss(free: np.ndarray) -> float:
            prior = Prior.of(base, free, more)
            try:
                gain = sum(one.evidence(prior) for one in some) / n
            except np.linalg.LinAlgError:
                return np.inf
            return -gain + 1e-4 * np.sum((free[: len(START)] - START) ** 2)

        best = np.inf
        while True:
            simplex = start + np.vstack([np.zeros(len(start)), np.eye(len(start))])
            options = {"initial_simplex": simplex, "xatol": 0.05, "fatol": 1e-4, "maxfev": 300}
            found = scipy.optimize.minimize(loss, start, method="Nelder-Mead", options=options)
            if found.fun > best - 1e-4:
                return found
            start, best = found.x, found.fun

    linear = search(START, ()).x
    more, starts = KINDS[kind]
    if not more:
        return Prior.of(base, linear)
    found = [search(np.append(linear, start), more) for start in starts]
    return Prior.of(base, min(found, key=lambda one: one.fun).x, more)
