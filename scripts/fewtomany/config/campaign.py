"""The campaign: a configuration that is checked and complete, and what it means.

Imports nothing heavier than PyYAML and pydantic, so that the Snakefile and
every script can load it at no cost.
"""

import dataclasses
from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from fewtomany.config import counts, lattice, meaning, schema, settings, simplified
from fewtomany.config.sections import Configuration, Maps, Sharding
from fewtomany.config.sections.base import Section
from fewtomany.config.sections.datasets import Condition, Reference, Surrogate
from fewtomany.config.sections.emulator import Emulator, SymmetrySettings
from fewtomany.config.sections.judging import Trust, Validation
from fewtomany.config.sections.simulation import Simplified, Simulation
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.ingest import files as formats
from fewtomany.shards import Shard, plan

_FACTS = ("n_maps", "input", "strategy", "model", "texture", "given", "sources")
"""What an entry says of its dataset by the dataset's own names."""


@dataclass(frozen=True)
class Dataset:
    """One dataset of the campaign.

    Attributes
    ----------
    name : its name in the configuration; "original" and "reference" are fixed
    role : "original", "reference", "input", "gaussian", "emulated", "fold" for what is
        emulated from a part of the inputs, or "given" for maps that are only given to emulations
    n_maps : number of maps
    input : name of the input dataset it comes from ("gaussian" and "emulated")
    strategy : "average-target", "drawn-target" or "single-target" ("emulated")
    model : "isotropic" or "learnt" ("gaussian")
    selection : the input maps it comes from, by index ("fold"); empty for all of them
    sources : the user's files by channel ("" for a single one); empty where the campaign makes
        the maps
    picked : the map of the original dataset that its first map is, others following; None where
        its maps are not picked from there
    texture : the invented field that its maps are, if they are
    given : the channels that are given, if some are ("emulated")
    """

    name: str
    role: str
    n_maps: int
    input: str = ""
    strategy: str = ""
    model: str = ""
    selection: tuple[int, ...] = ()
    sources: Mapping[str, formats.Source] = field(default_factory=dict)
    picked: int | None = None
    given: Condition | None = None
    texture: str = ""


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
    symmetry: SymmetrySettings | None
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


def parse(content: Any) -> Campaign:
    """Check a configuration, fill in its defaults and give it meaning.

    Raises
    ------
    UserError : one line per fault: the key, the value and what is allowed
    """
    _refuse(lattice.misuses(content))
    read = _read(content)
    sections = read.model_dump(mode="json")
    _refuse(meaning.faults_of_sources(sections))
    simplified.complete(sections)
    _follow(read, sections)
    _refuse([*meaning.faults(sections), *counts.faults(sections)])
    return _build(_read(sections), sections)


def _refuse(faults: Iterable[str]) -> None:
    if faults := list(faults):
        raise UserError("\n".join(faults))


def _read(content: Any) -> Configuration:
    return lattice.meant(schema.read(Configuration, lattice.with_defaults(content)))


def _follow(read: Configuration, sections: dict) -> None:
    """Fill in what follows from the files and from other keys."""
    kind = (read.maps.stokes, read.maps.flat is not None)
    inputs = sections["inputs"]
    entries = {f"inputs.{name}": (found, inputs[name]) for name, found in read.inputs.items()}
    if read.reference is not None:
        entries["reference"] = (read.reference, sections["reference"])
    for key, (found, entry) in entries.items():
        if found.n_maps is None:
            entry["n_maps"] = min(_count(key, source, *kind) for source in found.sources.values())
    if read.trust is not None and read.trust.datasets is None:
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


def _build(read: Configuration, c: dict) -> Campaign:
    """The campaign of a complete configuration; ``c`` is its plain form."""
    datasets, alone = [], meaning.only_given(c)
    if read.simulation is not None:
        datasets.append(Dataset("original", "original", read.simulation.n_maps))
    picks = meaning.picks(c)
    if read.reference is not None:
        datasets.append(_dataset("reference", "reference", read.reference, picks))
    for name, entry in read.inputs.items():
        datasets.append(_dataset(name, "given" if name in alone else "input", entry, picks))
    for family, role in (("gaussian", "gaussian"), ("emulated", "emulated")):
        entries = getattr(read, family).items()
        datasets += [_dataset(name, role, entry, picks) for name, entry in entries]
    given = {dataset.name: dataset for dataset in datasets if dataset.role == "given"}
    by_name = {dataset.name: dataset for dataset in datasets if dataset.name not in given}
    simulation = read.simulation
    if simulation is not None:
        simulation = simulation.changed(engine=settings.engine(c["simulation"]))
    surrogate = read.surrogate
    if surrogate is not None and surrogate.simulation is not None:
        surrogate = surrogate.changed(simulation=Simplified.model_validate(surrogate.simulation))
    return Campaign(
        name=read.campaign,
        seed=read.seed,
        maps=read.maps.changed(frame=read.maps.frame or ""),
        simulation=simulation,
        reference=read.reference,
        symmetry=read.symmetry,
        surrogate=surrogate,
        emulator=read.emulator,
        validation=read.validation,
        trust=read.trust or Trust(datasets=()),
        sharding=read.sharding,
        datasets=by_name,
        folds=_folds(c, by_name),
        given=given,
        sections=c,
    )


def _dataset(name: str, role: str, entry: Section, picks: Mapping[str, int]) -> Dataset:
    found = {key: getattr(entry, key, None) for key in _FACTS}
    facts = {key: value for key, value in found.items() if value is not None}
    return Dataset(name, role, picked=picks.get(name), **facts)


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
