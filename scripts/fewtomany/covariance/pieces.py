"""Mixtures of covariances as arrays and plain JSON, and back."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from fewtomany.covariance.mixture import Diagonal, Mixture, Model
from fewtomany.covariance.model import Symmetry, Turned
from fewtomany.covariance.rotation import Rotation, Seen
from fewtomany.covariance.sample import Sample
from fewtomany.covariance.surrogate import Surrogate
from fewtomany.maps.components import Components


def apart(mixed: Mixture, place: str) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays of all parts by "place/part/…", and the rest as plain JSON."""
    arrays, about = {}, {}
    for name, part in mixed.parts.items():
        own = f"{place}/{name}"
        about[name] = {"weight": mixed.weights[name], "kind": type(part).__name__}
        if isinstance(part, Diagonal):
            continue
        if isinstance(part, Surrogate):
            arrays[f"{own}/rows"], arrays[f"{own}/rest"] = part.rows, part.rest
            continue
        arrays[f"{own}/deviation"] = part.deviation
        if isinstance(part, Seen):
            inner, facts = apart(part.model, f"{own}/parts")
            arrays |= inner
            frames = {"frame": part.rotation.frame, "axis": part.rotation.axis}
            arrays[f"{own}/scale"] = part.scale
            about[name] |= {"parts": facts, **frames}
            continue
        arrays[f"{own}/maps"] = part.maps
        if isinstance(part, Turned):
            about[name]["symmetry"] = asdict(part.symmetry)
    return arrays, about


def together(
    arrays: Mapping[str, np.ndarray], about: dict, components: Components, place: str
) -> Mixture:
    """What :func:`apart` has taken apart.

    Parameters
    ----------
    arrays : those arrays, and "deviation" (n_components, n_pix), K, of all parts
    about : the rest
    components : of the maps
    place : where the parts are
    """
    deviation = arrays["deviation"]
    parts: dict[str, Model] = {}
    for name, facts in about.items():
        own = f"{place}/{name}"
        match facts["kind"]:
            case "Diagonal":
                parts[name] = Diagonal(deviation)
            case "Surrogate":
                parts[name] = Surrogate(arrays[f"{own}/rows"], arrays[f"{own}/rest"], deviation)
            case "Seen":
                parts[name] = Seen(
                    together(arrays, facts["parts"], components, f"{own}/parts"),
                    Rotation(components, facts["frame"], facts["axis"]),
                    arrays[f"{own}/deviation"],
                    arrays[f"{own}/scale"],
                )
            case "Turned":
                parts[name] = Turned(
                    arrays[f"{own}/maps"],
                    arrays[f"{own}/deviation"],
                    Symmetry(**facts["symmetry"]),
                )
            case _:
                parts[name] = Sample(arrays[f"{own}/maps"], arrays[f"{own}/deviation"])
    return Mixture(parts, {name: facts["weight"] for name, facts in about.items()})
