#!/usr/bin/env bash
# healpy 1.20.1: pixwin downloads its table, even at nside 16.
#
# Guess: the pixel windows come with the package, as they did for years.
# Seen: without a network pixwin, and synfast and alm2map with pixwin=True, end in an error of
# astropy's download at any nside: it works on a login node and not on a compute node. Harmonic
# transforms without weights need no file. (Weights are another matter: see docs/ecosystem.md.)
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q healpy==1.20.1 numpy==2.4.6
export XDG_CACHE_HOME="$work/cache" XDG_CONFIG_HOME="$work/config"
mkdir -p "$work/cache" "$work/config"
"$work/env/bin/python" - <<'PYTHON'
import healpy
import numpy as np
from astropy.utils.data import conf

conf.allow_internet = False  # as on a compute node
for nside in (2, 16, 64):
    try:
        healpy.pixwin(nside)
    except OSError as error:  # urllib's URLError is one
        print(f"pixwin({nside}): {type(error).__name__}")
    else:
        raise SystemExit(f"pixwin({nside}) needed no download")
healpy.map2alm(np.ones(12 * 16**2))
print("map2alm needs none")
PYTHON
