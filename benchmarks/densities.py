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

Columns: log-likelihood of the other maps per value over the first model, nats, and its error; and
of 600 draws, as in benchmarks/nongaussian.py, excess kurtosis, values beyond 4σ (10⁻⁴), scatter of
a map's power, and rms Δ of scattering coefficients and Minkowski functionals.
"""

import argparse
import sys
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

from fewtomany import config  # noqa: E402
from fewtomany.covariance import Model, allround, choice, learn, regressions  # noqa: E402
from fewtomany.covariance.factor import Factor  # noqa: E402

N_DRAWS = 600
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

    def log_likelihood(self, maps: np.ndarray) -> np.ndarray:
        """Of maps (n_maps, n_components, n_pix), each, nats."""
        z = (maps / self.deviation).reshape(len(maps), -1)
        log_slope = np.zeros_like(z)
        if self.marginal:
            z, log_slope = self.marginal.to_gaussian(z)
        chi2 = np.sum(z * self.model.solve(z), axis=1)
        found = scatter_likelihood(chi2, z.shape[1], self.nu, self.multiple)
        found -= self.model.log_determinant() / 2
        return found + log_slope.sum(axis=1) - np.log(self.deviation).sum()

    def draw(self, seed: int) -> np.ndarray:
        y = self.model.draw(seed, ("density",), 0, N_DRAWS)
        random = np.random.default_rng(seed)
        if self.nu < LARGEST:
            scatter = self.multiple * self.nu / random.chisquare(self.nu, N_DRAWS)
            y *= np.sqrt(scatter)[:, None, None]
        return self.deviation * (self.marginal.from_gaussian(y) if self.marginal else y)


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


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("config", help="campaign")
    options.add_argument("--results", type=Path, required=True, help="its results")
    options.add_argument("--inputs", type=int, nargs="+", default=[10, 100], help="input maps")
    arguments = options.parse_args()
    campaign = config.parse(yaml.safe_load(Path(arguments.config).read_text()))
    for n in arguments.inputs:
        given = learnt.get_parser().parse_args(
            [arguments.config, "--results", str(arguments.results), "--inputs", str(n)]
        )
        inputs, _, others = learnt.source(given)
        about, maps = (inputs.components, inputs.sky), inputs.maps.astype(np.float64)
        others = others.reshape(-1, *maps.shape[1:])
        found = with_scatter(maps, about)
        best = learn.learn(inputs, campaign.symmetry, campaign.seed)
        one = np.ones(maps.shape[1:])
        found["learnt"] = Density(one, None, best.model)
        base = found["independent values"].log_likelihood(others)
        known = nongaussian.measure(others[len(others) // 2 :], campaign)
        kinds = ("S1", "S2", "S3", "S4", "V0", "V1", "V2", "V3")
        print(f"\n| {n} inputs | ln L | kurtosis | beyond 4σ | power | {' | '.join(kinds)} | |")
        print("|" + "---|" * 14)
        for name, density in found.items():
            gain = (density.log_likelihood(others) - base) / maps[0].size
            error = gain.std() / len(gain) ** 0.5
            drawn = density.draw(1)
            kurtosis, tail, power = nongaussian.shape(drawn)
            far = nongaussian.differences(nongaussian.measure(drawn, campaign), known)
            told = (
                f"ν {density.nu:.3g}, times {density.multiple:.3g}" if density.nu < LARGEST else ""
            )
            told += f" values' ν {density.marginal.nu:.3g}" if density.marginal else ""
            shown = ", ".join(f"{value:.2f}" for value in kurtosis)
            print(
                f"| {name} | {gain.mean():+.3f} ± {error:.3f} | {shown} | {tail * 1e4:.1f} "
                f"| {power:.2f} | {' | '.join(f'{far[kind]:.2f}' for kind in kinds)} | {told} |",
                flush=True,
            )
    print(f"\n{campaign.name}: {len(others)} other maps")


if __name__ == "__main__":
    main()
