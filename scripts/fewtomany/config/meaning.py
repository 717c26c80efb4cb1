"""What a configuration must fulfil besides the schema: one line for every fault.

Each line names the key, its value and what is allowed.
"""

from collections.abc import Iterator
from pathlib import Path

from fewtomany.config import lattice, settings

FAMILIES = ("inputs", "gaussian", "emulated")

RESERVED = {
    "original": "the simulation",
    "reference": "the reference",
    "exact": "the exact covariance",
    "surrogate": "the surrogate",
}
"""Names that no dataset of the user may have, and what has them."""

LARGEST_AT_ONCE = 128
"""Nside up to which the sphere is emulated at once; the next one needs 17 GB."""

COARSEST = 2
"""Nside of the coarsest scale, at least."""

TEXTURES = {"filaments": "plane", "intermittent": "line"}
"""Invented fields, and where they are."""


def fold_name(dataset: str, number: int) -> str:
    """Name of a fold of an emulated dataset."""
    return f"{dataset}-fold-{number}"


def picks(c: dict) -> dict[str, int]:
    """The first map of the original dataset that each dataset of its maps takes, by name.

    The inputs come first, so that a larger reference leaves them as they are. Nothing where
    reference and inputs are no maps of the original dataset.
    """
    reference = c.get("reference")
    if c.get("simulation") is None or reference is None or reference["draws"] != "original":
        return {}
    found, first = {}, 0
    for name, entry in (c["inputs"] | {"reference": reference}).items():
        if not has_files(entry):
            found[name] = first
            first += entry["n_maps"]
    return found


def faults_of_sources(c: dict) -> Iterator[str]:
    """Faults in where maps come from: the simulation, or files of the user."""
    simulated = c.get("simulation") is not None
    reference = c.get("reference")
    drawn = simulated and reference is not None and not has_files(reference)
    if simulated and reference is None:
        yield "configuration: missing key reference, which simulation needs"
    if reference is not None:
        yield from _faults_of_entry("reference", reference)
        if simulated and has_files(reference):
            yield "reference.files: not allowed together with simulation"
        if reference.get("draws") == "original" and has_files(reference):
            yield "reference.draws: original is not allowed with files; expected gaussian"
        elif reference.get("draws") == "original" and reference["covariance"] == "exact":
            yield (
                "reference.covariance: exact is not allowed with reference.draws original, "
                "which draws from no covariance; expected empirical"
            )
        if not simulated and not has_source(reference) and "n_maps" in reference:
            yield "reference: missing key files; without simulation nothing can be drawn"
    yield from _faults_of_textures(c)
    channels, alone = {}, only_given(c)
    for name, entry in c["inputs"].items():
        key = f"inputs.{name}"
        yield from _faults_of_entry(key, entry)
        if not has_source(entry) and "n_maps" in entry and not drawn:
            yield f"{key}: missing key files; without simulation nothing can be drawn"
        if name not in alone:
            channels[key] = tuple(entry.get("channels", ("",)))
    if reference is not None:
        channels["reference"] = tuple(reference.get("channels", ("",)))
    first = next(iter(channels), None)
    for key, names in channels.items():
        if names != channels[first]:
            found, expected = (", ".join(some) or "one" for some in (names, channels[first]))
            yield f"{key}.channels: {found} is not allowed; expected {expected} as in {first}"


def only_given(c: dict) -> set[str]:
    """Entries of inputs whose maps are given to emulations, and that nothing is made from."""
    emulated = list(c["emulated"].values())
    made_from = {entry["input"] for entry in [*emulated, *c["gaussian"].values()]}
    return {entry["given"]["dataset"] for entry in emulated if "given" in entry} - made_from


def _faults_of_given(c: dict) -> Iterator[str]:
    for name, entry in c["emulated"].items():
        if "given" not in entry or entry["input"] not in c["inputs"]:
            continue
        key, given = f"emulated.{name}.given", entry["given"]
        if entry["strategy"] == "single-target":
            yield (
                f"{key}: not allowed with strategy single-target; "
                "expected average-target or drawn-target"
            )
        if given["dataset"] not in c["inputs"]:
            allowed = ", ".join(c["inputs"])
            yield f"{key}.dataset: {given['dataset']!r} is not allowed; expected one of {allowed}"
            continue
        for source in dict.fromkeys((entry["input"], given["dataset"])):
            known = c["inputs"][source].get("channels", {})
            for channel in given["channels"]:
                if channel not in known:
                    allowed = f"one of {', '.join(known)}" if known else "channels there"
                    yield (
                        f"{key}.channels: {channel!r} is not allowed; expected {allowed}, "
                        f"as in inputs.{source}"
                    )
        if set(given["channels"]) >= set(c["inputs"][entry["input"]].get("channels", {})) != set():
            yield (
                f"{key}.channels: {', '.join(given['channels'])} is not allowed; "
                f"expected a channel of inputs.{entry['input']} that is left to emulate"
            )


def has_files(entry: dict) -> bool:
    """Whether a reference or an input is maps of the user."""
    return "files" in entry or "channels" in entry


def has_source(entry: dict) -> bool:
    """Whether a reference or an input is maps of the user, or of an invented field."""
    return has_files(entry) or "texture" in entry


def _faults_of_textures(c: dict) -> Iterator[str]:
    entries = {f"inputs.{name}": entry for name, entry in c["inputs"].items()}
    if c.get("reference") is not None:
        entries["reference"] = c["reference"]
    found = lattice.geometry(c["maps"]).kind if lattice.is_flat(c) else "sphere"
    for key, entry in entries.items():
        if "texture" not in entry:
            continue
        texture = entry["texture"]
        if TEXTURES[texture] != found:
            yield (
                f"{key}.texture: {texture} is not allowed of a {found}; expected "
                f"maps.shape of a {TEXTURES[texture]}"
            )
        elif c["maps"]["stokes"] != "T":
            stokes = c["maps"]["stokes"]
            yield f"maps.stokes: {stokes} is not allowed with {key}.texture; expected T"
        if has_files(entry):
            yield f"{key}.texture: not allowed together with files or channels"


def _faults_of_entry(key: str, entry: dict) -> Iterator[str]:
    said = [fact for fact in lattice.FACTS if fact in entry]
    if not has_files(entry):
        if "n_maps" not in entry:
            needed = "n_maps" if "texture" in entry else "n_maps, files or channels"
            yield f"{key}: missing key {needed}"
        yield from (f"{key}.{fact}: not allowed without files" for fact in said)
    elif "files" in entry and "channels" in entry:
        yield f"{key}.files: not allowed together with {key}.channels"
    elif "channels" in entry:
        for fact in said:
            yield f"{key}.{fact}: not allowed here; expected in {key}.channels.NAME"


def faults(c: dict) -> Iterator[str]:
    """Faults of a configuration that the schema allows and whose counts are known."""
    maps, emulator = c["maps"], c["emulator"]
    yield from lattice.faults(c) if lattice.is_flat(c) else _faults_of_sphere(c)
    if maps["mask"] is not None and not Path(maps["mask"]).is_file():
        yield f"maps.mask: {maps['mask']}: no such file"
    if emulator["normalization"] == "global" and emulator["variances"] == "smoothed":
        yield "emulator.variances: smoothed is not allowed with emulator.normalization global"
    if emulator["scatter"] and not emulator["spectra"]:
        yield "emulator.scatter: true is not allowed without emulator.spectra"
    if emulator["scatter"] and emulator["batch_size"] < 2:
        yield (
            f"emulator.batch_size: {emulator['batch_size']} is not allowed; "
            "expected at least 2 with emulator.scatter"
        )
    if c.get("simulation") is not None:
        yield from _faults_of_simulation(c["simulation"], maps)
        engine = settings.engine(c["simulation"])
        if c["reference"]["covariance"] == "exact" and engine != "response":
            yield f"reference.covariance: exact needs simulation.engine response, found {engine}"
    if c.get("surrogate") is not None:
        yield from _faults_of_surrogate(c)
    yield from _faults_of_names(c)
    yield from _faults_of_given(c)


def _faults_of_sphere(c: dict) -> Iterator[str]:
    maps, emulator = c["maps"], c["emulator"]
    yield from _faults_of_nside("maps.nside", maps["nside"], COARSEST)
    if maps["nside"] >= COARSEST:
        yield from _faults_of_scales(c)
    key, nside = _emulated_nside(c)
    if emulator["stripe_zones"] > nside:
        yield (
            f"emulator.stripe_zones: {emulator['stripe_zones']} is not allowed; "
            f"expected at most {key} = {nside}"
        )


def _emulated_nside(c: dict) -> tuple[str, int]:
    """Key and value of the nside at which the whole sphere is emulated at once."""
    if "refinement" in c["emulator"]:
        return "emulator.refinement.coarse", c["emulator"]["refinement"]["coarse"]
    return "maps.nside", c["maps"]["nside"]


def _faults_of_scales(c: dict) -> Iterator[str]:
    """Faults of the resolutions of the emulator: scales, and the two of a refinement."""
    maps, emulator = c["maps"], c["emulator"]
    key, nside = _emulated_nside(c)
    scales = emulator["first_scale"] + emulator["n_scales"] - 1
    if "refinement" in emulator:
        faults = list(_faults_of_refinement(c, scales))
        yield from faults
        if faults:
            return
    elif nside > LARGEST_AT_ONCE and c["emulated"]:
        yield (
            f"maps.nside: {nside} is not allowed without emulator.refinement; expected at most "
            f"{LARGEST_AT_ONCE} for a sphere that is emulated at once"
        )
    if nside >> scales < COARSEST:
        last = nside.bit_length() - COARSEST
        wrong, most = "n_scales", last + 1 - emulator["first_scale"]
        if most < 1:
            wrong, most = "first_scale", last
        yield (
            f"emulator.{wrong}: {emulator[wrong]} is not allowed; expected at most {most}, "
            f"so that the coarsest scale of {key} = {nside} has nside {COARSEST} or more"
        )
    if "refinement" in emulator and maps["nside"] >> scales < 2 * emulator["refinement"]["regions"]:
        yield (
            f"emulator.refinement.regions: {emulator['refinement']['regions']} is not allowed; "
            f"expected at most {maps['nside'] >> scales + 1}, half of the nside of the coarsest "
            "scale of the regions"
        )


def _faults_of_refinement(c: dict, scales: int) -> Iterator[str]:
    maps, emulator, refinement = c["maps"], c["emulator"], c["emulator"]["refinement"]
    coarse, nside = refinement["coarse"], maps["nside"]
    key = "emulator.refinement"
    known = [2**k for k in range(1, 8) if 2**k < nside <= 2 ** (k + scales)]
    if coarse not in known:
        allowed = f"one of {', '.join(map(str, known))}" if known else "none"
        yield (
            f"{key}.coarse: {coarse} is not allowed; expected {allowed} for maps.nside = {nside}, "
            f"emulator.first_scale {emulator['first_scale']} and n_scales {emulator['n_scales']}"
        )
    if maps["mask"] is not None:
        yield f"{key}: not allowed with maps.mask; expected maps of the whole sphere"
    if emulator["start"] != "isotropic":
        yield f"emulator.start: {emulator['start']} is not allowed with {key}; expected isotropic"
    for name, entry in c["emulated"].items():
        if "given" in entry:
            yield f"emulated.{name}.given: not allowed with {key}"


def _faults_of_names(c: dict) -> Iterator[str]:
    seen = dict(RESERVED)
    for family in FAMILIES:
        for name, entry in c[family].items():
            if name in seen:
                yield f"{family}.{name}: the name is taken by {seen[name]}"
            seen[name] = family
            if "input" in entry and entry["input"] not in c["inputs"]:
                yield (
                    f"{family}.{name}.input: {entry['input']!r} is not allowed; "
                    f"expected one of {', '.join(c['inputs'])}"
                )


def _faults_of_nside(key: str, nside: int, least: int = 1) -> Iterator[str]:
    if nside < least or nside & (nside - 1) or nside > 8192:
        yield f"{key}: {nside} is not allowed; expected a power of 2 from {least} to 8192"


def _faults_of_simulation(simulation: dict, maps: dict) -> Iterator[str]:
    yield from _faults_of_nside("simulation.nside", simulation["nside"])
    if maps["nside"] > simulation["nside"]:
        yield (
            f"maps.nside: {maps['nside']} is not allowed; "
            f"expected at most simulation.nside = {simulation['nside']}"
        )
    names = [detector["name"] for detector in simulation["detectors"]]
    if len(set(names)) < len(names):
        yield f"simulation.detectors: names {', '.join(names)} are not unique"
    signal = simulation["signal"]
    if signal["sky_map"] is not None and not Path(signal["sky_map"]).is_file():
        yield f"simulation.signal.sky_map: {signal['sky_map']}: no such file"
    yield from settings.faults(simulation)


def _faults_of_surrogate(c: dict) -> Iterator[str]:
    surrogate, emulator = c["surrogate"], c["emulator"]
    if emulator["start"] != "turned" and emulator["variances"] != "smoothed":
        yield (
            f"surrogate: not allowed with emulator.start {emulator['start']} and "
            f"emulator.variances {emulator['variances']}; expected start turned or variances "
            "smoothed, which a surrogate serves"
        )
    several = any("channels" in entry for entry in c["inputs"].values())
    for key in ("simulation", "files"):
        if key in surrogate and several:
            yield f"surrogate.{key}: not allowed with inputs of channels; expected covariance"
    path = surrogate.get("covariance")
    if path is not None and not Path(path).is_file():
        yield f"surrogate.covariance: {path}: no such file"
    if "simulation" in surrogate:
        for fault in _faults_of_simulation(surrogate["simulation"], c["maps"]):
            yield fault.replace("simulation.", "surrogate.simulation.")
