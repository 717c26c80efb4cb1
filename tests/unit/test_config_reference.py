from pathlib import Path

import jsonschema
import pytest
import yaml

from fewtomany import config
from fewtomany.config import reference as config_reference
from fewtomany.config import schema

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "config" / "README.md"
SCHEMA = ROOT / "workflow" / "schemas" / "campaign.schema.yaml"
CONFIGS = sorted((ROOT / "config").glob("**/*.yaml"))


def test_the_page_is_up_to_date():
    page = PAGE.read_text()
    assert config_reference.updated(page) == page, "run `make reference`"


def test_the_schema_is_up_to_date():
    assert SCHEMA.read_text() == config_reference.schema_file(), "run `make reference`"


def test_the_schema_allows_the_campaigns_of_the_repository_and_no_unknown_key():
    """An editor that knows JSON schemas says what the check of a campaign says."""
    jsonschema.Draft202012Validator.check_schema(schema.of(config.Configuration))
    validator = jsonschema.Draft202012Validator(schema.of(config.Configuration))
    assert len(CONFIGS) > 15
    for path in CONFIGS:
        content = yaml.safe_load(path.read_text())
        validator.validate(content)
        with pytest.raises(jsonschema.ValidationError, match="typo"):
            validator.validate({**content, "emulator": {"typo": 1}})


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
        for entry in part.get("patternProperties", {}).values():
            yield from leaves(entry, f"{path}NAME.")

    reference = config_reference.reference()
    names = list(leaves(schema.of(config.Configuration), ""))
    assert len(names) > 40
    for name in names:
        assert f"| `{name}` |" in reference
