"""How a rank finds its GPU's memory, and how many batches it takes on. No GPU is needed."""

import argparse
import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import emulate
from fewtomany import config
from fewtomany.emulator import device
from fewtomany.errors import UserError
from fewtomany.files import compiled
from fewtomany.jobs import resources

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "config" / "paper.yaml"
FLAGS = ("TF_XLA_FLAGS", "XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL")
TOOL = """#!/bin/sh
echo "$@" >&2
[ "$1" = --id={number} ] && echo {answer}
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Stands for the driver's tool, with a GPU of a number and an answer about it."""
    import tensorflow as tf

    gpu = SimpleNamespace(name="/physical_device:GPU:1")
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [gpu])
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def install(number, answer):
        tool = tmp_path / "nvidia-smi"
        tool.write_text(TOOL.format(number=number, answer=answer))
        tool.chmod(0o755)

    return install


def test_free_memory_is_of_the_gpu_that_the_rank_was_given(driver, monkeypatch):
    driver("GPU-8932f937", 1024)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8932f937")
    assert device.free_memory() == 2**30
    driver(1, 2048)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert device.free_memory() == 2**31


def test_free_memory_is_unknown_without_an_answer(driver, monkeypatch, caplog):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    driver(1, "[N/A]")
    assert device.free_memory() is None
    monkeypatch.setenv("PATH", "")
    assert device.free_memory() is None
    assert caplog.text.count("nvidia-smi: ") == 2


def test_a_gpu_takes_the_batches_that_it_has_memory_for(monkeypatch):
    campaign = config.load(PAPER)
    each = resources.descent_bytes(campaign)

    def at_once(free, **changes):
        monkeypatch.setattr(device, "free_memory", lambda: free)
        options = {"device": "gpu", "start": 20, "stop": 40, "ranks": 1, **changes}
        return emulate._at_once(campaign, argparse.Namespace(**options))

    assert at_once(10 * each) == 8
    assert at_once(1000 * each) == 20  # all there are
    assert at_once(1000 * each, ranks=3) == 7  # no rank without work
    assert at_once(each) == 1
    assert at_once(None) == 1
    assert at_once(1000 * each, device="cpu") == 1


def test_no_batches_at_once_are_refused():
    names = {"dataset": "emulated-10", "start": 0, "stop": 2, "at_once": 0, "config": str(PAPER)}
    with pytest.raises(UserError, match="--at-once 0 is not allowed"):
        emulate.main(argparse.Namespace(**names))


def run(program, **environment):
    """Run Python code in a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if name not in FLAGS}
    environment = {**inherited, "PYTHONPATH": str(ROOT / "scripts"), **environment}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=300,
    )


ONE_DNN = """
from tensorflow.python.util import _pywrap_util_port as port
print("", port.IsMklEnabled())
"""
COMPILING = """
import sys
from fewtomany.emulator import device
device.configure()
import numpy as np, tensorflow as tf
x = tf.constant(np.random.default_rng(1).normal(size=(64, 64)), tf.float32)
f = tf.function(lambda x: tf.reduce_sum(tf.tanh(x @ x), axis=0), jit_compile=True)
sys.stdout.write(f(x).numpy().tobytes().hex())
"""


@pytest.fixture(scope="module")
def alone():
    """A process that keeps nothing: every start of TensorFlow takes seconds."""
    return run(COMPILING + ONE_DNN + "sys.stderr.write('after')\n", **{compiled.VARIABLE: ""})


@pytest.fixture(scope="module")
def begun_before():
    """A process where TensorFlow has computed before it is configured, twice."""
    return run(
        f"import logging, tensorflow as tf{ONE_DNN}"
        "from fewtomany.emulator import device\n"
        "logging.basicConfig(format='%(message)s')\n"
        "tf.ones(2) + 1\n"
        "device.configure()\n"
        "print(device.configure()[:3])\n"
    )


def test_tensorflow_starts_without_a_word_and_as_it_would_by_itself(alone, begun_before):
    """With oneDNN where this processor has what it wants."""
    assert alone.stderr == "after"
    assert alone.stdout.split()[1:] == begun_before.stdout.split()[:1]
    assert alone.stdout.split()[1] in ("True", "False")
    assert alone.returncode == 0


@pytest.mark.parametrize("n_jobs", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_jobs_share_what_is_compiled_and_compute_the_same_bits(alone, tmp_path, n_jobs):
    """All at once on one folder, then one more that finds everything there."""
    folder = tmp_path / "compiled"
    with concurrent.futures.ThreadPoolExecutor(n_jobs) as pool:
        at_once = [
            pool.submit(run, COMPILING, **{compiled.VARIABLE: str(folder)}) for _ in range(n_jobs)
        ]
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    assert written
    assert {path.suffix for path in written} == {".pb"}
    later = run(COMPILING, **{compiled.VARIABLE: str(folder)})
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")} == written  # read only
    expected = alone.stdout.split()[0]
    assert len(expected) == 64 * 4 * 2
    assert {done.result().stdout for done in at_once} == {expected}
    assert (later.stdout, later.stderr) == (expected, "")


def test_other_processors_and_versions_have_a_folder_of_their_own(tmp_path, monkeypatch):
    def flag(**said):
        for variable in FLAGS:
            monkeypatch.setenv(variable, "")
        for name, answer in said.items():
            monkeypatch.setattr(device.provenance, name, lambda answer=answer: answer)
        device.keep_compiled()
        return os.environ["TF_XLA_FLAGS"]

    monkeypatch.setenv(compiled.VARIABLE, "")
    assert flag() == ""
    monkeypatch.setenv(compiled.VARIABLE, str(tmp_path))
    first = flag(package_versions={"numpy": "1"}, instructions="AVX2")
    assert str(tmp_path) in first
    assert flag(package_versions={"numpy": "1"}, instructions="AVX2") == first
    others = {
        flag(package_versions={"numpy": "2"}, instructions="AVX2"),
        flag(package_versions={"numpy": "1"}, instructions="AVX512"),
    }
    assert len(others | {first}) == 3


def test_a_folder_that_cannot_be_written_hinders_nothing(tmp_path, monkeypatch):
    for variable in FLAGS:
        monkeypatch.setenv(variable, "")
    (tmp_path / "file").touch()
    monkeypatch.setenv(compiled.VARIABLE, str(tmp_path / "file" / "compiled"))
    device.keep_compiled()
    assert os.environ["TF_XLA_FLAGS"] == ""


def test_threads_of_a_tensorflow_that_has_started_stay(begun_before):
    """As in one process of many tests; the same threads again are no matter for a word."""
    done = begun_before
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == ["cpu"]
    assert done.stderr.count("TensorFlow has started before: its threads stay as they are") == 2


@pytest.mark.parametrize(
    ("ending", "code"), [("", 0), ("raise ImportError('no library')", 1), ("os.abort()", -6)]
)
def test_errors_at_start_are_not_hidden(ending, code):
    """What is written by C++ is written to the file descriptor."""
    done = run(
        "import os\n"
        "from fewtomany.emulator import device\n"
        "with device.quiet():\n"
        "    os.write(2, b'I0000 00:00:1.2 3 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "    os.write(2, b'E0000 00:00:1.2 3 cuda.cc:1] no driver \\xff\\nW0000 old\\n')\n"
        f"    {ending or 'pass'}\n"
        "os.write(2, b'I0000 later\\n')\n",
    )
    assert done.returncode == code
    assert "oneDNN" not in done.stderr
    assert "E0000 00:00:1.2 3 cuda.cc:1] no driver" in done.stderr
    assert "W0000 old\n" in done.stderr
    assert ("I0000 later" in done.stderr) == (code == 0)
    assert ("ImportError: no library" in done.stderr) == (code == 1)


def test_without_grep_there_is_a_start_with_chatter():
    program = "from fewtomany.emulator import device\nwith device.quiet():\n    print('started')\n"
    done = run(program, PATH="")
    assert done.returncode == 0
    assert done.stdout == "started\n"
    assert "grep" in done.stderr
