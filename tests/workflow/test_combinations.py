"""Combinations of options: each ends in a report, or is refused by one line before any work.

Every pair of values that can be combined occurs in some campaign, and many triples in a few
more (``pairwise``). The campaigns run one after the other in one folder, so that what they share
(a simulation, imported maps) is made once, and what differs is made again, as a user who tries
options would see it.
"""

import itertools
from pathlib import Path

import healpy
import numpy as np
import pytest
import yaml

import pairwise
from fewtomany import config, covariance
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.sky import Sky
from harness import make_workflow

SIMULATED, AXES = ("exact", "drawn", "original"), ("ecliptic", "equatorial")

OPTIONS = {
    "source": ("simulation", "files"),
    "truth": (*SIMULATED, "files", "none"),
    "frame": ("galactic", "ecliptic", "equatorial"),
    "mask": ("none", "given"),
    "stokes": ("T", "QU", "TQU"),
    "channels": ("one", "two"),
    "axis": ("none", *AXES),
    "surrogate": ("none", "simulation", "covariance", "files"),
    "variances": ("inputs", "smoothed"),
    "start": ("white", "isotropic", "turned"),
    "strategy": ("average-target", "drawn-target", "single-target"),
    "given": ("no", "yes"),
    "gaussian": ("isotropic", "learnt"),
    "trust": ("no", "yes"),
}
"""Of the truth: exact, of the response, from which maps are drawn; drawn, of maps that are drawn
from those of the direct engine; original, of the simulation's maps themselves."""

REFUSED = (
    ({"source": ["files"], "truth": SIMULATED}, "reference: missing key files; without simulation"),
    (
        {"source": ["files"], "truth": SIMULATED},
        "inputs.few: missing key files; without simulation",
    ),
    ({"source": ["simulation"], "truth": ["files"]}, "reference.files: not allowed together"),
    ({"source": ["simulation"], "truth": ["none"]}, "configuration: missing key reference"),
    ({"source": ["simulation"], "channels": ["two"]}, "reference.channels: one is not allowed"),
    ({"channels": ["one"], "given": ["yes"]}, "emulated.many.given.channels: "),
    ({"strategy": ["single-target"], "given": ["yes"]}, "emulated.many.given: not allowed"),
    ({"channels": ["two"], "surrogate": ["simulation", "files"]}, "surrogate."),
    (
        {
            "surrogate": ["simulation", "covariance", "files"],
            "variances": ["inputs"],
            "start": ["white", "isotropic"],
        },
        "surrogate: not allowed with emulator.start",
    ),
)
"""What is refused, and how the line begins."""

ROWS, IMPOSSIBLE = pairwise.cover(OPTIONS, [values for values, _ in REFUSED])
MORE = pairwise.more(OPTIONS, [values for values, _ in REFUSED], ROWS, 8)
"""For faults that need more than two values."""

NSIDE = 4
N_PIX = 12 * NSIDE**2
SECOND = "second"
"""The channel beside the only one, which is named first."""

MISSION = {
    "nside": NSIDE,
    "n_maps": 60,
    "gains": {"chunk_samples": 10000},
    "scan": {  # sees the whole sky within a day
        "duration_days": 1.0,
        "sampling_rate_hz": 1.0,
        "spin_sun_angle_deg": 90.0,
        "spin_boresight_angle_deg": 90.0,
        "precession_period_days": 1.0,
    },
}

COMMON = {
    "campaign": "tiny",
    "seed": 1,
    "emulator": {"n_scales": 1, "n_orientations": 2, "n_steps": 2, "batch_size": 4},
    "validation": {"n_modes": 5, "chi2_maps": 20, "minkowski_maps": 10},
    "sharding": {"maps_per_shard": 9, "batches_per_shard": 2},
}


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    """A folder with files of maps and a mask."""
    folder = tmp_path_factory.mktemp("combinations")
    z = np.array(healpy.pix2vec(NSIDE, np.arange(N_PIX)))[2]
    rng, numbers = np.random.default_rng(1), {"few": 8, "other": 8, "true": 24, "cheap": 12}
    for (name, n_maps), channel in itertools.product(numbers.items(), ("first", SECOND)):
        maps = rng.standard_normal((n_maps, 3, N_PIX))
        maps += np.roll(maps, 1, axis=2) + np.roll(maps, 1, axis=0)
        for stokes in OPTIONS["stokes"]:
            some = ["TQU".index(letter) for letter in stokes]
            np.save(folder / f"{name}-{channel}-{stokes}.npy", 1e-6 * (1.5 + z) * maps[:, some])
    healpy.write_map(folder / "mask.fits", (np.abs(z) > 0.4).astype(np.float32), dtype=np.float32)
    return make_workflow(folder)


def configuration(row: pairwise.Row, folder: Path) -> dict:
    """The campaign of a row of options."""
    emulator = {"start": row["start"], "variances": row["variances"]}
    content = COMMON | {
        "maps": {"nside": NSIDE, "stokes": row["stokes"], "frame": row["frame"]},
        "symmetry": {"axis": row["axis"]},
        "emulator": COMMON["emulator"] | emulator,
        "gaussian": {"naive": {"input": "few", "n_maps": 10, "model": row["gaussian"]}},
        "inputs": {"few": files(row, folder, "few")},
        "emulated": {"many": {"input": "few", "strategy": row["strategy"], "n_maps": 10}},
        "trust": {"datasets": []},
    }
    if row["mask"] == "given":
        content["maps"]["mask"] = str(folder / "mask.fits")
    if row["source"] == "simulation":
        engine = "direct" if row["truth"] == "drawn" else "response"
        content["simulation"] = MISSION | {"engine": engine}
    if row["truth"] in SIMULATED:
        content["reference"] = {
            "n_maps": 24,
            "draws": "original" if row["truth"] == "original" else "gaussian",
            "covariance": "exact" if row["truth"] == "exact" else "empirical",
        }
        if row["channels"] == "one":
            content["inputs"]["few"] = {"n_maps": 8}
    elif row["truth"] == "files":
        content["reference"] = files(row, folder, "true")
    if row["given"] == "yes":
        content["inputs"]["known"] = files(row, folder, "other")
        content["emulated"]["many"]["given"] = {"dataset": "known", "channels": ["first"]}
    if row["trust"] == "yes":
        content["trust"] = {"datasets": ["many"], "n_folds": 2, "n_maps": 12, "n_directions": 4}
    if row["surrogate"] == "simulation":
        content["surrogate"] = {"simulation": MISSION | {"scan": {"sampling_rate_hz": 0.5}}}
        del content["surrogate"]["simulation"]["n_maps"]
    elif row["surrogate"] == "files":
        content["surrogate"] = files(row | {"channels": "one"}, folder, "cheap")
    elif row["surrogate"] == "covariance":
        content["surrogate"] = {"covariance": surrogate_covariance(row, folder)}
    return content


def files(row: pairwise.Row, folder: Path, name: str) -> dict:
    """The user's maps of one channel or two."""
    facts = {"polarization_convention": "COSMO"}
    channels = {
        channel: facts | {"files": str(folder / f"{name}-{channel}-{row['stokes']}.npy")}
        for channel in ("first", SECOND)
    }
    return channels["first"] if row["channels"] == "one" else {"channels": channels}


def surrogate_covariance(row: pairwise.Row, folder: Path) -> str:
    """File of a covariance on the observed pixels of a row, written if it is not there."""
    names = ("first",) if row["channels"] == "one" else ("first", SECOND)
    facts = [row[option] for option in ("stokes", "frame", "mask", "channels")]
    path = folder / f"covariance-{'-'.join(facts)}.h5"
    if not path.exists():
        each = [np.load(folder / f"cheap-{name}-{row['stokes']}.npy") for name in names]
        sky = Sky(NSIDE)
        if row["mask"] == "given":
            sky = Sky.of_mask(healpy.read_map(folder / "mask.fits"))
        maps = store.MapSet(
            maps=sky.restrict(np.concatenate(each, axis=1)),
            stokes=row["stokes"],
            dataset="cheap",
            first=0,
            frame=row["frame"],
            provenance={},
            channels=names if len(names) > 1 else ("",),
            sky=sky,
        )
        covariance.write(path, covariance.of_maps(lambda: [maps], "cheap"), {})
    return str(path)


def named(row: pairwise.Row) -> str:
    """A row as the name of a test."""
    return "-".join(row.values())


@pytest.mark.parametrize("row", ROWS + MORE, ids=named)
def test_a_combination_is_accepted_with_its_truth(row, workflow):
    campaign = config.parse(configuration(row, workflow.folder))
    config.check_sources(campaign)
    expected = {"exact": "exact", "original": "exact", "none": None}
    assert campaign.truth == expected.get(row["truth"], "reference")


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS + MORE, ids=named)
def test_a_combination_ends_in_a_report(row, workflow, eager):
    path = workflow.folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(configuration(row, workflow.folder)))
    report = workflow.folder / "results" / "tiny" / "report.html"
    report.unlink(missing_ok=True)
    done = workflow.run("--configfile", str(path), "--show-failed-logs")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    assert "</html>" in report.read_text()


@pytest.mark.parametrize(
    "pair", IMPOSSIBLE, ids=lambda pair: "-".join(itertools.chain(*pair.items()))
)
def test_what_has_no_meaning_is_refused_by_one_line(pair, workflow):
    """A line for every key at fault."""
    free = [option for option in ("source", "truth", "channels") if option not in pair]
    usual = {option: values[0] for option, values in OPTIONS.items()} | {"start": "turned"}
    rows = [
        usual | dict(zip(free, values, strict=True)) | pair
        for values in itertools.product(*(OPTIONS[option] for option in free))
    ]
    row = min(rows, key=lambda row: len(refusals(row)))
    with pytest.raises(UserError) as caught:
        config.parse(configuration(row, workflow.folder))
    lines = str(caught.value).splitlines()
    assert lines
    assert all(line.startswith(tuple(refusals(row))) for line in lines), lines


def refusals(row: pairwise.Row) -> list[str]:
    """The beginnings of the lines that refuse a row."""
    return [start for values, start in REFUSED if pairwise.matches(row, values)]


def test_every_pair_of_values_occurs():
    """In a row that is run, or, if no row can have it, in one that is refused."""
    one, two = pairwise.cover({"a": "xy", "b": "xy", "c": "xyz"}, [{"a": "x", "c": "yz"}])
    found = {tuple(sorted(pair)) for row in one for pair in pairwise.pairs_of(row)}
    every = set(itertools.product("x", "xyz"))
    assert two == [{"a": "x", "c": "y"}, {"a": "x", "c": "z"}]
    assert len(found) == 2 * 2 + 2 * 3 + 2 * 3 - 2
    assert not every & found
