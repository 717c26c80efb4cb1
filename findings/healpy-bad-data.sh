#!/usr/bin/env bash
# healpy 1.20.1: BAD_DATA of a file's header is not looked at.
#
# Guess: pixels that hold the file's own mark of "no data" come back as UNSEEN, which is what the card is for.
# Seen: read_map gives the mark as a value, here -999 K. anafast and ud_grade go on with it; only files whose
# mark is UNSEEN itself are read as one expects.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q healpy==1.20.1 numpy==2.4.6
"$work/env/bin/python" - "$work/map.fits" <<'PYTHON'
import sys

import healpy
import numpy as np
from astropy.io import fits

kelvin = np.full(768, 2.7)
kelvin[:100] = -999
table = fits.BinTableHDU.from_columns([fits.Column("TEMPERATURE", "D", unit="K", array=kelvin)])
table.header.update(PIXTYPE="HEALPIX", ORDERING="RING", NSIDE=8, BAD_DATA=-999.0)
table.writeto(sys.argv[1])
found = healpy.read_map(sys.argv[1])
print("read:", found[0], "- seen by mask_good:", healpy.mask_good(found).sum(), "of 768;",
      "nside 4:", healpy.ud_grade(found, 4).min())
assert found[0] == -999 and healpy.mask_good(found).all()
PYTHON
