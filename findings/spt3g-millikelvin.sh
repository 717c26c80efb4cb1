#!/usr/bin/env bash
# spt3g 1.0.2: its FITS files hold millikelvin, and their unit says "Tcmb".
#
# Guess: a temperature map in a FITS file is in K (or its unit says what else).
# Seen: the unit of temperature of that software is 1 mK (core.G3Units.K is 1000), and a map of 2.7 K is
# written as 2700 with TUNIT "Tcmb" (the kind of quantity, no unit). Read back, a file of healpy whose
# unit is K_CMB is multiplied by 1000. U is IAU, and POLCCONV says so: healpy.read_map turns nothing.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q spt3g==1.0.2 healpy==1.20.1
"$work/env/bin/python" -W ignore - "$work" <<'PYTHON'
import sys

import healpy
import numpy as np
from astropy.io import fits
from spt3g import core, maps
from spt3g.maps import fitsio

folder = sys.argv[1]
kelvin = np.full((3, 768), 2.7)
more = {"weighted": False, "units": core.G3TimestreamUnits.Tcmb}
written = {}
for values, letter in zip(kelvin, "TQU"):
    kind = {} if letter == "T" else {"pol_conv": maps.MapPolConv.IAU}
    written[letter] = maps.HealpixSkyMap(
        values * core.G3Units.K, pol_type=getattr(maps.MapPolType, letter), **kind, **more
    )
fitsio.save_skymap_fits(f"{folder}/spt.fits", **written)
found = healpy.read_map(f"{folder}/spt.fits", field=None)
with fits.open(f"{folder}/spt.fits") as file:
    header = file[1].header
print("2.7 K is", found[0][0], header["TUNIT1"], "POLCCONV", header["POLCCONV"], "U", found[2][0])
assert np.allclose(found, 2700) and header["TUNIT1"] == "Tcmb" and header["POLCCONV"] == "IAU"
healpy.write_map(f"{folder}/healpy.fits", kelvin, coord="C", column_units="K_CMB", dtype=float)
print("2.7 K of healpy is", np.asarray(fitsio.load_skymap_fits(f"{folder}/healpy.fits")["T"])[0])
assert np.allclose(np.asarray(fitsio.load_skymap_fits(f"{folder}/healpy.fits")["T"]), 2700)
PYTHON
