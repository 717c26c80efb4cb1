"""The best covariance from the inputs without emulation where the scan has no axis.

Its parts are the inputs themselves, isotropic maps, independent values, the inputs turned a little
about any axis (:mod:`fewtomany.covariance.turns`), and regressions of every pixel on its neighbours
in these and the inputs (:mod:`fewtomany.covariance.regressions`); a surrogate's correlations. Where
there is an axis, too: what was learnt about one that is not the pole of the maps' frame, or, of a
part of the sky, the inputs turned about it. Weights, turns and the prior of the regressions are
those that make held-out inputs likeliest.

Held-out maps judge in leading directions where a map has many values. Weights that are right there
are not right on small scales. So these are as one part alone says, given the leading amplitudes
(:mod:`fewtomany.covariance.scales`): the regressions, or a surrogate that held-out maps prefer.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from fewtomany.covariance import (
    allround,
    choice,
    heldout,
    regressions,
    scales,
    tuned,
    turns,
    variances,
    weights,
)
from fewtomany.covariance.base import Model
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.found import STAND_INS, Found, evidence_of, judged
from fewtomany.covariance.local import Local
from fewtomany.covariance.mixture import Mixture
from fewtomany.covariance.rotated import Rotated
from fewtomany.covariance.turned import Training
from fewtomany.covariance.turns import Turns, Way
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import isotropic

N_ISOTROPIC = 400
"""Isotropic maps that stand for their covariance, at most."""

N_DIRECTIONS, PER_INPUT, MOST_DIRECTIONS = 200, 8, 800
"""Directions of the held-out likelihood of more than ``heldout.FEW`` values: at least, by input, at
most. Many inputs tell weights on smaller scales; turns about an axis are right on those, too."""

DRAWN, LEAST_DRAWS = 4e7, 40
"""Values of the draws of a part that directions are found in, and draws in any case."""

N_FOR_WIDTH = 100
"""Directions in which widths are compared, and maps that are turned for it, at most."""

SMALL = tuple(Way(width_deg) for width_deg in (2.0, 4.0, 8.0, 12.0))
"""Small turns that are tried."""

FEW_FREE = 4
"""Degrees of freedom of a variance up to which the mean of x² over it has no finite variance."""

STREAMS = {"small turns": "turns", "turned": "turned"}
"""First keys of the streams that turns follow from, by part."""

N_NEIGHBOURS = (regressions.N_NEIGHBOURS, 25)
"""Of a regression, that are tried; the second only of twice as many inputs."""

StandIn = Factor | Local
"""Correlations of a surrogate."""

Seen = Callable[[Training, int | None], Rotated]
"""Makes the turned maps of a fold, or (None) of all."""


@dataclass(frozen=True, eq=False)
class Made:
    """What is made of the inputs of a fold, or of all.

    Attributes
    ----------
    number : of the fold; of all inputs, that of folds
    training : these inputs
    held : the others, (n_held, n_components, n_pix), K; None of all
    deviation : array of shape (n_components, n_pix), K
    widths : by component, of the kernel that smoothed its variances
    turned : inputs turned, by the part that they are
    parts : all parts but the regressions
    """

    number: int
    training: Training
    held: np.ndarray | None
    deviation: np.ndarray
    widths: dict[str, float]
    turned: Mapping[str, Turns]
    parts: dict[str, Model]

    def samples(self, turned: str, n_neighbours: int) -> regressions.Samples:
        """What regressions learn from, beside the inputs some turned ones."""
        normalized = self.training.away / self.deviation
        maps = self.turned[turned]
        return regressions.Samples.of(normalized, self.training.sky, maps, n_neighbours)

    def all_parts(self, near: tuned.Tuned, stand_ins: Mapping[str, StandIn]) -> dict[str, Model]:
        """With the regressions that were chosen, and the correlations of a surrogate."""
        samples = self.samples(near.turned, near.n_neighbours)
        one = np.ones_like(self.deviation)
        chosen = regressions.Prior.of(samples.base, near.numbers)
        about = self.training.components, self.training.sky
        found = {"local": regressions.of_samples(samples, chosen, one, *about), **stand_ins}
        return self.parts | {name: part.scaled(self.deviation) for name, part in found.items()}


def learn(
    training: Training,
    seed: int,
    surrogate: Factor | None,
    seen: Seen | None = None,
    axial: Sequence[Way] = (),
) -> Found:
    """What needs no axis.

    Parameters
    ----------
    training : whose smoothing, if it has one, is that of the variances; else they are smoothed
        alike in all directions
    seen : makes turned maps, another part, and their variances
    axial : turns about an axis that are tried. What is turned so is another part, and regressions
        learn from it, or from small turns, as held-out maps like better
    """
    ways = {"small turns": _likeliest(training, SMALL, seed)}
    if axial:
        ways["turned"] = _likeliest(training, axial, seed)
    folds = [
        _made(*training.split(left), seed, number, seen, ways)
        for number, left in enumerate(choice.held_out(len(training)))
    ]
    few, many = N_NEIGHBOURS
    numbers = [few, many] if len(training) >= 2 * many else [few]
    tried = itertools.product(ways, numbers)
    near = max((_tuned(folds, *one) for one in tried), key=lambda found: found.score)
    stand_ins = _stand_ins(surrogate, training.components, training.sky)
    judges, evidence = _judges(folds, near, {}, seed), {}
    apart = all(judges.small)  # large and small scales
    fit = weights.fit(judges.held, judges.targets, apart)
    if stand_ins:
        more = _judges(folds, near, stand_ins, seed)
        others = [{n: t for n, t in fold.items() if n not in stand_ins} for fold in more.targets]
        rivals = (weights.fit(more.held, some, apart) for some in (others, more.targets))
        fit, evidence = judged(fit, *rivals)
        if evidence["surrogate"]["weight"]:
            judges = more
        else:
            stand_ins = {}
    widened = 1.0 if seen else _widened(folds)
    whole = _made(training, None, seed, len(folds), seen, ways, widened)
    about = {"symmetry": None, "smoothing": asdict(training.smoothing)}
    about |= {"widths": whole.widths, "neighbours": near.n_neighbours, "widened": widened}
    about["regressions"] = near.turned
    about["turns"] = {name: asdict(way) for name, way in ways.items()}
    parts = whole.all_parts(near, stand_ins)
    model: Model = Mixture.of(parts, fit.weights)
    directions = _leading(whole, parts, seed) if apart else None
    if directions is not None:
        name, scale = scales.likeliest(judges.small)
        known = 1 + training.centre / len(folds[0].training)  # a mean was taken off the held-out
        both = fit.scale / known, scale / known
        model, inflation = scales.join(
            model.within(directions), parts[name], directions, whole.deviation, both
        )
        about |= {"small_scales": name, "inflation": inflation}
    return Found(model, whole.deviation, {**about, **evidence_of(fit), **evidence})


def _likeliest(training: Training, tried: Sequence[Way], seed: int) -> Way:
    """The turns under which the first fold's held-out maps are likeliest.

    Half of the covariance are independent pixels, so that the noise of few turns counts little.
    """
    components, sky = training.components, training.sky
    kept, away = training.split(choice.held_out(len(training))[0])
    deviation, _ = _deviation(kept)
    alone = Factor.diagonal(components, sky, deviation)
    some = kept.away[:N_FOR_WIDTH] / deviation
    turned = [turns.turn(some, components, sky, way, seed, ("width",)).maps for way in tried]
    found = [Factor.of_rows(components, sky, maps).scaled(deviation) for maps in turned]
    samples = ((maps * deviation).reshape(len(maps), -1) for maps in turned)
    modes = heldout.mixture_modes(samples, min(N_FOR_WIDTH, deviation.size // 2))
    held = away.reshape(len(away), -1) @ modes.T
    scores = [
        heldout.log_likelihood(held, (part.within(modes) + alone.within(modes)) / 2).mean()
        for part in found
    ]
    return tried[int(np.argmax(scores))]


def _made(
    training: Training,
    held: np.ndarray | None,
    seed: int,
    number: int,
    seen: Seen | None,
    ways: Mapping[str, Way],
    widened: float = 1.0,
) -> Made:
    """Of the inputs of a fold, with those that it holds out, or of all (None).

    Without ``seen`` the inputs keep their own deviations: divided by these and multiplied by
    smooth ones they would be what noise in the former makes of them.
    """
    components, sky, away = training.components, training.sky, training.away
    own = np.sqrt(training.own_variance)
    if not (own > 0).all():
        raise UserError("a pixel does not vary over the maps")
    parts: dict[str, Model] = {}
    if seen is None:
        deviation, widths = _deviation(training)
        own, deviation = widened * own, widened * deviation
    else:
        parts["turned"] = seen(training, None if held is None else number)
        own = deviation = parts["turned"].deviation
        widths = {}
    size = deviation.size
    least = min(len(away), turns.most(size))
    n_drawn = int(np.clip(turns.MEMORY / size, least, N_ISOTROPIC))
    drawn = isotropic.draw(away, components, seed, ("isotropic", number), 0, n_drawn, sky)
    turned = {
        name: turns.turn(away / deviation, components, sky, way, seed, (STREAMS[name], number))
        for name, way in ways.items()
    }
    parts |= {
        "inputs": Factor.of_rows(components, sky, away).scaled(own),
        "isotropic": Factor.of_rows(components, sky, drawn).scaled(deviation),
        "diagonal": Factor.diagonal(components, sky, deviation),
        **{
            name: Factor.of_rows(components, sky, some.maps).scaled(deviation)
            for name, some in turned.items()
        },
    }
    return Made(number, training, held, deviation, widths, turned, parts)


def _deviation(training: Training) -> tuple[np.ndarray, dict[str, float]]:
    """Deviations (n_components, n_pix), K, and by component the width of a round kernel.

    Smoothed as the training says, or alike in all directions.
    """
    if training.smoothing != variances.NONE:
        return training.deviation, {}
    found, widths = allround.deviation(training.away, training.sky, training.centre)
    return found, dict(zip(training.components.names, widths, strict=True))


def _widened(folds: Sequence[Made]) -> float:
    """By how much deviations are too small for maps that did not make them.

    The mean of x² / s² is more than 1 where s² is the variance of few maps, however true on
    average: 1 + 2 / N, nearly, of N, less where it is smoothed. Folds know fewer maps than all. A
    mean of N maps that was taken off others makes these larger by 1 + 1 / N, which is not meant.
    Where folds know so few that the mean has no finite variance, the smallest s² of all would say
    what it is; there it is no more than that of Gaussian maps whose variances are not smoothed.
    """
    ratio = np.mean(
        [
            np.mean((fold.held / fold.deviation) ** 2)
            / (1 + fold.training.centre / len(fold.training))
            for fold in folds
        ]
    )
    found = 1 + (ratio - 1) * (1 - 1 / len(folds))
    if min(len(fold.training) - fold.training.centre for fold in folds) <= FEW_FREE:
        n_free = sum(len(fold.held) for fold in folds) - folds[0].training.centre
        found = min(found, n_free / (n_free - 2))
    return float(np.sqrt(max(found, 1)))


def _tuned(folds: Sequence[Made], turned: str, n_neighbours: int) -> tuned.Tuned:
    """The prior of regressions on so many neighbours that held-out maps like best.

    They learn from the inputs and some turned ones, named by their part.
    """
    return tuned.tune(
        [
            tuned.HeldPixels.of(
                fold.samples(turned, n_neighbours),
                fold.held / fold.deviation,
                (k + 0.5) / len(folds),
            )
            for k, fold in enumerate(folds)
        ],
        turned,
        n_neighbours,
    )


@dataclass(frozen=True, eq=False)
class Judges:
    """Every fold's held-out maps and parts, in directions of its training maps.

    Attributes
    ----------
    held : arrays of shape (n_held, k), K
    targets : by part its covariance there, (k, k), K²
    small : by part of full rank what the maps say of it on small scales; empty where the
        directions are all values
    """

    held: list[np.ndarray]
    targets: list[dict[str, np.ndarray]]
    small: list[dict[str, scales.SmallScales]]


def _judges(
    folds: Sequence[Made], near: tuned.Tuned, stand_ins: Mapping[str, StandIn], seed: int
) -> Judges:
    found = Judges([], [], [])
    for fold in folds:
        parts = fold.all_parts(near, stand_ins)
        modes, maps = _leading(fold, parts, seed), fold.held.reshape(len(fold.held), -1)
        small = {}
        if modes is None:
            modes = np.eye(maps.shape[1])
        else:
            names = ("local", *stand_ins)
            small = {name: scales.SmallScales.of(maps, parts[name], modes) for name in names}
        found.held.append(maps @ modes.T)
        found.targets.append({name: part.within(modes) for name, part in parts.items()})
        found.small.append(small)
    return found


def _leading(made: Made, parts: Mapping[str, Model], seed: int) -> np.ndarray | None:
    """Leading modes of all parts, (k, n); None where values are so few that all are looked at.

    Not all of maps that are sums of fewer: the likelihood has no maximum there.
    """
    size = made.deviation.size
    inputs = made.training.away.reshape(len(made.training), -1)
    rank = len(inputs) - made.training.centre
    if size <= heldout.FEW and np.linalg.matrix_rank(inputs) == rank:
        return None
    most = np.clip(PER_INPUT * len(inputs), N_DIRECTIONS, MOST_DIRECTIONS)
    n_draws = int(np.clip(DRAWN / size, LEAST_DRAWS, 2 * most))
    n_modes = min(n_draws, size) // 2
    if "turned" in parts:  # which know more of scales than inputs do, and whose draws are dear
        n_draws = min(n_draws, MOST_DIRECTIONS // 2)
        n_modes = min(2 * n_draws, size // 2)
    samples = (
        _sample(part, seed, ("directions", made.number, name), n_draws).reshape(-1, size)
        for name, part in parts.items()
        if name != "diagonal"  # no direction leads there
    )
    return heldout.mixture_modes(samples, n_modes)


def _sample(part: Model, seed: int, key: tuple[str | int, ...], n_draws: int) -> np.ndarray:
    """Maps of a part's covariance: those that it was made of, if they are not more, or draws."""
    if isinstance(part, Factor) and not part.rest.any() and len(part.maps) <= n_draws:
        return part.maps * part.scale
    return part.draw(seed, key, 0, n_draws)


def _stand_ins(surrogate: Factor | None, components: Components, sky: Sky) -> dict[str, StandIn]:
    """What a surrogate says of correlations: its own, and where it is few maps, of neighbours."""
    if surrogate is None:
        return {}
    found: dict[str, StandIn] = {"surrogate": surrogate}
    if not surrogate.rest.any():  # maps themselves: modes of more leave a rest
        rows = np.sqrt(len(surrogate.maps)) * surrogate.maps.astype(np.float64)
        found[STAND_INS[1]] = regressions.learn(rows, np.ones(rows.shape[1:]), components, sky)
    return found
