"""The best covariance from the inputs without emulation, learnt from the inputs alone.

Its parts are the inputs themselves, a diagonal covariance, isotropic maps and, where the
scan has an axis, the inputs turned about it (:mod:`fewtomany.covariance.model`), and where there
is a surrogate its correlations (:mod:`fewtomany.covariance.surrogate`). All have the same pixel
variances, smoothed about the axis or, without one, alike in all directions, where the inputs
themselves keep their own; the weights make held-out inputs likeliest.
An emulation may start from its draws, and has to be better than it.

Where the axis is not the pole of the maps' frame, the turned inputs are learnt in the frame of
the axis and seen from the maps' own (:mod:`fewtomany.covariance.rotation`).
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

import healpy
import numpy as np

from fewtomany.config.campaign import Symmetry as Settings
from fewtomany.covariance import allround, choice, heldout, mixture, model, pieces, variances
from fewtomany.covariance.mixture import Diagonal, Mixture
from fewtomany.covariance.model import Symmetry, Turned
from fewtomany.covariance.rotation import Rotation, Seen
from fewtomany.covariance.sample import Sample
from fewtomany.covariance.surrogate import Surrogate
from fewtomany.covariance.variances import Smoothing
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet
from fewtomany.maps.components import Components
from fewtomany.maps.ingest.files import FRAMES
from fewtomany.maps.sky import Sky
from fewtomany.spectra import isotropic

KIND = "symmetric-covariance"

N_ISOTROPIC = 400
"""Isotropic maps that stand for their covariance."""

N_DIRECTIONS = 100
"""Directions of the held-out likelihood, at most."""


DIPOLE_DEG = (264.021, 48.253)
"""Galactic longitude and latitude of the solar dipole (Planck 2018 results I, A&A 641, A1)."""

TRUST = 2.0
"""Standard errors that a surrogate must gain: one that does not is left out altogether."""


VISIBLE = 1e-3
"""Deviation of a pixel, over the median, below which a surrogate does not know its variance."""


@dataclass(frozen=True)
class Learnt:
    """What was learnt.

    Attributes
    ----------
    mixture : the covariance, of zero mean
    deviation : array of shape (n_components, n_pix), K: smoothed, that of every part but, without
        an axis, of the inputs themselves
    components, sky : of the maps
    evidence : what was chosen and how much it gains, for people: "symmetry", "smoothing",
        "weights", "gain" over the best single part and its "error" (nats per held-out map);
        without an axis "widths", of the round kernel of each component, in pixels' sides;
        of a surrogate "surrogate": its gain over the mixture without it, the error, and
        whether the variances are smoothed relative to its own ("shape")
    """

    mixture: Mixture
    deviation: np.ndarray
    components: Components
    sky: Sky
    evidence: dict


def learn(
    inputs: MapSet,
    settings: Settings,
    seed: int,
    centre: bool = False,
    surrogate: Surrogate | None = None,
) -> Learnt:
    """Learn from inputs.

    Parameters
    ----------
    inputs : at least 4 maps
    settings : whether the scan has an axis, a pole of the inputs' frame or of another
    seed : of the draws that decide directions
    centre : whether the mean of the inputs is taken off; it is known to be 0 otherwise
    surrogate : a stand-in of the same scan on the same pixels. It has a part in the covariance
        where that makes held-out inputs likelier by more than twice the error of the gain

    Raises
    ------
    UserError : with too few inputs, or a pixel without scatter
    """
    maps = inputs.maps.astype(np.float64)
    if len(maps) < 4:
        raise UserError(
            f"{inputs.dataset}: {len(maps)} maps; symmetry and weights of covariances are "
            "chosen by held-out maps, which takes at least 4"
        )
    if settings.axis not in ("none", inputs.frame):
        return _with_other_axis(inputs, maps, settings, seed, centre, surrogate)
    if settings.axis != "none":
        return _with_axis(inputs, maps, settings, seed, centre, surrogate)
    return _without_axis(inputs, maps, seed, centre, surrogate)


def _with_axis(
    inputs: MapSet,
    maps: np.ndarray,
    settings: Settings,
    seed: int,
    centre: bool,
    surrogate: Surrogate | None,
) -> Learnt:
    if not inputs.sky.is_full:
        raise UserError(f"{inputs.dataset}: a partial sky can't be turned; expected symmetry none")
    stokes = "".join(name[-1] for name in inputs.components.names)
    smoothing = variances.choose(maps, stokes, centre=centre)
    folds = choice.make_folds(maps, stokes, seed, smoothing, centre, N_DIRECTIONS)
    dipole = dipole_of(inputs.frame, settings)
    chosen = _chosen(folds, settings, None)
    signed = _chosen(folds, settings, dipole) if dipole else None
    symmetries = mixture.candidates(chosen, signed)
    fit, evidence, shape = mixture.fit_symmetries(folds, symmetries), {}, None
    if surrogate is not None:
        relative, shape, of_shape = _shape(maps, stokes, smoothing, centre, surrogate)
        folds = choice.make_folds(
            maps, stokes, seed, relative, centre, N_DIRECTIONS, surrogate, shape
        )
        others = [
            {"surrogate": surrogate.scaled(fold.deviation).within(fold.modes)} for fold in folds
        ]
        rivals = [mixture.fit_symmetries(folds, symmetries, more) for more in ((), others)]
        fit, evidence = _judged(fit, *rivals)
        if evidence["surrogate"]["weight"]:
            smoothing, evidence["surrogate"]["shape"] = relative, of_shape
        else:
            shape = None
    parts: dict[str, mixture.Model] = {
        name: model.turned(maps, stokes, symmetry, smoothing, centre, shape)
        for name, symmetry in symmetries.items()
        if fit.weights[name] > 0
    }
    _, variance = model.normalized(maps, stokes, smoothing, centre, shape)
    parts["diagonal"] = Diagonal(np.sqrt(variance))
    if surrogate is not None:
        parts["surrogate"] = surrogate.scaled(np.sqrt(variance))
    return Learnt(
        fit.mixture(parts),
        np.sqrt(variance),
        inputs.components,
        inputs.sky,
        {"symmetry": asdict(chosen), "smoothing": asdict(smoothing), **_evidence(fit), **evidence},
    )


def _chosen(
    folds: list[choice.Fold], settings: Settings, dipole_deg: tuple[float, float] | None
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
    inputs: MapSet,
    maps: np.ndarray,
    settings: Settings,
    seed: int,
    centre: bool,
    surrogate: Surrogate | None,
) -> Learnt:
    """The same where turns are about another axis than the pole of the maps' frame."""
    rotation = Rotation(inputs.components, inputs.frame, settings.axis)
    stokes = "".join(name[-1] for name in inputs.components.names)
    away = maps - maps.mean(axis=0) if centre else maps
    smoothing = rotation.choose_smoothing(away, stokes)

    def deviation_of(away: np.ndarray) -> np.ndarray:
        variance = np.sum(away**2, axis=0) / (len(away) - centre)
        return np.sqrt(rotation.smooth(variance, stokes, smoothing))

    there = rotation.to_axis(away / deviation_of(away))
    rotated = replace(inputs, maps=there, frame=settings.axis)
    learnt = _with_axis(rotated, there, settings, seed, False, None)
    turns = {n: part for n, part in learnt.mixture.parts.items() if isinstance(part, Turned)}
    if not turns:
        return _without_axis(inputs, maps, seed, centre, surrogate)
    total = sum(learnt.mixture.weights[name] for name in turns)
    weights = {name: learnt.mixture.weights[name] / total for name in turns}

    def seen(away: np.ndarray, fold: int | None) -> Seen:
        deviation = deviation_of(away)
        turned = rotation.to_axis(away / deviation)
        found = Mixture(
            {
                name: model.turned(turned, stokes, part.symmetry, smoothing_of(learnt))
                for name, part in turns.items()
            },
            weights,
        )
        if fold is None:
            return Seen.of(found, rotation, deviation)
        drawn = found.draw(seed, ("variance", fold), 0, 2 * N_DIRECTIONS)
        return Seen.of(found, rotation, deviation, drawn)

    found = _without_axis(inputs, maps, seed, centre, surrogate, seen)
    about = {"symmetry": learnt.evidence["symmetry"], "smoothing": asdict(smoothing)}
    there = {"axis": settings.axis, **learnt.evidence}
    return replace(found, evidence={**found.evidence, **about, "in_the_frame_of_the_axis": there})


def _shape(
    maps: np.ndarray, stokes: str, smoothing: Smoothing, centre: bool, surrogate: Surrogate
) -> tuple[Smoothing, np.ndarray | None, dict]:
    """Whether variances are smoothed relative to the surrogate's own.

    Returns
    -------
    the smoothing; the deviations that it is relative to, or None; and the evidence
    """
    if surrogate.deviation.min() < VISIBLE * np.median(surrogate.deviation):
        return smoothing, None, {"used": False}
    relative, gain, error = variances.gain_of_shape(
        maps, stokes, smoothing, surrogate.deviation, centre
    )
    used = gain > TRUST * error
    evidence = {"used": used, "gain": gain, "error": error}
    return (relative, surrogate.deviation, evidence) if used else (smoothing, None, evidence)


def _judged(plain: mixture.Fit, without: mixture.Fit, fit: mixture.Fit) -> tuple[mixture.Fit, dict]:
    """The fit with a surrogate, or the plain one; and the evidence for it.

    Parameters
    ----------
    plain : without a surrogate, in directions that know of none
    without, fit : without and with it, in directions that do
    """
    gain, error = choice.paired_gain(fit.scores, without.scores)
    trusted = gain > TRUST * error and fit.weights["surrogate"] > 0
    evidence = {"gain": gain, "error": error, "weight": fit.weights["surrogate"] * trusted}
    return (fit if trusted else plain), {"surrogate": evidence}


def _without_axis(
    inputs: MapSet,
    maps: np.ndarray,
    seed: int,
    centre: bool,
    surrogate: Surrogate | None,
    seen: Callable[[np.ndarray, int | None], Seen] | None = None,
) -> Learnt:
    """Inputs, their diagonal and isotropic maps; variances smoothed alike in all directions.

    With ``seen``, which makes the turned maps of a fold or (None) of all, these and their
    variances.
    """
    fit, evidence = mixture.fit(*_plain_folds(inputs, maps, seed, centre, None, seen)), {}
    if surrogate is not None:
        held, targets = _plain_folds(inputs, maps, seed, centre, surrogate, seen)
        others = [{n: t for n, t in fold.items() if n != "surrogate"} for fold in targets]
        fit, evidence = _judged(fit, mixture.fit(held, others), mixture.fit(held, targets))
    parts, deviation, widths = _plain_parts(inputs, maps, seed, centre, None, surrogate, seen)
    return Learnt(
        fit.mixture(parts),
        deviation,
        inputs.components,
        inputs.sky,
        {
            "symmetry": None,
            "smoothing": asdict(variances.NONE),
            "widths": widths,
            **_evidence(fit),
            **evidence,
        },
    )


def _plain_folds(
    inputs: MapSet,
    maps: np.ndarray,
    seed: int,
    centre: bool,
    surrogate: Surrogate | None,
    seen: Callable[[np.ndarray, int | None], Seen] | None,
) -> tuple[list[np.ndarray], list[dict[str, np.ndarray]]]:
    """Of every fold the held-out maps and the targets, in directions of the training maps."""
    n_folds = min(choice.N_FOLDS, len(maps) // 2)
    held, targets = [], []
    for fold in range(n_folds):
        left = np.arange(fold, len(maps), n_folds)
        training = np.delete(maps, left, axis=0)
        parts, *_ = _plain_parts(inputs, training, seed, centre, fold, surrogate, seen)
        samples = [
            part.draw(seed, ("directions", fold, name), 0, 2 * N_DIRECTIONS).reshape(
                2 * N_DIRECTIONS, -1
            )
            for name, part in parts.items()
        ]
        modes = heldout.mixture_modes(samples, min(N_DIRECTIONS, maps[0].size // 2))
        away = maps[left] - (training.mean(axis=0) if centre else 0)
        held.append(away.reshape(len(left), -1) @ modes.T)
        targets.append({name: part.within(modes) for name, part in parts.items()})
    return held, targets


def _plain_parts(
    inputs: MapSet,
    maps: np.ndarray,
    seed: int,
    centre: bool,
    fold: int | None,
    surrogate: Surrogate | None,
    seen: Callable[[np.ndarray, int | None], Seen] | None,
) -> tuple[dict[str, mixture.Model], np.ndarray, dict[str, float]]:
    """Of the training maps of a fold or of all (None): parts, deviations, and how smoothed.

    Without ``seen`` the deviations are smoothed alike in all directions, and the inputs keep
    their own: divided by these and multiplied by smooth ones they would be what noise in the
    former makes of them.
    """
    away = maps - maps.mean(axis=0) if centre else maps
    own = np.sqrt(np.sum(away**2, axis=0) / (len(maps) - centre))
    if not (own > 0).all():
        raise UserError(f"{inputs.dataset}: a pixel does not vary over the maps")
    parts: dict[str, mixture.Model] = {}
    if seen is None:
        deviation, widths = allround.deviation(away, inputs.sky, centre)
        widths = dict(zip(inputs.components.names, widths, strict=True))
    else:
        parts["turned"] = seen(away, fold)
        own = deviation = parts["turned"].deviation
        widths = {}
    number = min(choice.N_FOLDS, len(maps) // 2) if fold is None else fold
    drawn = isotropic.draw(
        away, inputs.components, seed, ("isotropic", number), 0, N_ISOTROPIC, inputs.sky
    )
    parts |= {
        "inputs": Sample.of(away, own),
        "isotropic": Sample.of(drawn, deviation),
        "diagonal": Diagonal(deviation),
    }
    if surrogate is not None:
        parts["surrogate"] = surrogate.scaled(deviation)
    return parts, deviation, widths


def _evidence(fit: mixture.Fit) -> dict:
    gain, error = fit.gain(fit.best_single)
    return {
        "weights": fit.weights,
        "best_single": fit.best_single,
        "gain": gain if np.isfinite(gain) else None,
        "error": error if np.isfinite(error) else None,
    }


def write(path: str | os.PathLike, learnt: Learnt, provenance: dict, **attributes) -> None:
    """Write what was learnt atomically."""
    arrays, about = to_arrays(learnt)
    with store.create(path, kind=KIND, provenance=provenance, **attributes) as file:
        for name, array in arrays.items():
            file[name] = array
        store.write_sky(file, learnt.sky)
        file.attrs.update(
            stokes=learnt.components.stokes,
            channels=",".join(learnt.components.channels),
            nside=learnt.sky.nside,
            about=json.dumps(about),
            evidence=json.dumps(learnt.evidence),
        )


def read(path: str | os.PathLike) -> Learnt:
    """Read what :func:`write` has written."""
    facts = store.read_attributes(path, KIND)
    content = store.read(path, KIND)
    sky = Sky(int(facts["nside"]), content.get("pixels"), content.get("weights"))
    found = from_arrays(
        content,
        json.loads(facts["about"]),
        Components(facts["stokes"], tuple(facts["channels"].split(","))),
        sky,
    )
    return replace(found, evidence=json.loads(facts["evidence"]))


def to_arrays(learnt: Learnt) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays by name, and the rest as plain JSON; :func:`from_arrays` is the inverse."""
    arrays, about = pieces.apart(learnt.mixture, "parts")
    return {"deviation": learnt.deviation, **arrays}, about


def from_arrays(
    arrays: Mapping[str, np.ndarray], about: dict, components: Components, sky: Sky
) -> Learnt:
    """What :func:`to_arrays` has taken apart, without its evidence."""
    mixed = pieces.together(arrays, about, components, "parts")
    return Learnt(mixed, arrays["deviation"], components, sky, {})


def smoothing_of(learnt: Learnt) -> Smoothing:
    """How the variances were smoothed."""
    return Smoothing(**learnt.evidence["smoothing"])
