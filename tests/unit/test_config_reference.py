from pathlib import Path

import pytest
import yaml

from fewtomany import config
from fewtomany.config import reference as config_reference

PAGE = Path(__file__).parents[2] / "config" / "README.md"


def test_the_page_is_up_to_date():
    page = PAGE.read_text()
    assert config_reference.updated(page) == page, "run `make reference`"


def test_a_page_without_the_mark_is_refused():
    with pytest.raises(ValueError, match="lacks the line"):
        config_reference.updated("# Title\n")


def test_every_key_of_the_schema_has_a_row():
    def leaves(part, path):
        for key, child in part.get("properties", {}).items():
            if child.get("type") == "object":
                yield from leaves(child, f"{path}{key}.")
            else:
                yield f"{path}{key}"
        if isinstance(part.get("additionalProperties"), dict):
            yield from leaves(part["additionalProperties"], f"{path}NAME.")

    reference = config_reference.reference()
    names = list(leaves(yaml.safe_load(config.SCHEMA_PATH.read_text()), ""))
    assert len(names) > 40
    for name in names:
        assert f"| `{name}` |" in reference
