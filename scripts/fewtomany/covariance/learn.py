"""The best covariance from the inputs without emulation, learnt from the inputs alone.

Its parts are the inputs themselves and a diagonal covariance; where the scan has an axis, the
inputs turned about it (:mod:`fewtomany.covariance.turned`); where it has none, what needs none
(:mod:`fewtomany.covariance.without_axis`); where there is a surrogate, its correlations
(:mod:`fewtomany.covariance.surrogate`). About an axis of a part of the sky it is what needs none,
and the inputs turned about the axis are maps (:mod:`fewtomany.covariance.turns`). All are scaled by
the same deviations, smoothed about the axis or, without one, alike in all directions, where the
inputs themselves keep their own; the weights make held-out inputs likeliest. A part is made of the
inputs of a fold, to be scored, as it is made of all, to be used, but for a scaling
(:mod:`fewtomany.covariance.choice`). Turned inputs of the whole sphere are then completed to what
is right in all values (:mod:`fewtomany.covariance.completed`). An emulation may start from its
draws, and has to be better than it.

Where the axis is not the pole of the maps' frame, the turned inputs are learnt in the frame of
the axis and seen from the maps' own (:mod:`fewtomany.covariance.rotated`).
"""

import functools
import itertools
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np

from fewtomany.config.campaign import SymmetrySettings as Settings
from fewtomany.covariance import choice, completed, heldout, turns, variances, without_axis
from fewtomany.covariance.base import Model
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.found import TRUST, Found, evidence_of, judged
from fewtomany.covariance.mixture import Mixture
from fewtomany.covariance.product import Covariance
from fewtomany.covariance.rotated import Rotated, Rotation
from fewtomany.covariance.turned import Symmetry, Training, Turned
from fewtomany.errors import UserError
from fewtomany.files.store import MapSet
from fewtomany.late import healpy
from fewtomany.maps.ingest.files import FRAMES

N_DIRECTIONS = 100
"""Directions of the held-out likelihood, at most."""

DIPOLE_DEG = (264.021, 48.253)
"""Galactic longitude and latitude of the solar dipole (Planck 2018 results I, A&A 641, A1)."""

ALONG_DEG, BESIDE_DEG = (15.0, 45.0, None), (0.0, 2.0)
"""Of a part of the sky: standard deviations of the turns about an axis that are tried, and of the
small ones about any axis after them; None: turns by all angles alike."""

VISIBLE = 1e-3
"""Deviation of a pixel, over the median, below which a surrogate does not know its variance."""


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
    its "error" (nats per held-out map); without an axis, of another frame or on a part of the sky
    "widths", of the round kernel of each component, in pixels' sides, "turns", how maps are turned
    ("along_deg" None: by all angles alike), "regressions", from which of these regressions
    learn, "neighbours" of one, and by what all deviations are "widened", as those of few maps are
    too small for others; of a surrogate "surrogate": its gain over the mixture without it, the
    error, and whether the variances are smoothed relative to its own ("shape")

    Raises
    ------
    UserError : with too few inputs, or a pixel without scatter
    """
    if len(inputs.maps) < 4:
        raise UserError(
            f"{inputs.dataset}: {len(inputs.maps)} maps; symmetry and weights of covariances are "
            "chosen by held-out maps, which takes at least 4"
        )
    if inputs.maps[0].size < 2:
        raise UserError(f"{inputs.dataset}: maps of one value; expected at least 2 to correlate")
    training = Training(inputs.maps.astype(np.float64), inputs.components, inputs.sky, centre)
    try:
        if settings.axis == "none":
            found = without_axis.learn(training, seed, surrogate)
        elif not inputs.sky.is_full:
            found = _with_axis_of_a_part(training, settings, inputs.frame, seed, surrogate)
        elif settings.axis == inputs.frame:
            whole = inputs.maps[0].size <= heldout.WHOLE
            found = _with_axis(training, settings, inputs.frame, seed, surrogate, whole)
        else:
            found = _with_other_axis(training, settings, inputs.frame, seed, surrogate)
    except UserError as error:
        raise UserError(f"{inputs.dataset}: {error}") from None
    return Covariance(
        found.model,
        dataset=inputs.dataset,
        frame=inputs.frame,
        evidence=found.evidence,
        smoothed=found.deviation,
    )


def _with_axis(
    training: Training,
    settings: Settings,
    frame: str,
    seed: int,
    surrogate: Factor | None,
    whole: bool,
) -> Found:
    """Turned inputs; with ``whole`` completed to what is right in all values."""
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
        fit, evidence = judged(fit, *rivals)
        if evidence["surrogate"]["weight"]:
            training, evidence["surrogate"]["shape"] = relative, of_shape

    def made(some: Training) -> Mixture:
        """The mixture, of some inputs."""
        parts: dict[str, Model] = {
            name: Turned.of(some, symmetry)
            for name, symmetry in symmetries.items()
            if fit.weights[name] > 0
        }
        parts["diagonal"] = Factor.diagonal(components, sky, some.deviation)
        if surrogate is not None:
            parts["surrogate"] = surrogate.scaled(some.deviation)
        return Mixture.of(parts, fit.weights)

    about = {"symmetry": asdict(chosen), "smoothing": asdict(training.smoothing)}
    about |= {**evidence_of(fit), **evidence}
    found = Found(made(training), training.deviation, about)
    return _completed(found, training, made, seed) if whole else found


def _completed(
    found: Found, training: Training, made: Callable[[Training], Mixture], seed: int
) -> Found:
    """The same, right in all values, not in leading modes alone."""
    kept, held = training.split(choice.held_out(len(training))[0])
    known = 1 + training.centre / len(kept)  # a mean was taken off the held-out
    unseen = held.reshape(len(held), -1)
    model, inflation = completed.complete(
        found.model, unseen, made(kept), seed, ("completed",), known
    )
    about = {"completed": {"share": model.share, "multiple": model.multiple}}
    about["inflation"] = inflation
    return replace(found, model=model, evidence={**found.evidence, **about})


def _chosen(
    folds: list[choice.TurnedFold], settings: Settings, dipole_deg: tuple[float, float] | None
) -> Symmetry:
    """The symmetry that held-out inputs like best, or of the width that is given."""
    if settings.width_deg is not None:
        return Symmetry(settings.width_deg, dipole_deg=dipole_deg)
    return choice.choose(folds, dipole_deg).symmetry


def _with_axis_of_a_part(
    training: Training, settings: Settings, frame: str, seed: int, surrogate: Factor | None
) -> Found:
    """What needs no axis, and inputs turned about it as maps of the pixels that stay inside.

    About the pole of the maps' frame variances are smoothed along and across rings.
    """
    letters, sky = training.components.letters, training.sky
    pole = (0.0, 0.0, 1.0)
    if settings.axis == frame:
        smoother = functools.partial(variances.smooth, sky=sky)
        smoothing = variances.choose(
            training.maps, letters, centre=training.centre, smoother=smoother
        )
        training = replace(training, smoothing=smoothing)
    else:
        rotator = healpy.Rotator(coord=[FRAMES[settings.axis], FRAMES[frame]])
        pole = tuple(map(float, rotator(pole)))
    widths = ALONG_DEG if settings.width_deg is None else (settings.width_deg,)
    axial = [
        turns.Way(small, pole, along) for small, along in itertools.product(BESIDE_DEG, widths)
    ]
    return without_axis.learn(training, seed, surrogate, axial=axial)


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

    there = _with_axis(normalized(training)[1], settings, settings.axis, seed, None, whole=False)
    turned = {n: part for n, part in there.model.parts.items() if isinstance(part, Turned)}
    if not turned:
        return without_axis.learn(training, seed, surrogate)
    total = sum(there.model.weights[name] for name in turned)
    shares = {name: there.model.weights[name] / total for name in turned}
    smoothing_there = variances.Smoothing(**there.evidence["smoothing"])

    def seen(some: Training, fold: int | None) -> Rotated:
        deviation, rotated = normalized(some)
        rotated = replace(rotated, smoothing=smoothing_there)
        parts = {name: Turned.of(rotated, part.symmetry) for name, part in turned.items()}
        found = Mixture.of(parts, shares)
        if fold is None:
            return Rotated.of(found, rotation, deviation)
        drawn = found.draw(seed, ("variance", fold), 0, 2 * N_DIRECTIONS)
        return Rotated.of(found, rotation, deviation, drawn)

    found = without_axis.learn(training, seed, surrogate, seen)
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
