"""The best covariance from the inputs without emulation, learnt from the inputs alone.

Its parts are the inputs themselves and a diagonal covariance; where the scan has an axis, the
inputs turned about it (:mod:`fewtomany.covariance.turned`); where it has none, isotropic maps, the
inputs turned a little about any axis (:mod:`fewtomany.covariance.turns`) and regressions of every
pixel on its neighbours in these and the inputs (:mod:`fewtomany.covariance.regressions`); where
there is a surrogate, its correlations (:mod:`fewtomany.covariance.surrogate`). All are scaled by
the same deviations, smoothed about the axis or, without one, alike in all directions, where the
inputs themselves keep their own; the weights make held-out inputs likeliest. A part is made of the
inputs of a fold, to be scored, as it is made of all, to be used. An emulation may start from its
draws, and has to be better than it.

Where the axis is not the pole of the maps' frame, the turned inputs are learnt in the frame of
the axis and seen from the maps' own (:mod:`fewtomany.covariance.rotated`).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from fewtomany.config.campaign import SymmetrySettings as Settings
from fewtomany.covariance import (
    allround,
    choice,
    heldout,
    regressions,
    turns,
    variances,
    weights,
)
from fewtomany.covariance.base import Model
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.local import Local
from fewtomany.covariance.mixture import Mixture
from fewtomany.covariance.product import Covariance
from fewtomany.covariance.rotated import Rotated, Rotation
from fewtomany.covariance.turned import Symmetry, Training, Turned
from fewtomany.errors import UserError
from fewtomany.files.store import MapSet
from fewtomany.late import healpy
from fewtomany.maps.components import Components
from fewtomany.maps.ingest.files import FRAMES
from fewtomany.maps.sky import Sky
from fewtomany.spectra import isotropic

N_ISOTROPIC = 400
"""Isotropic maps that stand for their covariance, at most."""

N_DIRECTIONS = 100
"""Directions of the held-out likelihood, at most."""

DRAWN, LEAST_DRAWS = 4e7, 40
"""Values of the draws of a part that directions are found in, and draws in any case."""


DIPOLE_DEG = (264.021, 48.253)
"""Galactic longitude and latitude of the solar dipole (Planck 2018 results I, A&A 641, A1)."""

TRUST = 2.0
"""Standard errors that a surrogate must gain: one that does not is left out altogether."""


WIDTHS_DEG = (2.0, 4.0, 8.0, 12.0)
"""Standard deviations of small turns that are tried."""

StandIn = Factor | Local
"""Correlations of a surrogate."""

STAND_INS = ("surrogate", "surrogate, local")
"""Their names as parts."""

VISIBLE = 1e-3
"""Deviation of a pixel, over the median, below which a surrogate does not know its variance."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a way of learning has found.

    Attributes
    ----------
    mixture : the covariance, of zero mean
    deviation : array of shape (n_components, n_pix), K: smoothed, that of every part but, without
        an axis, of the inputs themselves
    evidence : see :func:`learn`
    """

    mixture: Mixture
    deviation: np.ndarray
    evidence: dict


def learn(
    inputs: MapSet,
    settings: Settings,
    seed: int,
    centre: bool = False,
    surrogate: Factor | None = None,
) -> Covariance:
    """Learn from inputs.

    Parameters
    ----------
    inputs : at least 4 maps
    settings : whether the scan has an axis, a pole of the inputs' frame or of another
    seed : of the draws that decide directions
    centre : whether the mean of the inputs is taken off; it is known to be 0 otherwise
    surrogate : a stand-in of the same scan on the same pixels. It has a part in the covariance
        where that makes held-out inputs likelier by more than twice the error of the gain

    Returns
    -------
    a mixture, of zero mean, the smoothed deviations, and as evidence what was chosen and how much
    it gains, for people: "symmetry", "smoothing", "weights", "gain" over the best single part and
    its "error" (nats per held-out map); without an axis "widths", of the round kernel of each
    component, in pixels' sides, and "turns_deg", of small turns; of a surrogate "surrogate": its
    gain over the mixture without it, the error, and whether the variances are smoothed relative to
    its own ("shape")

    Raises
    ------
    UserError : with too few inputs, or a pixel without scatter
    """
    if len(inputs.maps) < 4:
        raise UserError(
            f"{inputs.dataset}: {len(inputs.maps)} maps; symmetry and weights of covariances are "
            "chosen by held-out maps, which takes at least 4"
        )
    training = Training(inputs.maps.astype(np.float64), inputs.components, inputs.sky, centre)
    try:
        if settings.axis == "none":
            found = _without_axis(training, seed, surrogate)
        elif settings.axis == inputs.frame:
            found = _with_axis(training, settings, inputs.frame, seed, surrogate)
        else:
            found = _with_other_axis(training, settings, inputs.frame, seed, surrogate)
    except UserError as error:
        raise UserError(f"{inputs.dataset}: {error}") from None
    return Covariance(
        found.mixture,
        dataset=inputs.dataset,
        frame=inputs.frame,
        evidence=found.evidence,
        smoothed=found.deviation,
    )


def _with_axis(
    training: Training, settings: Settings, frame: str, seed: int, surrogate: Factor | None
) -> Found:
    components, sky = training.components, training.sky
    smoothing = variances.choose(training.maps, components.letters, centre=training.centre)
    training = replace(training, smoothing=smoothing)
    folds = choice.make_folds(training, seed, N_DIRECTIONS)
    dipole = dipole_of(frame, settings)
    chosen = _chosen(folds, settings, None)
    signed = _chosen(folds, settings, dipole) if dipole else None
    symmetries = choice.candidates(chosen, signed)
    fit, evidence = choice.fit_symmetries(folds, symmetries), {}
    if surrogate is not None:
        relative, of_shape = _shape(training, surrogate)
        folds = choice.make_folds(relative, seed, N_DIRECTIONS, surrogate)
        others = [
            {"surrogate": surrogate.scaled(fold.deviation).within(fold.modes)} for fold in folds
        ]
        rivals = [choice.fit_symmetries(folds, symmetries, more) for more in ((), others)]
        fit, evidence = _judged(fit, *rivals)
        if evidence["surrogate"]["weight"]:
            training, evidence["surrogate"]["shape"] = relative, of_shape
    deviation = training.deviation
    parts: dict[str, Model] = {
        name: Turned.of(training, symmetry)
        for name, symmetry in symmetries.items()
        if fit.weights[name] > 0
    }
    parts["diagonal"] = Factor.diagonal(components, sky, deviation)
    if surrogate is not None:
        parts["surrogate"] = surrogate.scaled(deviation)
    about = {"symmetry": asdict(chosen), "smoothing": asdict(training.smoothing)}
    return Found(Mixture.of(parts, fit.weights), deviation, {**about, **_evidence(fit), **evidence})


def _chosen(
    folds: list[choice.TurnedFold], settings: Settings, dipole_deg: tuple[float, float] | None
) -> Symmetry:
    """The symmetry that held-out inputs like best, or of the width that is given."""
    if settings.width_deg is not None:
        return Symmetry(settings.width_deg, dipole_deg=dipole_deg)
    return choice.choose(folds, dipole_deg).symmetry


def dipole_of(frame: str, settings: Settings) -> tuple[float, float] | None:
    """Longitude and latitude of the dipole that signs may follow, degrees; None for no signal."""
    if settings.signal == "none":
        return None
    rotator = healpy.Rotator(coord=["G", FRAMES[frame]])
    return tuple(map(float, rotator(*DIPOLE_DEG, lonlat=True)))


def _with_other_axis(
    training: Training, settings: Settings, frame: str, seed: int, surrogate: Factor | None
) -> Found:
    """The same where turns are about another axis than the pole of the maps' frame."""
    components, sky = training.components, training.sky
    rotation = Rotation(components, frame, settings.axis)
    smoothing = rotation.choose_smoothing(training.away, components.letters)

    def normalized(some: Training) -> tuple[np.ndarray, Training]:
        """Deviations of maps, and the maps over these in the frame of the axis."""
        variance = rotation.smooth(some.own_variance, components.letters, smoothing)
        deviation = np.sqrt(variance)
        return deviation, Training(rotation.to_axis(some.away / deviation), components, sky)

    there = _with_axis(normalized(training)[1], settings, settings.axis, seed, None)
    turns = {n: part for n, part in there.mixture.parts.items() if isinstance(part, Turned)}
    if not turns:
        return _without_axis(training, seed, surrogate)
    total = sum(there.mixture.weights[name] for name in turns)
    shares = {name: there.mixture.weights[name] / total for name in turns}
    smoothing_there = variances.Smoothing(**there.evidence["smoothing"])

    def seen(some: Training, fold: int | None) -> Rotated:
        deviation, rotated = normalized(some)
        rotated = replace(rotated, smoothing=smoothing_there)
        parts = {name: Turned.of(rotated, part.symmetry) for name, part in turns.items()}
        found = Mixture.of(parts, shares)
        if fold is None:
            return Rotated.of(found, rotation, deviation)
        drawn = found.draw(seed, ("variance", fold), 0, 2 * N_DIRECTIONS)
        return Rotated.of(found, rotation, deviation, drawn)

    found = _without_axis(training, seed, surrogate, seen)
    about = {"symmetry": there.evidence["symmetry"], "smoothing": asdict(smoothing)}
    about["in_the_frame_of_the_axis"] = {"axis": settings.axis, **there.evidence}
    return replace(found, evidence={**found.evidence, **about})


def _shape(training: Training, surrogate: Factor) -> tuple[Training, dict]:
    """The inputs, their variances smoothed relative to the surrogate's own or not; evidence."""
    own = surrogate.deviation
    if own.min() < VISIBLE * np.median(own):
        return training, {"used": False}
    letters = training.components.letters
    relative, gain, error = variances.gain_of_shape(
        training.maps, letters, training.smoothing, own, training.centre
    )
    used = gain > TRUST * error
    evidence = {"used": used, "gain": gain, "error": error}
    return replace(training, smoothing=relative, shape=own) if used else training, evidence


def _judged(plain: weights.Fit, without: weights.Fit, fit: weights.Fit) -> tuple[weights.Fit, dict]:
    """The fit with a surrogate, or the plain one; and the evidence for it.

    Parameters
    ----------
    plain : without a surrogate, in directions that know of none
    without, fit : without and with it, in directions that do
    """
    gain, error = heldout.paired_gain(fit.scores, without.scores)
    weight = sum(fit.weights.get(name, 0) for name in STAND_INS)
    trusted = gain > TRUST * error and weight > 0
    evidence = {"gain": gain, "error": error, "weight": weight * trusted}
    return (fit if trusted else plain), {"surrogate": evidence}


def _stand_ins(surrogate: Factor | None, components: Components, sky: Sky) -> dict[str, StandIn]:
    """What a surrogate says of correlations: its own, and where it is few maps, of neighbours."""
    if surrogate is None:
        return {}
    found: dict[str, StandIn] = {"surrogate": surrogate}
    if not surrogate.rest.any():  # maps themselves: modes of more leave a rest
        rows = np.sqrt(len(surrogate.maps)) * surrogate.maps.astype(np.float64)
        found[STAND_INS[1]] = regressions.learn(rows, np.ones(rows.shape[1:]), components, sky)
    return found


Seen = Callable[[Training, int | None], Rotated]
"""Makes the turned maps of a fold, or (None) of all."""


def _without_axis(
    training: Training,
    seed: int,
    surrogate: Factor | None,
    seen: Seen | None = None,
) -> Found:
    """What needs no axis; variances smoothed alike in all directions.

    With ``seen`` the turned maps too, and their variances.
    """
    width_deg = _width(training, seed)
    stand_ins = _stand_ins(surrogate, training.components, training.sky)
    fit, evidence = weights.fit(*_plain_folds(training, seed, {}, seen, width_deg)), {}
    if stand_ins:
        held, targets = _plain_folds(training, seed, stand_ins, seen, width_deg)
        others = [{n: t for n, t in fold.items() if n not in stand_ins} for fold in targets]
        fit, evidence = _judged(fit, weights.fit(held, others), weights.fit(held, targets))
    parts, deviation, widths = _plain_parts(training, seed, None, stand_ins, seen, width_deg)
    about = {"symmetry": None, "smoothing": asdict(variances.NONE)}
    about |= {"widths": widths, "turns_deg": width_deg}
    return Found(Mixture.of(parts, fit.weights), deviation, {**about, **_evidence(fit), **evidence})


def _width(training: Training, seed: int) -> float:
    """Of small turns, degrees: the width under which the first fold's held-out maps are likeliest.

    Half of the covariance are independent pixels, so that the noise of few turns counts little.
    """
    components, sky = training.components, training.sky
    kept, away = training.split(choice.held_out(len(training))[0])
    deviation, _ = allround.deviation(kept.away, sky, training.centre)
    alone = Factor.diagonal(components, sky, deviation)
    turned = [
        turns.turn(kept.away / deviation, components, sky, width, seed, ("width",)).maps
        for width in WIDTHS_DEG
    ]
    found = [Factor.of_rows(components, sky, maps).scaled(deviation) for maps in turned]
    samples = [(maps * deviation).reshape(len(maps), -1) for maps in turned]
    modes = heldout.mixture_modes(samples, min(N_DIRECTIONS, deviation.size // 2))
    held = away.reshape(len(away), -1) @ modes.T
    scores = [
        heldout.log_likelihood(held, (part.within(modes) + alone.within(modes)) / 2).mean()
        for part in found
    ]
    return WIDTHS_DEG[int(np.argmax(scores))]


def _plain_folds(
    training: Training,
    seed: int,
    stand_ins: Mapping[str, StandIn],
    seen: Seen | None,
    width_deg: float,
) -> tuple[list[np.ndarray], list[dict[str, np.ndarray]]]:
    """Of every fold the held-out maps and the targets, in directions of the training maps."""
    held, targets = [], []
    for fold, left in enumerate(choice.held_out(len(training))):
        kept, away = training.split(left)
        parts, *_ = _plain_parts(kept, seed, fold, stand_ins, seen, width_deg)
        n_draws = int(np.clip(DRAWN / away[0].size, LEAST_DRAWS, 2 * N_DIRECTIONS))
        samples = [
            part.draw(seed, ("directions", fold, name), 0, n_draws).reshape(n_draws, -1)
            for name, part in parts.items()
        ]
        modes = heldout.mixture_modes(samples, min(n_draws // 2, away[0].size // 2))
        held.append(away.reshape(len(left), -1) @ modes.T)
        targets.append({name: part.within(modes) for name, part in parts.items()})
    return held, targets


def _plain_parts(
    training: Training,
    seed: int,
    fold: int | None,
    stand_ins: Mapping[str, StandIn],
    seen: Seen | None,
    width_deg: float,
) -> tuple[dict[str, Model], np.ndarray, dict[str, float]]:
    """Of the training maps of a fold or of all (None): parts, deviations, and how smoothed.

    Without ``seen`` the deviations are smoothed alike in all directions, and the inputs keep
    their own: divided by these and multiplied by smooth ones they would be what noise in the
    former makes of them.
    """
    components, sky, away = training.components, training.sky, training.away
    own = np.sqrt(training.own_variance)
    if not (own > 0).all():
        raise UserError("a pixel does not vary over the maps")
    parts: dict[str, Model] = {}
    if seen is None:
        deviation, widths = allround.deviation(away, sky, training.centre)
        widths = dict(zip(components.names, widths, strict=True))
    else:
        parts["turned"] = seen(training, fold)
        own = deviation = parts["turned"].deviation
        widths = {}
    number = len(choice.held_out(len(training))) if fold is None else fold
    n_drawn = int(np.clip(turns.MEMORY / deviation.size, len(away), N_ISOTROPIC))
    drawn = isotropic.draw(away, components, seed, ("isotropic", number), 0, n_drawn, sky)
    parts |= {
        "inputs": Factor.of_rows(components, sky, away).scaled(own),
        "isotropic": Factor.of_rows(components, sky, drawn).scaled(deviation),
        "diagonal": Factor.diagonal(components, sky, deviation),
    }
    samples = turns.turn(away / deviation, components, sky, width_deg, seed, ("turns", number))
    near = regressions.learn(away, deviation, components, sky, samples)
    parts["small turns"] = Factor.of_rows(components, sky, samples.maps).scaled(deviation)
    parts["local"] = near.scaled(deviation)
    parts |= {name: found.scaled(deviation) for name, found in stand_ins.items()}
    return parts, deviation, widths


def _evidence(fit: weights.Fit) -> dict:
    gain, error = fit.gain(fit.best_single)
    return {
        "weights": fit.weights,
        "best_single": fit.best_single,
        "gain": gain if np.isfinite(gain) else None,
        "error": error if np.isfinite(error) else None,
    }
