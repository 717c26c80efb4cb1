"""What rules pass as params is plain Python: Snakemake passes over a change of anything else.

Of a NumPy integer, a float32, an array or a path among the params Snakemake 9.27 keeps no record,
so that no change of it runs anything again (docs/ecosystem.md).
"""

import re

import pytest
from snakemake import rules

from harness import ROOT, Workflow, write_maps

CAMPAIGNS = ("demo", "nongaussian", "patch", "augment", "systematics/pointing")
"""Between them they have every rule but those of maps in pairs and of two sets of files."""
PAIRS = {
    "surrogate": {
        "simulation": {
            "nside": 4,
            "scan": {"sampling_rate_hz": 0.035},
            "gains": {"chunk_samples": 10000},
        }
    },
    "reference": {"draws": "original", "n_maps": 50},
    "emulator": {"start": "turned"},
    "validation": {"chi2_maps": 50, "n_modes": 15},
}
FILES = {
    "simulation": None,
    "reference": {"files": "maps/*.fits", "n_maps": None, "covariance": None},
    "inputs": {"input-10": {"files": "maps/*.fits", "n_maps": 10}},
}
WORDS = ("all", "export", "--dry-run", "--printshellcmds", "--quiet", "rules")
PLAIN = (str, int, float, bool, type(None))


def strange(value) -> set[type]:
    """The types in a value, and in its lists and dictionaries, that are not plain."""
    if isinstance(value, dict):
        return strange(list(value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*map(strange, value))
    return set() if type(value) in PLAIN else {type(value)}


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    """Names of the rules, and their params that are not plain, (rule, param): types."""
    folder = tmp_path_factory.mktemp("plans")
    write_maps(folder / "maps", 100)
    seen, found = set(), {}
    expand = rules.Rule.expand_params

    def looking(self, *arguments, **more):
        params, own = expand(self, *arguments, **more)
        seen.add(self.name)
        found.update({(self.name, k): strange(v) for k, v in params.items() if strange(v)})
        return params, own

    workflow = Workflow(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules.Rule, "expand_params", looking)
        for name in CAMPAIGNS:
            campaign = f"{ROOT}/config/{name}.yaml"
            done = workflow.run(*WORDS, "--configfile", campaign)
            assert done.returncode == 0, done.stdout + done.stderr
        for changes in (PAIRS, FILES):
            done = workflow.snakemake(*WORDS, **changes)
            assert done.returncode == 0, done.stdout + done.stderr
    return seen, found


def test_every_param_is_plain_python(params):
    assert not params[1]


def test_every_rule_was_looked_at(params):
    text = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    assert params[0] >= set(re.findall(r"^ *rule (\w+):", text, re.MULTILINE))
