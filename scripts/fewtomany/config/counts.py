"""Counts of a configuration: how many maps, modes, folds and directions go together.

One line for every fault: the key, its value and what is allowed.
"""

from collections.abc import Iterator

from fewtomany.config import lattice, meaning, settings

LEAST_LEARNT = 4
"""Maps that a covariance without emulation is learnt from, at least: two to learn, two held out."""

LEAST_FREEDOM = 5
"""Maps of a fold beyond its directions, at least: the width of the χ² has a factor n - k - 4."""


def faults(c: dict) -> Iterator[str]:
    """Faults of the counts of a configuration that nothing else is wrong with."""
    yield from _faults_of_inputs(c)
    if "validation" in c:
        yield from _faults_of_validation(c)
    if "trust" in c:
        yield from _faults_of_trust(c)


def _faults_of_inputs(c: dict) -> Iterator[str]:
    """Inputs with too few maps: on the sphere a covariance is learnt of all but those given."""
    learnt = set() if lattice.is_flat(c) else set(c["inputs"]) - meaning.only_given(c)
    for name, entry in c["inputs"].items():
        least = LEAST_LEARNT if name in learnt else 2
        if entry["n_maps"] < least:
            why = ", as held-out maps choose covariances" if name in learnt else ""
            yield (
                f"inputs.{name}.n_maps: {entry['n_maps']} is not allowed; "
                f"expected at least {least}{why}"
            )


def _faults_of_validation(c: dict) -> Iterator[str]:
    maps, reference = c["maps"], c.get("reference")
    n_channels = max(len(entry.get("channels", ("",))) for entry in c["inputs"].values())
    n_values = 12 * maps["nside"] ** 2 * len(maps["stokes"]) * n_channels
    n_modes = c["validation"]["n_modes"]
    if n_modes >= n_values:
        yield f"validation.n_modes: {n_modes} is not allowed; the maps have {n_values} values"
    rank = settings.rank(c["simulation"]) if c.get("simulation") is not None else None
    if rank is not None and n_modes > rank:
        yield (
            f"validation.n_modes: {n_modes} is not allowed; expected at most {rank}, the number of "
            f"simulation.detectors, as maps of {c['simulation']['systematics'][0]} have no more "
            "modes than one random number per detector gives"
        )
    counts = {key: c[key] for key in ("simulation", "reference") if c.get(key) is not None}
    for family in ("gaussian", "emulated"):
        counts |= {f"{family}.{name}": entry for name, entry in c[family].items()}
    for key, entry in counts.items():
        if n_modes >= entry["n_maps"]:
            yield (
                f"validation.n_modes: {n_modes} is not allowed; "
                f"expected less than {key}.n_maps = {entry['n_maps']}"
            )
    taken = {
        name: (c["inputs"] | {"reference": reference})[name]["n_maps"] for name in meaning.picks(c)
    }
    if sum(taken.values()) > (c.get("simulation") or {"n_maps": 0})["n_maps"]:
        yield (
            f"simulation.n_maps: {c['simulation']['n_maps']} is not allowed with reference.draws "
            f"original; expected at least {sum(taken.values())} = "
            + " + ".join(f"{number} ({name})" for name, number in taken.items())
        )
    if reference is not None and c["validation"]["chi2_maps"] > reference["n_maps"]:
        yield (
            f"validation.chi2_maps: {c['validation']['chi2_maps']} is not allowed; "
            f"expected at most reference.n_maps = {reference['n_maps']}"
        )


def _faults_of_trust(c: dict) -> Iterator[str]:
    trust = c["trust"]
    for name in trust["datasets"]:
        if name not in c["emulated"]:
            yield (
                f"trust.datasets: {name!r} is not allowed; "
                f"expected one of {', '.join(c['emulated'])}"
            )
            continue
        source = c["emulated"][name]["input"]
        n_inputs = c["inputs"].get(source, {}).get("n_maps", 0)
        left = n_inputs - -(-n_inputs // trust["n_folds"])
        if left < LEAST_LEARNT or n_inputs < trust["n_folds"]:
            yield (
                f"trust.n_folds: {trust['n_folds']} is not allowed; expected at most "
                f"inputs.{source}.n_maps = {n_inputs}, and {LEAST_LEARNT} maps or more outside "
                "of each fold"
            )
        for number in range(trust["n_folds"]):
            fold = meaning.fold_name(name, number)
            if any(fold in c[family] for family in meaning.FAMILIES):
                yield f"trust.datasets: the name {fold} of a fold is taken by another dataset"
    most = min(trust["n_maps"] // 2, trust["n_maps"] - LEAST_FREEDOM)
    if trust["datasets"] and trust["n_directions"] > most:
        allowed = f"at most {most}" if most > 0 else "more maps"
        yield (
            f"trust.n_directions: {trust['n_directions']} is not allowed with trust.n_maps = "
            f"{trust['n_maps']}; expected {allowed}: half of the maps or all but {LEAST_FREEDOM}, "
            "whichever is less"
        )
