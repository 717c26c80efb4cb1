"""How a rank finds its GPU's memory, and how many batches it takes on. No GPU is needed."""

import argparse
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

import emulate
from fewtomany import config, resources
from fewtomany.emulator import device
from fewtomany.errors import UserError

PAPER = Path(__file__).parents[2] / "config" / "paper.yaml"
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
