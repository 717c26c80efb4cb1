"""The numbers of README's table are those of the kept run, docs/results/metrics.json."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
METRICS = json.loads((ROOT / "docs/results/metrics.json").read_text())["metrics"]
FAMILIES = ("10", "100")

ROWS = {
    "Ledoit–Wolf shrinkage": ("input", "kl:ledoit-wolf"),
    "shrunk toward their diagonal": ("input", "kl:diagonal"),
    "NERCOME": ("input", "kl:nercome"),
    "best without emulation": ("input", "kl:without-emulation"),
    "emulated": ("emulated", "kl"),
    "**recommended**": ("emulated", "recommended:kl"),
    "true simulations it is worth": ("emulated", "recommended:equivalent:kl"),
    "rms error of its correlations": ("emulated", "recommended:correlation_error"),
    "rms error of its pixel variances": ("emulated", "recommended:variance_error"),
    "error of r that it claims, over the true one": (
        "emulated",
        "parameter:claimed_over_scatter:r",
    ),
}


def _value(dataset, name):
    found = [e["value"] for e in METRICS if (e["dataset"], e["name"]) == (dataset, name)]
    assert len(found) == 1, f"{name} of {dataset}: {len(found)} metrics"
    return found[0]


@pytest.fixture(scope="module")
def table():
    lines = (ROOT / "README.md").read_text().splitlines()
    start = lines.index("| | from 10 inputs | from 100 inputs |") + 2
    rows = {}
    for line in lines[start:]:
        if not line.startswith("|"):
            return rows
        label, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[label] = cells
    return rows


def test_every_row_is_one_that_is_checked(table):
    assert list(table) == list(ROWS)


@pytest.mark.parametrize("label", ROWS)
def test_a_row_holds_the_kept_numbers(table, label):
    role, name = ROWS[label]
    for family, cell in zip(FAMILIES, table[label], strict=True):
        value = _value(f"{role}-{family}", name)
        assert float(cell.replace(",", "")) == pytest.approx(value, rel=0.02)
