"""What programs import at their start: by names of modules, never by times."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
HEAVY = (
    *("astropy", "healpy", "keras", "litebird_sim", "matplotlib", "pandas"),
    *("tensorflow", "scipy.linalg", "scipy.optimize", "scipy.special", "scipy.stats"),
)
OWN = {"export_fits": {"astropy"}}
"""What some programs use whatever they are asked for; those that plot, matplotlib."""

IMPORTING = """
import json, runpy, sys
sys.path.insert(0, sys.argv[1])
found = {}
for program in sys.argv[3:]:
    before = set(sys.modules)
    runpy.run_path(program)
    found[program] = sorted(set(sys.argv[2].split()) & (set(sys.modules) - before))
print(json.dumps(found))
"""
USING = """
import sys
sys.path.insert(0, sys.argv[1])
from fewtomany import late
assert late.healpy.nside2npix(2) == 48
assert "matplotlib" not in sys.modules
tf = late.load("tensorflow")
assert float(tf.reduce_sum(tf.ones(3))) == 3
assert not {"keras", "matplotlib", "pandas"} & set(sys.modules)
assert late.load("tensorflow") is tf
assert late.healpy_projector.MollweideProj  # of which healpy has nothing when it sees no matplotlib
import keras, matplotlib  # what was hidden can be imported
"""


def run(program: str, *words: str) -> str:
    """What a Python of its own prints."""
    command = [sys.executable, "-c", program, str(SCRIPTS), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_program_imports_what_it_may_not_use():
    paths = [path for path in sorted(SCRIPTS.rglob("*.py")) if "fewtomany" not in path.parts]
    paths.sort(key=lambda path: (path.stem in OWN, "plot" in path.stem))  # modules come once
    found = json.loads(run(IMPORTING, " ".join(HEAVY), *map(str, paths)))
    assert len(found) > 30
    for path, modules in found.items():
        program = Path(path).stem
        allowed = {"matplotlib"} if program == "plot" else OWN.get(program, set())
        assert set(modules) <= allowed, program


def test_libraries_come_at_their_first_use_and_without_what_is_not_used():
    run(USING)
