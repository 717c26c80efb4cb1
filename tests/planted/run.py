"""Plant every fault of faults.py in a copy of the tree, and say which tests catch it.

    python tests/planted/run.py                       # all of them, some ten minutes
    python tests/planted/run.py --only sign mask      # those whose names hold a word
    python tests/planted/run.py --tree ../older       # in another version of the tree

A fault's own tests are asked first, then, with --widely, those of the files that import the module
it lies in. What loads slowly is imported once: every fault is tried in a fork of this process.
"""

import argparse
import ast
import contextlib
import functools
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from faults import FAULTS, Fault

ROOT = Path(__file__).parents[2]
SLOW = ("numpy", "scipy.linalg", "scipy.stats", "scipy.optimize", "scipy.ndimage", "pandas", "h5py")
SLOW += ("healpy", "astropy.io.fits", "astropy.coordinates", "matplotlib.pyplot", "pydantic")
SLOW += ("ducc0", "litebird_sim", "tensorflow", "pytest", "yaml", "jinja2", "PIL.Image")
CAUGHT, MISSED, LATE = "caught", "NOT CAUGHT", "too slow"


@functools.cache
def texts(tree: Path) -> dict[Path, str]:
    """The files of the library and of the workflow."""
    files = [*(tree / "scripts").rglob("*.py"), *(tree / "workflow").rglob("*.smk")]
    return {path: path.read_text() for path in (tree / "Snakefile", *sorted(files))}


def places(tree: Path, words: str) -> list[Path]:
    """The files that hold some words, once for each time."""
    return [path for path, text in texts(tree).items() for _ in range(text.count(words))]


def spot(tree: Path, fault: Fault) -> tuple[Path, str, str]:
    """File of a fault in a tree, the right words and the wrong ones; ValueError if not one."""
    pairs = ((fault.right, fault.wrong), *fault.also)
    found = [(path, *pair) for pair in pairs for path in places(tree, pair[0])]
    if len(found) != 1:
        raise ValueError(f"{fault.name}: its words are at {len(found)} places; expected one")
    return found[0]


def importing(tree: Path, path: Path) -> list[str]:
    """Test files that import the module of a file, by its last name."""
    found = []
    for test in sorted((tree / "tests").glob("*/test_*.py")):
        names = set()
        for node in ast.walk(ast.parse(test.read_text())):
            if isinstance(node, ast.ImportFrom):
                names |= {(node.module or "").rpartition(".")[2], *(a.name for a in node.names)}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        if path.stem in names and test.parent.name != "slurm":
            found.append(test.relative_to(tree / "tests").as_posix())
    return found


def tried(tree: Path, tests: list[str], seconds: float) -> tuple[str, str, float]:
    """Verdict on a tree by some tests, the first that failed, and the CPU time, in a fork."""
    end, start = os.pipe()
    if (child := os.fork()) == 0:
        os.close(end)
        os.setpgrp()
        code = _test(tree, tests, start)
        os._exit(code)
    os.close(start)
    began = time.monotonic()
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() - began > seconds:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return LATE, "", seconds
        time.sleep(0.1)
    with os.fdopen(end) as pipe:
        said = json.loads(pipe.read() or '["crash", 1, 0]')
    name, code, cpu = said
    return (MISSED if code == 0 else CAUGHT), name, cpu


def _test(tree: Path, tests: list[str], start: int) -> int:
    import pytest

    class First:
        name = ""

        def pytest_runtest_logreport(self, report):
            if report.failed and not self.name:
                self.name = report.nodeid.removeprefix("tests/")

        def pytest_collectreport(self, report):
            if report.failed and not self.name:
                self.name = f"{report.nodeid} (not collected)"

    os.chdir(tree)
    sys.dont_write_bytecode = True
    quiet, first = io.StringIO(), First()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        words = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
        code = pytest.main([*words, *(f"tests/{test}" for test in tests)], plugins=[first])
    with os.fdopen(start, "w") as pipe:
        pipe.write(json.dumps([first.name, int(code), time.process_time()]))
    return int(code)


def copy(tree: Path, folder: Path) -> Path:
    """The tree in a folder: what a fault may change is copied, the rest are links."""
    for path in tree.iterdir():
        if path.name in ("scripts", "workflow", "tests"):
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("*.pyc"))
        elif path.name == "Snakefile":
            shutil.copy(path, folder)
        elif path.name not in (".git", "results", "logs", "benchmarks_of_runs", ".snakemake"):
            (folder / path.name).symlink_to(path)
    return folder


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--tree", type=Path, default=ROOT, help="tree that faults are planted in")
    options.add_argument("--only", nargs="+", metavar="WORD", help="faults with such a name")
    options.add_argument("--seconds", type=float, default=300, help="longest time for one fault")
    options.add_argument("--widely", action="store_true", help="ask all tests of the module, too")
    options.add_argument("--output", type=Path, help="table as JSON")
    arguments = options.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in SLOW:
        __import__(name)
    chosen = [
        fault
        for fault in FAULTS
        if not arguments.only or any(word in fault.name for word in arguments.only)
    ]
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        tree = copy(arguments.tree.resolve(), Path(folder))
        for number, fault in enumerate(chosen, 1):
            path, right, wrong = spot(tree, fault)
            content = path.read_text()
            path.write_text(content.replace(right, wrong))
            tests = [
                test for test in fault.tests if (tree / "tests" / test.split("::")[0]).exists()
            ]
            verdict, name, cpu = tried(tree, tests, arguments.seconds)
            if verdict == MISSED and arguments.widely:
                more = [test for test in importing(tree, path) if test not in tests]
                verdict, name, more_cpu = tried(tree, more, arguments.seconds)
                cpu += more_cpu
            path.write_text(content)
            table[fault.name] = {"verdict": verdict, "by": name, "cpu_s": round(cpu, 1)}
            print(f"{number:3} {verdict:10} {cpu:6.1f} s  {fault.name}  [{name}]", flush=True)
    caught = sum(row["verdict"] == CAUGHT for row in table.values())
    print(f"{caught} of {len(table)} faults are caught")
    if arguments.output:
        arguments.output.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
