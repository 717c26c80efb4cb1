"""The list of planted faults (tests/planted) is about the library as it is."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "planted"))

from faults import FAULTS  # noqa: E402
from run import spot  # noqa: E402


def test_there_are_sixty_different_faults():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 60


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_words_of_a_fault_occur_once(fault):
    path, right, wrong = spot(ROOT, fault)
    assert wrong not in (right, "")
    compile(path.read_text().replace(right, wrong), path.name, "exec")
    assert fault.tests
    for test in fault.tests:
        assert (ROOT / "tests" / test.partition("::")[0]).is_file(), test
