"""Every program that a rule calls exists, explains itself and needs its options."""

import importlib.util

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


@pytest.mark.parametrize("program", programs())
def test_the_campaign_file_is_asked_for(program, capsys):
    with pytest.raises(SystemExit) as caught:
        parser_of(program).parse_args([])
    assert caught.value.code == 2
    assert "--config" in capsys.readouterr().err
