#!/usr/bin/env bash
# healpy 1.20.1: smoothalm and Rotator.rotate_alm differ in whether they change what they are given.
#
# Guess: of functions that return their result none changes its argument, or all do.
# Seen: smoothalm returns the smoothed coefficients and has smoothed the caller's too (inplace=True
# is its default); smoothing, almxfl and Rotator.rotate_alm leave theirs alone. Two calls of smoothalm
# on the same array smooth twice.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q healpy==1.20.1 numpy==2.4.6
"$work/env/bin/python" - <<'PYTHON'
import healpy
import numpy as np

alm = np.ones(healpy.Alm.getsize(8), complex)
calls = {
    "smoothalm": lambda a: healpy.smoothalm(a, fwhm=0.3),
    "almxfl": lambda a: healpy.almxfl(a, np.zeros(9)),
    "rotate_alm": lambda a: healpy.Rotator(coord="GE").rotate_alm(a),
}
changed = {}
for name, call in calls.items():
    given = alm.copy()
    call(given)
    changed[name] = bool((given != alm).any())
print("changes what it is given:", changed)
assert changed == {"smoothalm": True, "almxfl": False, "rotate_alm": False}
PYTHON
