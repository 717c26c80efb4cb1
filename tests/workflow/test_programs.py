"""Every program that a rule calls exists, explains itself and needs its options."""

import importlib.util
import os
import subprocess
import sys

import pytest

from harness import ROOT, programs


def parser_of(program):
    path = ROOT / "scripts" / program
    spec = importlib.util.spec_from_file_location(f"program_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_parser()


@pytest.mark.parametrize("program", [*programs(), "config_reference.py"])
def test_every_option_has_a_help_text(program):
    parser = parser_of(program)
    assert parser.description
    for action in parser._actions:
        assert action.help, f"{program}: {action.dest}"


def test_every_program_of_a_stage_is_called_by_a_rule():
    paths = [path.relative_to(ROOT / "scripts") for path in (ROOT / "scripts").glob("*/*.py")]
    found = {path.as_posix() for path in paths if path.parts[0] != "fewtomany"}
    assert found == set(programs()) - {"export_fits.py"}


@pytest.mark.parametrize("program", programs())
def test_the_library_is_found_from_anywhere(program, tmp_path):
    text = (ROOT / "scripts" / program).read_text()
    found = "sys.path.insert(0, str(Path(__file__).parents[1]))  # where the library lies"
    assert (found in text) == ("/" in program)
    if program.endswith("judge.py"):
        command = [sys.executable, ROOT / "scripts" / program, "--help"]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)


@pytest.mark.parametrize("program", programs())
def test_the_campaign_file_is_asked_for(program, capsys):
    with pytest.raises(SystemExit) as caught:
        parser_of(program).parse_args([])
    assert caught.value.code == 2
    assert "--config" in capsys.readouterr().err
