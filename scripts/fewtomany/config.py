"""The campaign's configuration: schema first, then frozen dataclasses with meaning.

Imports nothing heavier than PyYAML and jsonschema, so that the Snakefile and
every script can load it at no cost.
"""

import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from fewtomany.errors import UserError
from fewtomany.shards import Shard, plan

SCHEMA_PATH = Path(__file__).with_name("campaign.schema.yaml")


@dataclass(frozen=True)
class Maps:
    nside: int
    stokes: str
    frame: str


@dataclass(frozen=True)
class Scan:
    start_time: str
    duration_days: float
    sampling_rate_hz: float
    spin_sun_angle_deg: float
    spin_boresight_angle_deg: float
    spin_rate_hz: float
    precession_period_days: float

    @property
    def n_samples(self) -> int:
        """Samples of one detector in the whole mission."""
        return int(self.duration_days * 86400 * self.sampling_rate_hz)


@dataclass(frozen=True)
class Detector:
    name: str
    polarization_angle_deg: float
    offset_deg: float


@dataclass(frozen=True)
class Gains:
    chunk_samples: int
    standard_deviation: float


@dataclass(frozen=True)
class Signal:
    dipole: str
    sky_map: str | None


@dataclass(frozen=True)
class Simulation:
    """The simulation; ``frame``, in which it bins, is that of the maps."""

    engine: str
    n_maps: int
    nside: int
    downgrade: str
    tod_dtype: str
    scan: Scan
    detectors: tuple[Detector, ...]
    gains: Gains
    signal: Signal
    frame: str

    @property
    def n_chunks(self) -> int:
        """Gain chunks of one detector; the last one may be shorter."""
        return -(-self.scan.n_samples // self.gains.chunk_samples)


@dataclass(frozen=True)
class Reference:
    n_maps: int
    covariance: str


@dataclass(frozen=True)
class Emulator:
    n_scales: int
    first_scale: int
    n_orientations: int
    kernel_size: int
    orientation: str
    spectra: bool
    stripe_zones: int
    scatter: bool
    l1: str
    mean: str
    ddof: int
    batch_size: int
    n_steps: int
    plateau: float
    dtype: str
    normalization: str = "pixel"


@dataclass(frozen=True)
class Validation:
    n_modes: int
    chi2_maps: int
    minkowski_maps: int


@dataclass(frozen=True)
class Trust:
    datasets: tuple[str, ...]
    n_folds: int
    n_maps: int
    n_directions: int


@dataclass(frozen=True)
class Sharding:
    chunks_per_shard: int
    maps_per_shard: int
    batches_per_shard: int


@dataclass(frozen=True)
class Dataset:
    """One dataset of the campaign.

    Attributes
    ----------
    name : its name in the configuration; "original" and "reference" are fixed
    role : "original", "reference", "input", "gaussian", "emulated", or "fold" for what is
        emulated from a part of the inputs
    n_maps : number of maps
    input : name of the input dataset it comes from ("gaussian" and "emulated")
    strategy : "average-target" or "single-target" ("emulated")
    selection : the input maps it comes from, by index ("fold"); empty for all of them
    """

    name: str
    role: str
    n_maps: int
    input: str = ""
    strategy: str = ""
    selection: tuple[int, ...] = ()


@dataclass(frozen=True)
class Campaign:
    """A checked configuration; ``sections`` is the plain form with every default."""

    name: str
    seed: int
    maps: Maps
    simulation: Simulation
    reference: Reference
    emulator: Emulator
    validation: Validation
    trust: Trust
    sharding: Sharding
    datasets: dict[str, Dataset]
    folds: dict[str, Dataset]
    sections: dict[str, Any]

    @property
    def identity(self) -> dict[str, Any]:
        """Name, seed and whole configuration, for the provenance of products."""
        return {"campaign": self.name, "seed": self.seed, "configuration": self.sections}

    def dataset(self, name: str, *roles: str) -> Dataset:
        """The dataset of a name and one of the roles (of any without roles), else UserError."""
        everything = self.datasets | self.folds
        known = [d.name for d in everything.values() if d.role in roles or not roles]
        if name not in known:
            raise UserError(f"dataset {name!r} is not allowed here; expected {', '.join(known)}")
        return everything[name]

    def find(self, name: str) -> Dataset:
        """The dataset or fold of a name; KeyError if there is none."""
        return self.folds[name] if name in self.folds else self.datasets[name]

    def folds_of(self, dataset: str) -> list[Dataset]:
        """The folds of an emulated dataset, in order."""
        names = [fold_name(dataset, k) for k in range(self.trust.n_folds)]
        return [self.folds[name] for name in names if name in self.folds]

    def inputs_of(self, dataset: str) -> tuple[int, ...]:
        """Indices of the input maps that an emulated dataset or a fold comes from."""
        found = self.find(dataset)
        return found.selection or tuple(range(self.datasets[found.input].n_maps))

    def by_role(self, *roles: str) -> list[Dataset]:
        """Datasets and folds of the given roles, in the order of the configuration."""
        everything = [*self.datasets.values(), *self.folds.values()]
        return [dataset for dataset in everything if dataset.role in roles]

    def map_shards(self, dataset: str) -> list[Shard]:
        """Files of a dataset, as ranges of maps."""
        return plan(self.find(dataset).n_maps, self.sharding.maps_per_shard)

    @cached_property
    def chunk_shards(self) -> list[Shard]:
        """Shards of the response pass, as ranges of gain chunks."""
        return plan(self.simulation.n_chunks, self.sharding.chunks_per_shard)


def fold_name(dataset: str, number: int) -> str:
    """Name of a fold of an emulated dataset."""
    return f"{dataset}-fold-{number}"


def load(path: str | Path) -> Campaign:
    """Read and check a campaign file; UserError says what is wrong, a line each."""
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    return parse(content)


def parse(content: Any) -> Campaign:
    """Check a configuration, fill in its defaults and give it meaning.

    Raises
    ------
    UserError : one line per fault: the key, the value and what is allowed
    """
    schema = yaml.safe_load(SCHEMA_PATH.read_text())
    sections = _with_defaults(copy.deepcopy(content), schema)
    faults = [_describe(error) for error in _errors(sections, schema)]
    if not faults:
        faults = list(_faults_of_meaning(sections))
    if faults:
        raise UserError("\n".join(faults))
    return _build(sections)


def _with_defaults(content: Any, schema: dict) -> Any:
    """Fill the defaults of a schema into the content, depth first."""
    if isinstance(content, dict):
        for key, part in schema.get("properties", {}).items():
            if key not in content and "default" in part:
                content[key] = copy.deepcopy(part["default"])
            if key in content:
                content[key] = _with_defaults(content[key], part)
        if isinstance(schema.get("additionalProperties"), dict):
            for key in content.keys() - schema.get("properties", {}).keys():
                content[key] = _with_defaults(content[key], schema["additionalProperties"])
    elif isinstance(content, list) and "items" in schema:
        return [_with_defaults(item, schema["items"]) for item in content]
    return content


def _errors(content: Any, schema: dict):
    validator = jsonschema.Draft202012Validator(schema)
    return sorted(validator.iter_errors(content), key=lambda error: list(map(str, error.path)))


def _describe(error: jsonschema.ValidationError) -> str:
    key = ".".join(map(str, error.path)) or "configuration"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = ", ".join(sorted(set(error.instance) - set(known)))
        return f"{key}: unknown key {unknown}; known: {', '.join(known)}"
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"{key}: missing key {', '.join(missing)}"
    allowed = {
        "enum": lambda: f"one of {', '.join(map(str, error.validator_value))}",
        "minimum": lambda: f"at least {error.validator_value}",
        "maximum": lambda: f"at most {error.validator_value}",
        "exclusiveMinimum": lambda: f"more than {error.validator_value}",
        "type": lambda: " or ".join(_as_list(error.validator_value)),
        "pattern": lambda: f"a text that matches {error.validator_value}",
        "minProperties": lambda: f"at least {error.validator_value} entry",
        "minItems": lambda: f"at least {error.validator_value} entry",
    }.get(error.validator, lambda: error.message)
    return f"{key}: {error.instance!r} is not allowed; expected {allowed()}"


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _faults_of_meaning(c: dict):
    """Yield what the schema cannot express."""
    simulation, maps, emulator = c["simulation"], c["maps"], c["emulator"]
    for key, nside in (("maps.nside", maps["nside"]), ("simulation.nside", simulation["nside"])):
        if nside < 1 or nside & (nside - 1) or nside > 8192:
            yield f"{key}: {nside} is not allowed; expected a power of 2 from 1 to 8192"
    if maps["nside"] > simulation["nside"]:
        yield (
            f"maps.nside: {maps['nside']} is not allowed; "
            f"expected at most simulation.nside = {simulation['nside']}"
        )
    coarsest = emulator["first_scale"] + emulator["n_scales"] - 1
    if maps["nside"] >> coarsest < 2:
        yield (
            f"emulator.n_scales: {emulator['n_scales']} is not allowed; expected at most "
            f"{max(maps['nside'].bit_length() - 1 - emulator['first_scale'], 1)}, "
            f"so that the coarsest scale of maps.nside = {maps['nside']} has nside 2 or more"
        )
    if emulator["stripe_zones"] > maps["nside"]:
        yield (
            f"emulator.stripe_zones: {emulator['stripe_zones']} is not allowed; "
            f"expected at most maps.nside = {maps['nside']}"
        )
    if emulator["scatter"] and not emulator["spectra"]:
        yield "emulator.scatter: true is not allowed without emulator.spectra"
    if emulator["scatter"] and emulator["batch_size"] < 2:
        yield (
            f"emulator.batch_size: {emulator['batch_size']} is not allowed; "
            "expected at least 2 with emulator.scatter"
        )
    names = [detector["name"] for detector in simulation["detectors"]]
    if len(set(names)) < len(names):
        yield f"simulation.detectors: names {', '.join(names)} are not unique"
    signal = simulation["signal"]
    if signal["sky_map"] is not None and not Path(signal["sky_map"]).is_file():
        yield f"simulation.signal.sky_map: {signal['sky_map']}: no such file"
    if signal["dipole"] == "none" and signal["sky_map"] is None:
        yield "simulation.signal: dipole none without a sky_map leaves no signal"
    if c["reference"]["covariance"] == "exact" and simulation["engine"] != "response":
        yield (
            f"reference.covariance: exact needs simulation.engine response, "
            f"found {simulation['engine']}"
        )
    families = {family: c[family] for family in ("inputs", "gaussian", "emulated")}
    seen = {
        "original": "the simulation",
        "reference": "the reference",
        "exact": "the exact covariance",
    }
    for family, entries in families.items():
        for name, entry in entries.items():
            if name in seen:
                yield f"{family}.{name}: the name is taken by {seen[name]}"
            seen[name] = family
            if "input" in entry and entry["input"] not in c["inputs"]:
                yield (
                    f"{family}.{name}.input: {entry['input']!r} is not allowed; "
                    f"expected one of {', '.join(c['inputs'])}"
                )
    n_modes, n_values = c["validation"]["n_modes"], 12 * maps["nside"] ** 2 * len(maps["stokes"])
    if n_modes >= n_values:
        yield f"validation.n_modes: {n_modes} is not allowed; the maps have {n_values} values"
    counts = {"simulation": simulation, "reference": c["reference"]}
    for family in ("gaussian", "emulated"):
        counts |= {f"{family}.{name}": entry for name, entry in c[family].items()}
    for key, entry in counts.items():
        if n_modes >= entry["n_maps"]:
            yield (
                f"validation.n_modes: {n_modes} is not allowed; "
                f"expected less than {key}.n_maps = {entry['n_maps']}"
            )
    if c["validation"]["chi2_maps"] > c["reference"]["n_maps"]:
        yield (
            f"validation.chi2_maps: {c['validation']['chi2_maps']} is not allowed; "
            f"expected at most reference.n_maps = {c['reference']['n_maps']}"
        )
    yield from _faults_of_trust(c)


def _faults_of_trust(c: dict):
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
        if n_inputs - -(-n_inputs // trust["n_folds"]) < 3 or n_inputs < trust["n_folds"]:
            yield (
                f"trust.n_folds: {trust['n_folds']} is not allowed; expected at most inputs."
                f"{source}.n_maps = {n_inputs}, and 3 maps or more outside of each fold"
            )
        for number in range(trust["n_folds"]):
            fold = fold_name(name, number)
            if any(fold in c[family] for family in ("inputs", "gaussian", "emulated")):
                yield f"trust.datasets: the name {fold} of a fold is taken by another dataset"
    if trust["datasets"] and 2 * trust["n_directions"] > trust["n_maps"]:
        yield (
            f"trust.n_directions: {trust['n_directions']} is not allowed; "
            f"expected at most half of trust.n_maps = {trust['n_maps']}"
        )


def _folds(c: dict, datasets: dict[str, Dataset]) -> dict[str, Dataset]:
    """What is emulated from all inputs but those of a fold; input k is in fold k mod n_folds."""
    folds = [
        Dataset(
            name=fold_name(name, number),
            role="fold",
            n_maps=c["trust"]["n_maps"],
            input=datasets[name].input,
            strategy=datasets[name].strategy,
            selection=tuple(
                index
                for index in range(datasets[datasets[name].input].n_maps)
                if index % c["trust"]["n_folds"] != number
            ),
        )
        for name in c["trust"]["datasets"]
        for number in range(c["trust"]["n_folds"])
    ]
    return {fold.name: fold for fold in folds}


def _build(c: dict) -> Campaign:
    simulation = c["simulation"]
    datasets = [
        Dataset("original", "original", simulation["n_maps"]),
        Dataset("reference", "reference", c["reference"]["n_maps"]),
    ]
    for family, role in (("inputs", "input"), ("gaussian", "gaussian"), ("emulated", "emulated")):
        datasets += [Dataset(name=name, role=role, **entry) for name, entry in c[family].items()]
    by_name = {dataset.name: dataset for dataset in datasets}
    return Campaign(
        name=c["campaign"],
        seed=c["seed"],
        maps=Maps(**c["maps"]),
        simulation=Simulation(
            **{
                **simulation,
                "scan": Scan(**simulation["scan"]),
                "detectors": tuple(Detector(**d) for d in simulation["detectors"]),
                "gains": Gains(**simulation["gains"]),
                "signal": Signal(**simulation["signal"]),
                "frame": c["maps"]["frame"],
            }
        ),
        reference=Reference(**c["reference"]),
        emulator=Emulator(**c["emulator"]),
        validation=Validation(**c["validation"]),
        trust=Trust(**{**c["trust"], "datasets": tuple(c["trust"]["datasets"])}),
        sharding=Sharding(**c["sharding"]),
        datasets=by_name,
        folds=_folds(c, by_name),
        sections=c,
    )


def save(campaign: Campaign, path: str | Path) -> None:
    """Write a campaign with all its defaults as YAML, atomically, and only if it changed."""
    path = Path(path)
    text = yaml.safe_dump(campaign.sections, sort_keys=False, allow_unicode=True)
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text)
    temporary.replace(path)
