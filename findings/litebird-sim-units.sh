#!/usr/bin/env bash
# litebird_sim 0.18.0: importing it changes what astropy says of the word K_RJ.
#
# Guess: a unit is parsed the same before and after another package is imported.
# Seen: Unit("K_RJ") and Unit("K_CMB") are ValueErrors before, and units afterwards (pysm3, which
# litebird_sim imports, defines them for all of astropy), and they are not equivalent to K. What a
# reader makes of a header depends on what else the process has imported.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q litebird_sim==0.18.0 astropy==8.0.2
"$work/env/bin/python" -W ignore - <<'PYTHON'
from astropy import units


def meaning(word):
    try:
        return "like K" if units.Unit(word).is_equivalent(units.K) else "a unit, not like K"
    except ValueError:
        return "no unit"


words = ("K_RJ", "K_CMB")
before = [meaning(word) for word in words]
import litebird_sim  # noqa: E402, F401

after = [meaning(word) for word in words]
print(words, "before:", before, "after:", after)
assert before == ["no unit"] * 2 and after == ["a unit, not like K"] * 2
PYTHON
