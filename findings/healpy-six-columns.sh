#!/usr/bin/env bash
# healpy 1.20.1: six maps written without names are called II, IQ, IU, QQ, QU, UU.
#
# Guess: COLUMN_1 to COLUMN_6, as for four, five and seven maps.
# Seen: six maps of anything, six simulations say, come out named as a covariance of I, Q, U. A reader
# that goes by names, as it must where files hold several things, takes them for one.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q healpy==1.20.1 numpy==2.4.6
"$work/env/bin/python" - "$work/map.fits" <<'PYTHON'
import sys

import healpy
import numpy as np
from astropy.io import fits

names = {}
for number in (5, 6, 7):
    healpy.write_map(sys.argv[1], np.ones((number, 192)), dtype=float, overwrite=True)
    with fits.open(sys.argv[1]) as file:
        names[number] = file[1].columns.names
    print(number, "maps:", ", ".join(names[number]))
assert names[6] == ["II", "IQ", "IU", "QQ", "QU", "UU"]
assert names[5] == [f"COLUMN_{k}" for k in range(1, 6)]
assert names[7] == [f"COLUMN_{k}" for k in range(1, 8)]
PYTHON
