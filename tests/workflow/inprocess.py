"""Programs and Snakemake in this process: one start of Python, TensorFlow and its compiled shapes.

A program is run as its command line says: arguments, environment, log, exit status. Snakemake is
run by its own ``main``, with all its bookkeeping; only where it would start a shell for a rule's
command, the program that the command names is called here. What either sets for its whole process
(environment, folder, logging, warnings, signals, open figures) is put back afterwards.
"""

import contextlib
import functools
import importlib
import importlib.util
import io
import logging
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

ROOT = Path(__file__).parents[2]
PYTHON = re.compile(r"\bpython (\S+\.py)\b(.*)$", re.DOTALL)


def program(path: str | Path, *words: object, folder: str | Path | None = None):
    """Run a program as ``python PATH WORDS…`` in a folder would.

    Returns
    -------
    subprocess.CompletedProcess : exit status, standard output and standard error (with its log)
    """
    command = [str(path), *map(str, words)]
    with _contained(folder) as (out, err):
        status = _called(command)
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())


def script(path: str | Path, *words: object, folder: str | Path | None = None):
    """The same of a program that is called by its last lines alone, as those under benchmarks/."""
    command = [str(path), *map(str, words)]
    with _contained(folder) as (out, err):
        sys.argv = command
        sys.path.insert(0, str(Path(path).parent))
        status = _status(lambda: runpy.run_path(str(path), run_name="__main__"))
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())


def snakemake(*words: object, folder: str | Path) -> subprocess.CompletedProcess:
    """Run ``snakemake WORDS…`` in a folder: one job after the other, all in this process."""
    command = ["--cores", "1", "--scheduler", "greedy", *map(str, words)]
    with _contained(folder) as (out, err), _jobs_in_process(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Snakemake; programs have their own filters
        from snakemake import cli

        sys.argv = ["snakemake", *command]
        with _parsed_once():
            status = _status(functools.partial(cli.main, command))
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _contained(folder) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Keep what a command sets to itself, and collect what it writes."""
    before, environment = os.getcwd(), dict(os.environ)
    argv, path, root = sys.argv, list(sys.path), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    out, err = io.StringIO(), io.StringIO()
    if folder is not None:
        os.chdir(folder)
    root.handlers = []
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield out, err
    finally:
        os.chdir(before)
        sys.argv, sys.path[:] = argv, path
        root.handlers = handlers
        root.setLevel(level)
        _set_environment(environment)
        for number, handler in signals.items():
            signal.signal(number, handler)


def _set_environment(wanted: dict[str, str]) -> None:
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update(wanted)


def _called(command: Sequence[str]) -> int:
    """Call a program's main as its last two lines do."""
    sys.argv = list(command)

    def run():
        module = _module(Path(command[0]).resolve())
        module.cli.run(module.main, module.get_parser())

    status = _status(run)
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close("all")
    return status


def _status(run: Callable[[], None]) -> int:
    """Exit status of what was run; an error goes to the standard error, as of a process."""
    try:
        run()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


@functools.cache
def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"program_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Job:
    """What Snakemake's shell takes for a process: the program of a rule's command."""

    def __init__(self, command: str, *, env: dict[str, str], **_):
        self.command, self.pid = command, os.getpid()
        self.environment = env | {"NUMBA_NUM_THREADS": env["OMP_NUM_THREADS"]}  # as the prefix does

    def wait(self) -> int:
        found = PYTHON.search(self.command)
        if found is None:
            return subprocess.call(self.command, shell=True, env=self.environment)
        words, separator, log = found[2].rpartition("&>")
        before, environment = list(sys.argv), dict(os.environ)
        root = logging.getLogger()
        path = found[1].replace("$FEWTOMANY", self._programs())
        _set_environment(self.environment)
        try:
            with (
                open(log.strip() if separator else os.devnull, "w") as file,
                contextlib.redirect_stdout(file),
                contextlib.redirect_stderr(file),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("error")
                return _called([path, *shlex.split(words if separator else found[2])])
        finally:
            root.handlers = []
            sys.argv = before
            _set_environment(environment)

    def kill(self) -> None:
        """A program that runs here ends by itself."""

    terminate = kill

    def _programs(self) -> str:
        return shlex.split(re.search(r"export FEWTOMANY=(\S+)", self.command)[1].rstrip(";"))[0]


_PARSED: dict[tuple, tuple] = {}


@contextlib.contextmanager
def _parsed_once() -> Iterator[None]:
    """Snakemake's parser reads a file of the same words at the same place once."""
    rules = importlib.import_module("snakemake.workflow")
    parse = rules.parse

    def parsed(path, workflow, linemap, **options):
        with workflow.sourcecache.open(path) as file:
            words = file.read()
        key = (path.get_path_or_uri(secret_free=True), words, *sorted(options.items()))
        if key not in _PARSED:
            lines: dict[int, int] = {}
            _PARSED[key] = (parse(path, workflow, linemap=lines, **options), lines)
        found, lines = _PARSED[key]
        linemap.update(lines)
        return found

    rules.parse = parsed
    try:
        yield
    finally:
        rules.parse = parse


@contextlib.contextmanager
def _jobs_in_process() -> Iterator[None]:
    # The module; as an attribute of the package it is hidden by its class of the same name.
    shell = importlib.import_module("snakemake.shell")
    sources = importlib.import_module("snakemake.sourcecache")
    processes, prefix, files = shell.sp, shell.shell._process_prefix, sources.tempfile
    names = {name: getattr(subprocess, name) for name in ("PIPE", "CalledProcessError")}
    shell.sp = SimpleNamespace(**names, Popen=_Job)
    folders: list[tempfile.TemporaryDirectory] = []  # left to the collector, which warns of them

    def folder(**options) -> tempfile.TemporaryDirectory:
        folders.append(tempfile.TemporaryDirectory(**options))
        return folders[-1]

    sources.tempfile = SimpleNamespace(TemporaryDirectory=folder, mkdtemp=tempfile.mkdtemp)
    try:
        yield
    finally:
        shell.sp, shell.shell._process_prefix, sources.tempfile = processes, prefix, files
        for left in folders:
            left.cleanup()
