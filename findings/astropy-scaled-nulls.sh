#!/usr/bin/env bash
# astropy 8.0.2: the null of a scaled integer column comes out as a number.
#
# Guess: NaN or a mask, as TNULL says "no value".
# Seen: with TSCAL, data[name] holds the null times the scale plus the zero: here -3276.8 among values
# near 1; Table.read masks nothing either. Files packed into integers, with nulls outside the survey, are
# read as maps of large values there.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q astropy==8.0.2 numpy==2.4.6
"$work/env/bin/python" - "$work/map.fits" <<'PYTHON'
import sys

import numpy as np
from astropy.io import fits
from astropy.table import Table

raw = np.array([10, 11, -32768, 12], np.int16)
table = fits.BinTableHDU.from_columns([fits.Column("T", "I", array=raw, null=-32768)])
table.header["TSCAL1"] = 0.1
table.writeto(sys.argv[1])
with fits.open(sys.argv[1]) as file:
    found = np.array(file[1].data["T"])
read = Table.read(sys.argv[1])["T"]
print("fits.open:", found, "Table.read:", read.tolist())
assert np.isfinite(found).all() and np.isclose(found[2], -3276.8)
assert np.isclose(read[2], -3276.8)
PYTHON
