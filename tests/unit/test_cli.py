import logging
import sys

import pytest

from fewtomany.errors import UserError
from fewtomany.jobs import cli


@pytest.fixture
def command(monkeypatch):
    """Set the command line of a program."""
    return lambda *words: monkeypatch.setattr(sys, "argv", ["folder/program.py", *words])


def test_main_gets_the_parsed_options(command):
    seen = []
    command("--config", "campaign.yaml")
    cli.run(seen.append, cli.parser("A program."))
    assert seen[0].config == "campaign.yaml"


def test_a_mistake_of_the_user_is_told_line_by_line_with_status_2(command, capsys):
    def main(_):
        raise UserError("first\nsecond")

    command("--config", "campaign.yaml")
    with pytest.raises(SystemExit) as caught:
        cli.run(main, cli.parser("A program."))
    assert caught.value.code == 2
    assert capsys.readouterr().err == "program.py: error: first\nprogram.py: error: second\n"


def test_an_error_of_ours_is_not_hidden(command):
    def main(_):
        raise KeyError("bug")

    command("--config", "campaign.yaml")
    with pytest.raises(KeyError, match="bug"):
        cli.run(main, cli.parser("A program."))


@pytest.mark.parametrize(("words", "level"), [((), logging.INFO), (("--quiet",), logging.WARNING)])
def test_quiet_logs_warnings_only(command, monkeypatch, words, level):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)
    levels = []
    command("--config", "campaign.yaml", *words)
    cli.run(
        lambda _: levels.append(logging.getLogger().getEffectiveLevel()), cli.parser("A program.")
    )
    assert levels == [level]


def test_every_figure_has_its_output():
    assert cli.paired(["a", "b"], ["a.png", "b.png"]) == {"a": "a.png", "b": "b.png"}
    with pytest.raises(UserError, match="--output: 1 files for a, b"):
        cli.paired(["a", "b"], ["a.png"])
