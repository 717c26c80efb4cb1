"""The campaign's configuration: schema first, then frozen dataclasses with meaning.

Imports nothing heavier than PyYAML and jsonschema, so that the Snakefile and
every script can load it at no cost.
"""

import copy
import dataclasses
import functools
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from fewtomany.config import counts, lattice, meaning, schema, settings, simplified
from fewtomany.config.sections import (
    Condition,
    Dataset,
    Emulator,
    Maps,
    Parameter,
    Reference,
    Refinement,
    Sharding,
    Symmetry,
    Trust,
    Validation,
)
from fewtomany.config.settings import Simulation
from fewtomany.config.simplified import Surrogate
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.ingest import files as formats
from fewtomany.shards import Shard, plan

SCHEMA_PATH = Path(__file__).with_name("campaign.schema.yaml")

_FACTS = ("n_maps", "input", "strategy", "model", "texture")
"""What an entry says of its dataset by the dataset's own names."""


@dataclass(frozen=True)
class Campaign:
    """A checked configuration; ``sections`` is the plain form with every default.

    ``simulation``, ``reference`` and ``surrogate`` are None where the campaign has none,
    ``symmetry`` and ``validation`` of a plane or a line.
    ``given`` are the datasets that are only given to emulations, ``datasets`` those that are
    measured and judged.
    """

    name: str
    seed: int
    maps: Maps
    simulation: Simulation | None
    reference: Reference | None
    symmetry: Symmetry | None
    surrogate: Surrogate | None
    emulator: Emulator
    validation: Validation | None
    trust: Trust
    sharding: Sharding
    datasets: dict[str, Dataset]
    folds: dict[str, Dataset]
    given: dict[str, Dataset]
    sections: dict[str, Any]

    @property
    def identity(self) -> dict[str, Any]:
        """Name, seed and whole configuration, for the provenance of products."""
        return {"campaign": self.name, "seed": self.seed, "configuration": self.sections}

    @property
    def source(self) -> str:
        """Where the inputs come from: "simulation", "maps", files of the user, or "textures"."""
        inputs = self.by_role("input")
        if all(dataset.sources for dataset in inputs):
            return "maps"
        return "textures" if any(dataset.texture for dataset in inputs) else "simulation"

    @property
    def truth(self) -> str | None:
        """Name of the true covariance: "exact", "reference", or None where none is known.

        On a plane or a line true maps tell statistics; their covariance has more pixels than
        there are maps.
        """
        if self.maps.flat:
            return None
        if self.simulation is not None and self.simulation.engine == "response":
            return "exact"
        return "reference" if self.reference is not None else None

    @property
    def components(self) -> Components:
        """What a map of the campaign consists of."""
        channels = dict.fromkeys(name for d in self.datasets.values() for name in d.sources)
        return Components(self.maps.stokes, tuple(channels) or ("",))

    @property
    def drawn_from(self) -> str | None:
        """Name of the covariance that reference and inputs are drawn from, if they are."""
        if self.simulation is None or self.reference is None:
            return None
        if self.reference.draws == "original":
            return None
        return "exact" if self.reference.covariance == "exact" else "original"

    @cached_property
    def simplified(self) -> "Campaign | None":
        """The campaign with the surrogate's simulation for its own; None if it has none."""
        if self.surrogate is None or self.surrogate.simulation is None:
            return None
        section = self.sections["surrogate"]["simulation"]
        return dataclasses.replace(
            self,
            simulation=self.surrogate.simulation,
            sections={**self.sections, "simulation": section},
        )

    def yardstick(self, name: str) -> str:
        """The dataset of true maps that a dataset is held against.

        The reference where there is one, else the inputs that it comes from.
        """
        if self.reference is not None:
            return "reference"
        found = self.find(name)
        return found.input or found.name

    def dataset(self, name: str, *roles: str) -> Dataset:
        """The dataset of a name and one of the roles (of any without roles), else UserError."""
        everything = self.datasets | self.folds | self.given
        known = [d.name for d in everything.values() if d.role in roles or not roles]
        if name not in known:
            raise UserError(f"dataset {name!r} is not allowed here; expected {', '.join(known)}")
        return everything[name]

    def find(self, name: str) -> Dataset:
        """The dataset of a name, of folds and given ones too; KeyError if there is none."""
        return ChainMap(self.datasets, self.folds, self.given)[name]

    def folds_of(self, dataset: str) -> list[Dataset]:
        """The folds of an emulated dataset, in order."""
        names = [meaning.fold_name(dataset, k) for k in range(self.trust.n_folds)]
        return [self.folds[name] for name in names if name in self.folds]

    def inputs_of(self, dataset: str) -> tuple[int, ...]:
        """Indices of the input maps that an emulated dataset or a fold comes from."""
        found = self.find(dataset)
        return found.selection or tuple(range(self.datasets[found.input].n_maps))

    def by_role(self, *roles: str) -> list[Dataset]:
        """Datasets of any kind with one of these roles, in the order of the configuration."""
        everything = [*self.datasets.values(), *self.folds.values(), *self.given.values()]
        return [dataset for dataset in everything if dataset.role in roles]

    def map_shards(self, dataset: str) -> list[Shard]:
        """Files of a dataset, as ranges of maps."""
        return plan(self.find(dataset).n_maps, self.sharding.maps_per_shard)

    @cached_property
    def chunk_shards(self) -> list[Shard]:
        """Shards of the response pass, as ranges of gain chunks."""
        return plan(self.simulation.n_chunks, self.sharding.chunks_per_shard)


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


@functools.cache
def _schema() -> dict:
    return yaml.safe_load(SCHEMA_PATH.read_text())


def parse(content: Any) -> Campaign:
    """Check a configuration, fill in its defaults and give it meaning.

    Raises
    ------
    UserError : one line per fault: the key, the value and what is allowed
    """
    known = _schema()
    if faults := list(lattice.misuses(content)):
        raise UserError("\n".join(faults))
    if lattice.is_flat(content):
        known = lattice.schema_of(known, content)
    sections = schema.with_defaults(copy.deepcopy(content), known)
    faults = schema.faults(sections, known)
    if not faults:
        faults = list(meaning.faults_of_sources(sections))
    if not faults:
        faults = simplified.complete(sections, known)
    if not faults:
        _follow(sections)
        faults = [*meaning.faults(sections), *counts.faults(sections)]
    if faults:
        raise UserError("\n".join(faults))
    return _build(sections)


def _follow(sections: dict) -> None:
    """Fill in what follows from the files and from other keys."""
    entries = {f"inputs.{name}": entry for name, entry in sections["inputs"].items()}
    for key, entry in (entries | {"reference": sections.get("reference") or {"n_maps": 0}}).items():
        if "n_maps" not in entry:
            kind = (sections["maps"]["stokes"], "shape" in sections["maps"])
            found = [_count(key, source, *kind) for source in _sources(entry).values()]
            entry["n_maps"] = min(found)
    if "trust" in sections and "datasets" not in sections["trust"]:
        known = sections.get("simulation") or sections.get("reference")
        sections["trust"]["datasets"] = [] if known else list(sections["emulated"])


def _count(key: str, source: formats.Source, stokes: str, flat: bool) -> int:
    """Number of maps in files of the user; UserError if one is missing or unreadable."""
    try:
        return formats.count(source.files, stokes, flat)
    except UserError as error:
        raise UserError(f"{key}.files: {error}") from None


def check_sources(campaign: Campaign) -> None:
    """Raise UserError where the user's files hold fewer maps than the campaign takes."""
    faults = []
    for dataset in (campaign.datasets | campaign.given).values():
        key = "reference" if dataset.role == "reference" else f"inputs.{dataset.name}"
        for channel, source in dataset.sources.items():
            of_channel = f".channels.{channel}" if channel else ""
            kind = (campaign.maps.stokes, campaign.maps.flat is not None)
            found = _count(f"{key}{of_channel}", source, *kind)
            if found < dataset.n_maps:
                faults.append(
                    f"{key}.n_maps: {dataset.n_maps} is not allowed; "
                    f"{key}{of_channel}.files hold {found} maps"
                )
    if faults:
        raise UserError("\n".join(faults))


def _sources(entry: dict) -> dict[str, formats.Source]:
    """The user's files of an entry, by channel; nothing for maps that the campaign makes."""
    channels = entry.get("channels") or ({"": entry} if "files" in entry else {})
    return {
        channel: formats.Source(
            tuple(part["files"] if isinstance(part["files"], list) else [part["files"]]),
            part.get("unit"),
            part.get("ordering"),
            part.get("polarization_convention"),
            part.get("frame"),
        )
        for channel, part in channels.items()
    }


def _folds(c: dict, datasets: dict[str, Dataset]) -> dict[str, Dataset]:
    """What is emulated from all inputs but those of a fold; input k is in fold k mod n_folds."""
    folds = [
        Dataset(
            name=meaning.fold_name(name, number),
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
        for name in c.get("trust", {}).get("datasets", [])
        for number in range(c["trust"]["n_folds"])
    ]
    return {fold.name: fold for fold in folds}


def _build(c: dict) -> Campaign:
    simulation, reference = c.get("simulation"), c.get("reference")
    datasets, alone = [], sorted(meaning.only_given(c))
    if simulation is not None:
        datasets.append(Dataset("original", "original", simulation["n_maps"]))
    picks = meaning.picks(c)
    if reference is not None:
        datasets.append(_dataset("reference", "reference", reference, picks))
    for family, role in (("inputs", "input"), ("gaussian", "gaussian"), ("emulated", "emulated")):
        datasets += [_dataset(name, role, entry, picks) for name, entry in c[family].items()]
    given = {name: _dataset(name, "given", c["inputs"][name], picks) for name in alone}
    by_name = {dataset.name: dataset for dataset in datasets if dataset.name not in given}
    return Campaign(
        name=c["campaign"],
        seed=c["seed"],
        maps=_maps(c["maps"]),
        simulation=settings.build(simulation, c["maps"]["frame"]) if simulation else None,
        reference=_reference(reference) if reference is not None else None,
        symmetry=Symmetry(**c["symmetry"]) if "symmetry" in c else None,
        surrogate=_surrogate(c),
        emulator=_emulator(c["emulator"]),
        validation=_validation(c.get("validation")),
        trust=_trust(c.get("trust")),
        sharding=Sharding(**c["sharding"]),
        datasets=by_name,
        folds=_folds(c, by_name),
        given=given,
        sections=c,
    )


def _maps(section: dict) -> Maps:
    if "shape" in section:
        return Maps(**{**section, "shape": tuple(section["shape"])})
    return Maps(**section)


def _trust(section: dict | None) -> Trust:
    if section is None:
        return Trust((), n_folds=0, n_maps=0, n_directions=0)
    return Trust(**{**section, "datasets": tuple(section["datasets"])})


def _emulator(section: dict) -> Emulator:
    refinement = section.get("refinement")
    return Emulator(**{**section, "refinement": Refinement(**refinement) if refinement else None})


def _validation(section: dict | None) -> Validation | None:
    if section is None:
        return None
    parameter = section["parameter"]
    amplitudes = tuple(parameter["amplitudes"])
    return Validation(
        **{**section, "parameter": Parameter(**{**parameter, "amplitudes": amplitudes})}
    )


def _reference(section: dict) -> Reference:
    return Reference(section["n_maps"], section.get("covariance", ""), section.get("draws", ""))


def _surrogate(c: dict) -> Surrogate | None:
    if c.get("surrogate") is None:
        return None
    source = _sources(c["surrogate"]).get("")
    return simplified.build(c["surrogate"], c["maps"]["frame"], source)


def _dataset(name: str, role: str, entry: dict, picks: Mapping[str, int]) -> Dataset:
    facts = {key: entry[key] for key in _FACTS if key in entry}
    if "given" in entry:
        given = entry["given"]
        facts["given"] = Condition(given["dataset"], tuple(given["channels"]))
    return Dataset(name, role, sources=_sources(entry), picked=picks.get(name), **facts)


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
