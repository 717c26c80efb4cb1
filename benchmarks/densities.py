"""Densities that are not Gaussian, learnt from few maps and held against others.

    python benchmarks/densities.py --results results/nongaussian config/nongaussian.yaml

Reads inputs and, as other maps, the reference of a campaign, of which maps suffice (``snakemake
--profile profiles/local --configfile config/nongaussian.yaml --until pick``). Every model is learnt
from the inputs alone; the scatter of a map's power and the tails of values are fitted to inputs
that folds hold out. Models:

    independent values    Gaussian, of the inputs' smoothed deviations
    regressions           Gaussian, of every value on its neighbours
    learnt                Gaussian, the best covariance without emulation
    …, power scatters     the multiple of a map's covariance has an inverse gamma distribution: a
                          multivariate t of one ν (the simplest that is not Gaussian)
    marginals first       values over their deviations have a t distribution of one ν, and are made
                          Gaussian one by one; then regressions (a Gaussian copula)
    …, power scatters     both
    …, uncertain          regressions whose coefficients and variances are integrated out; those
                          above have them at their means (benchmarks/transport.py)
    …, not linear         these as Gaussian processes (Katzfuss & Schäfer 2023)
    …, power nearby       linear again, but a value scatters as its neighbours do

``--peer`` names the folder of a virtual environment with batram 0.0.1, the package of Katzfuss &
Schäfer's group, whose transport map is learnt from the same values. It is not on the package index
and needs Python 3.11 and a C++ compiler:

    python3.11 -m venv build/batram
    build/batram/bin/pip install torch==2.14.1 gpytorch==1.15.2 pyro-ppl==1.9.2 \\
        git+https://github.com/katzfuss-group/batram@00ffb4f0571594a8d21467a962a64f46446d93c5

Columns: log-likelihood of the other maps per value over the first model, nats, and its error; and
of 600 draws, as in benchmarks/nongaussian.py, excess kurtosis, values beyond 4σ (10⁻⁴), scatter of
a map's power, and rms Δ of scattering coefficients and Minkowski functionals.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "benchmarks"))

import learnt  # noqa: E402
import nongaussian  # noqa: E402
import transport  # noqa: E402

from fewtomany import config  # noqa: E402
from fewtomany.covariance import Model, allround, choice, learn, nearby, regressions  # noqa: E402
from fewtomany.covariance.factor import Factor  # noqa: E402
from fewtomany.maps.sky import Sky  # noqa: E402

N_DRAWS = 600
N_PEER = 30
"""Neighbours that batram may use; it finds how many it needs."""

PEER = """
import sys, time
import numpy as np, torch
from batram.legmods import Data, SimpleTM

torch.set_num_threads(1)
torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
given = {name: torch.as_tensor(value) for name, value in np.load(sys.argv[1]).items()}
near = given["near"].long()
model = SimpleTM(Data.new(given["points"], given["maps"], near))
model.fit(25, 0.1, batch_size=128, silent=True)
seconds = time.process_time()
with torch.no_grad():
    drawn = model.cond_sample(num_samples=int(sys.argv[2]))
    own = model.augment_data(model.data, None)
    nugget = model.nugget(own)
    kernel = model.kernel(own, nugget)
    known = model.intloglik.precalc(kernel, own.response)
    sigma, others = model.kernel._sigmas(own.scales), given["others"]
    score = torch.zeros(len(others))
    for i in range(others.shape[1]):  # its own score is of one map at a time, much slower
        mean, more, around = 0.0, 0.0, near[i][near[i] >= 0]
        if len(around):
            x = others[:, around]
            cross = model.kernel._kernel_fun(x, sigma[i], nugget[i], given["maps"][:, around])
            white = torch.linalg.solve_triangular(kernel.GChol[i], cross.T, upper=False)
            mean = known.y_tilde[i] @ white
            weight = model.kernel._scale(torch.arange(len(around)) + 1)
            itself = (x * weight).square().sum(1) + sigma[i] ** 2
            more = itself / nugget[i] - white.square().sum(0)
        scale = ((1 + more) * known.beta_post[i] / known.alpha_post[i]) ** 0.5
        value = torch.distributions.StudentT(2 * known.alpha_post[i], mean, scale)
        score += value.log_prob(others[:, i])
    few = torch.stack([model.score(one) for one in others[:2]])
    assert torch.allclose(few, score[:2], rtol=1e-8), (few, score[:2])
np.savez(sys.argv[1], score=score, drawn=drawn)
share = (sigma**2 / nugget).median()
print(f"fit {seconds:.0f} s, m {model.kernel._tracked_values['m'].item()}, "
      f"median σ² / d² {share:.2g}, γ {model.kernel._range().item():.2g}")
"""
LARGEST = 1e4
"""Of ν, beyond which a t distribution is Gaussian."""


@dataclass(frozen=True)
class Marginal:
    """Values of a t distribution of ν degrees of freedom and a scale, made Gaussian."""

    nu: float
    scale: float

    @classmethod
    def of(cls, z: np.ndarray) -> "Marginal":
        """The likeliest, of values of other maps over known deviations."""

        def loss(free: np.ndarray) -> float:
            nu, scale = np.exp(free)
            return -scipy.stats.t.logpdf(z.ravel(), nu, scale=scale).mean()

        found = scipy.optimize.minimize(loss, [np.log(8.0), 0.0], method="Nelder-Mead")
        return cls(*map(float, np.exp(found.x)))

    def to_gaussian(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same as Gaussian values, and ln of the derivative."""
        tail = scipy.stats.t.logsf(np.abs(z) / self.scale, self.nu)
        y = -np.sign(z) * scipy.special.ndtri_exp(tail)
        slope = scipy.stats.t.logpdf(z, self.nu, scale=self.scale) - scipy.stats.norm.logpdf(y)
        return y, slope

    def from_gaussian(self, y: np.ndarray) -> np.ndarray:
        tail = scipy.special.ndtr(-np.abs(y))
        return np.sign(y) * self.scale * scipy.stats.t.isf(tail, self.nu)


@dataclass(frozen=True)
class Density:
    """Values over deviations, made Gaussian; then a covariance, whose multiple may scatter.

    Attributes
    ----------
    deviation : array of shape (n_components, n_pix), K
    marginal : of the values over it; None for Gaussian ones
    model : covariance of what is Gaussian then
    nu, multiple : of the multiple's distribution, and its scale
    """

    deviation: np.ndarray
    marginal: Marginal | None
    model: Model
    nu: float = LARGEST
    multiple: float = 1.0

    @property
    def told(self) -> str:
        """What was fitted."""
        found = f"ν {self.nu:.3g}, times {self.multiple:.3g}" if self.nu < LARGEST else ""
        return found + (f" values' ν {self.marginal.nu:.3g}" if self.marginal else "")

    def log_likelihood(self, maps: np.ndarray) -> np.ndarray:
        """Of maps (n_maps, n_components, n_pix), each, nats."""
        z, log_slope = over(self.deviation, self.marginal, maps)
        z = z.reshape(len(z), -1)
        chi2 = np.sum(z * self.model.solve(z), axis=1)
        found = scatter_likelihood(chi2, z.shape[1], self.nu, self.multiple)
        found -= self.model.log_determinant() / 2
        return found + log_slope

    def draw(self, seed: int) -> np.ndarray:
        y = self.model.draw(seed, ("density",), 0, N_DRAWS)
        random = np.random.default_rng(seed)
        if self.nu < LARGEST:
            scatter = self.multiple * self.nu / random.chisquare(self.nu, N_DRAWS)
            y *= np.sqrt(scatter)[:, None, None]
        return self.deviation * (self.marginal.from_gaussian(y) if self.marginal else y)


@dataclass(frozen=True)
class Conditional:
    """Values over deviations, made Gaussian; then one after the other given its neighbours.

    Attributes
    ----------
    deviation : array of shape (n_components, n_pix), K
    marginal : of the values over it; None for none
    model : of what is then
    """

    deviation: np.ndarray
    marginal: Marginal | None
    model: transport.Transport

    @property
    def told(self) -> str:
        """What was fitted."""
        prior = self.model.prior
        found = f"σ² {prior.share:.2g}, γ {prior.length:.2g}" if prior.share else ""
        return found + (f"ν nearby {prior.steady:.3g}" if np.isfinite(prior.steady) else "")

    def log_likelihood(self, maps: np.ndarray) -> np.ndarray:
        """Of maps (n_maps, n_components, n_pix), each, nats."""
        z, log_slope = over(self.deviation, self.marginal, maps)
        return self.model.log_likelihood(z) + log_slope

    def draw(self, seed: int) -> np.ndarray:
        y = self.model.draw(seed, N_DRAWS)
        return self.deviation * (self.marginal.from_gaussian(y) if self.marginal else y)


def over(
    deviation: np.ndarray, marginal: Marginal | None, maps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Maps over deviations, made Gaussian, and ln of the derivative of each map, (n_maps,)."""
    z, log_slope = maps / deviation, np.full(len(maps), -np.log(deviation).sum())
    if marginal:
        z, slope = marginal.to_gaussian(z)
        log_slope += slope.sum(axis=(1, 2))
    return z, log_slope


def scatter_likelihood(chi2: np.ndarray, n: int, nu: float, multiple: float = 1.0) -> np.ndarray:
    """Of n values by their χ², but for the determinant: Gaussian, or t of ν and a scale."""
    if multiple != 1:
        return scatter_likelihood(chi2 / multiple, n, nu) - n / 2 * np.log(multiple)
    if nu >= LARGEST:
        return -0.5 * (chi2 + n * np.log(2 * np.pi))
    constant = scipy.special.gammaln((nu + n) / 2) - scipy.special.gammaln(nu / 2)
    return constant - n / 2 * np.log(nu * np.pi) - (nu + n) / 2 * np.log1p(chi2 / nu)


def likeliest(chi2: np.ndarray, n: int) -> tuple[float, float]:
    """ν and the scale of the multiple, of held-out maps."""

    def loss(free: np.ndarray) -> float:
        return -np.mean(scatter_likelihood(chi2, n, *np.exp(free)))

    start = [np.log(20.0), np.log(chi2.mean() / n)]
    found = scipy.optimize.minimize(loss, start, method="Nelder-Mead")
    nu, multiple = map(float, np.exp(found.x))
    return min(nu, LARGEST), multiple


def learn_from(maps: np.ndarray, about: tuple) -> dict[str, Density]:
    """The models that are learnt here."""
    deviation, _ = allround.deviation(maps, about[1])
    one = np.ones_like(deviation)

    def local(z: np.ndarray) -> Model:
        return regressions.learn(z, np.sqrt(np.mean(z**2, axis=0)), *about).scaled(one)

    held = []  # values of left-out maps over the deviations of the others
    for left in choice.held_out(len(maps)):
        others, _ = allround.deviation(np.delete(maps, left, axis=0), about[1])
        held.append(maps[left] / others)
    marginal = Marginal.of(np.concatenate(held))
    y, _ = marginal.to_gaussian(maps / deviation)
    return {
        "independent values": Density(deviation, None, Factor.diagonal(*about, one)),
        "regressions": Density(deviation, None, local(maps / deviation)),
        "marginals first": Density(deviation, marginal, local(y)),
    }


def with_scatter(maps: np.ndarray, about: tuple) -> dict[str, Density]:
    """These, and those whose power scatters as that of held-out maps does."""
    chi2: dict[str, list] = {}
    for left in choice.held_out(len(maps)):
        for name, fold in learn_from(np.delete(maps, left, axis=0), about).items():
            z = (maps[left] / fold.deviation).reshape(len(left), -1)
            z = fold.marginal.to_gaussian(z)[0] if fold.marginal else z
            chi2.setdefault(name, []).append(np.sum(z * fold.model.solve(z), axis=1))
    found = {}
    for name, density in learn_from(maps, about).items():
        found[name] = density
        if name != "independent values":
            nu, multiple = likeliest(np.concatenate(chi2[name]), maps[0].size)
            found[f"{name}, power scatters"] = replace(density, nu=nu, multiple=multiple)
    return found


def given_neighbours(
    maps: np.ndarray, about: tuple, learnt_from: dict[str, Density]
) -> dict[str, Conditional]:
    """Those of benchmarks/transport.py, of values over deviations and of marginals first."""
    kinds = {"linear": "uncertain", "nonlinear": "not linear", "power nearby": "power nearby"}
    found = {}
    for name in ("regressions", "marginals first"):
        deviation, marginal = learnt_from[name].deviation, learnt_from[name].marginal
        z, _ = over(deviation, marginal, maps)
        for kind, shown in kinds.items():
            model = transport.Transport.of(z, about[1], kind)
            found[f"{name}, {shown}"] = Conditional(deviation, marginal, model)
    return found


@dataclass(frozen=True)
class Peer:
    """What batram says of the other maps, and its draws.

    Attributes
    ----------
    score : array of shape (n_maps,): log-likelihood of the other maps, nats
    drawn : array of shape (n, n_components, n_pix), K
    told : what was fitted
    """

    score: np.ndarray
    drawn: np.ndarray
    told: str

    def log_likelihood(self, maps: np.ndarray) -> np.ndarray:
        assert len(maps) == len(self.score)
        return self.score

    def draw(self, seed: int) -> np.ndarray:
        return self.drawn


def peers(
    folder: Path, maps: np.ndarray, others: np.ndarray, sky: Sky, learnt_from: dict
) -> Iterator[tuple[str, Peer]]:
    """batram's transport maps of values over deviations and of marginals first.

    It knows values at points: Q and U are at those of their pixel with a fourth coordinate, and are
    the side of a pixel apart, as a pixel and the next.
    """
    n_components, side = maps.shape[1], np.sqrt(4 * np.pi / (12 * sky.nside**2))
    apart = np.repeat(side * np.arange(n_components), sky.n_pix)
    points = np.column_stack([np.tile(sky.points, (n_components, 1)), apart])
    order = nearby.order(points)
    points = points[order]
    near = nearby.neighbours(points, N_PEER)
    for name in ("regressions", "marginals first"):
        deviation, marginal = learnt_from[name].deviation, learnt_from[name].marginal
        z, _ = over(deviation, marginal, maps)
        held, log_slope = over(deviation, marginal, others)
        z, held = (some.reshape(len(some), -1)[:, order] for some in (z, held))
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "given.npz"
            np.savez(path, points=points, near=near, maps=z, others=held)
            python, n = (folder / "bin/python").absolute(), str(N_DRAWS)
            command = [python, "-W", "ignore", "-c", PEER, path, n]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            with np.load(path) as given:
                score, drawn = given["score"] + log_slope, given["drawn"]
        y = np.empty_like(drawn)
        y[:, order] = drawn
        y = y.reshape(-1, *deviation.shape)
        drawn = deviation * (marginal.from_gaussian(y) if marginal else y)
        shown = "batram" if name == "regressions" else f"{name}, batram"
        yield shown, Peer(score, drawn, done.stdout.strip())


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("config", help="campaign")
    options.add_argument("--results", type=Path, required=True, help="its results")
    options.add_argument("--inputs", type=int, nargs="+", default=[10, 100], help="input maps")
    options.add_argument("--peer", metavar="FOLDER", type=Path, help="environment with batram")
    arguments = options.parse_args()
    campaign = config.parse(yaml.safe_load(Path(arguments.config).read_text()))
    for n in arguments.inputs:
        given = learnt.get_parser().parse_args(
            [arguments.config, "--results", str(arguments.results), "--inputs", str(n)]
        )
        inputs, _, others = learnt.source(given)
        about, maps = (inputs.components, inputs.sky), inputs.maps.astype(np.float64)
        others = others.reshape(-1, *maps.shape[1:])
        found: dict[str, Density | Conditional] = dict(with_scatter(maps, about))
        found |= given_neighbours(maps, about, found)
        best = learn.learn(inputs, campaign.symmetry, campaign.seed)
        one = np.ones(maps.shape[1:])
        found["learnt"] = Density(one, None, best.model)
        base = found["independent values"].log_likelihood(others)
        known = nongaussian.measure(others[len(others) // 2 :], campaign)
        kinds = ("S1", "S2", "S3", "S4", "V0", "V1", "V2", "V3")
        print(f"\n| {n} inputs | ln L | kurtosis | beyond 4σ | power | {' | '.join(kinds)} | |")
        print("|" + "---|" * 14)
        rows: Iterable[tuple[str, Density | Conditional | Peer]] = found.items()
        if arguments.peer:
            rows = itertools.chain(rows, peers(arguments.peer, maps, others, inputs.sky, found))
        for name, density in rows:
            gain = (density.log_likelihood(others) - base) / maps[0].size
            error = gain.std() / len(gain) ** 0.5
            drawn = density.draw(1)
            kurtosis, tail, scatter = nongaussian.shape(drawn)
            far = nongaussian.differences(nongaussian.measure(drawn, campaign), known)
            shown = ", ".join(f"{value:.2f}" for value in kurtosis)
            distances = " | ".join(f"{far[kind]:.2f}" for kind in kinds)
            print(
                f"| {name} | {gain.mean():+.3f} ± {error:.3f} | {shown} | {tail * 1e4:.1f} "
                f"| {scatter:.2f} | {distances} | {density.told} |",
                flush=True,
            )
    print(f"\n{campaign.name}: {len(others)} other maps")


if __name__ == "__main__":
    main()
