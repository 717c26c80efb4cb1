#!/usr/bin/env bash
# healpy 1.20.1: write_cl gives the spectra of anafast wrong names: EB is called C-T, and TB C-G.
#
# Guess: what anafast returns (TT, EE, BB, TE, EB, TB) is written under the names of these.
# Seen: the six columns are always TEMPERATURE, GRADIENT, CURL, G-T, C-T, C-G, in this order, while the
# fifth spectrum is EB and the sixth TB. A map of correlated E and B without any T has a file with
# power between curl and temperature. read_cl goes by place and gives it back right; readers that go by
# names, as those of the Fortran and IDL programs may, do not.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q healpy==1.20.1 numpy==2.4.6
"$work/env/bin/python" - "$work/cl.fits" <<'PYTHON'
import sys

import healpy
import numpy as np
from astropy.io import fits

alm = np.zeros((3, healpy.Alm.getsize(16)), complex)
alm[1:, healpy.Alm.getidx(16, 10, 3)] = 1
spectra = healpy.anafast(healpy.alm2map(alm, 16, lmax=16), lmax=16)
healpy.write_cl(sys.argv[1], spectra, dtype=float)
with fits.open(sys.argv[1]) as file:
    named = {name: float(file[1].data[name][10]) for name in file[1].columns.names}
print("E and B of l = 10, no T:", {name: round(value, 4) for name, value in named.items()})
assert list(named) == ["TEMPERATURE", "GRADIENT", "CURL", "G-T", "C-T", "C-G"]
assert np.isclose(named["C-T"], spectra[4, 10]) and named["C-T"] > 0.09
assert abs(named["C-G"]) < 1e-6 and abs(named["TEMPERATURE"]) < 1e-6
PYTHON
