#!/usr/bin/env bash
# healpy 1.20.1: a map whose ORDERING is "NEST" is taken as RING.
#
# Guess: NEST means NESTED, or the word is refused.
# Seen: read_map knows "NESTED" in capitals and nothing else; a map in NEST order comes back as it is,
# as if it were RING, without a warning. spt3g 1.0.2 and Healpix.jl write "NEST" for their nested maps:
# of one that spt3g has written none of 768 pixels is where it belongs.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q spt3g==1.0.2 healpy==1.20.1
"$work/env/bin/python" - "$work/map.fits" <<'PYTHON'
import sys
import warnings

import healpy
import numpy as np
from astropy.io import fits
from spt3g import core, maps
from spt3g.maps import fitsio

ring = np.arange(768.0)
nested = ring[healpy.nest2ring(8, np.arange(768))]
written = maps.HealpixSkyMap(
    nested, nested=True, weighted=False, units=core.G3TimestreamUnits.Tcmb, pol_type=maps.MapPolType.T
)
fitsio.save_skymap_fits(sys.argv[1], T=written)
with fits.open(sys.argv[1]) as file:
    ordering = file[1].header["ORDERING"].strip()
with warnings.catch_warnings():
    warnings.simplefilter("error")
    found = healpy.read_map(sys.argv[1])
print("ORDERING", ordering, "- right as RING:", f"{np.mean(found == ring):.1%},",
      "as it was stored:", np.array_equal(found, nested))
assert ordering == "NEST" and np.array_equal(found, nested) and np.mean(found == ring) < 0.05
with fits.open(sys.argv[1], mode="update") as file:
    file[1].header["ORDERING"] = "NESTED"
assert np.array_equal(healpy.read_map(sys.argv[1]), ring)
PYTHON
