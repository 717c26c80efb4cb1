#!/usr/bin/env bash
# HDF5 2.0 (h5py 3.16.0): of a file written with libver="latest" older readers lose some datasets.
#
# Guess: an older HDF5 reads it whole (the promise of backward compatibility), or refuses the file.
# Seen: h5py 3.14.0 (HDF5 1.14) opens the file, lists everything and reads contiguous floats; chunked
# and compressed datasets, and complex ones, are KeyErrors ("bad version number for layout message").
# Maps can be there and their mask not. Written without libver all of it is read.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
for version in 3.16.0 3.14.0; do
    python3 -m venv "$work/$version"
    "$work/$version/bin/pip" install -q h5py==$version numpy==2.4.6
done
cd "$work"
3.16.0/bin/python - <<'PYTHON'
import h5py
import numpy as np

print("written by HDF5", h5py.version.hdf5_version)
for name, options in (("usual", {}), ("latest", {"libver": "latest"})):
    with h5py.File(f"{name}.h5", "w", **options) as file:
        file["plain"] = np.arange(4.0)
        file["complex"] = np.arange(4) + 1j
        file.create_dataset("packed", data=np.arange(1000.0), chunks=(10,), compression="gzip")
PYTHON
3.14.0/bin/python - <<'PYTHON'
import h5py

print("read by HDF5", h5py.version.hdf5_version)
found = {}
for name in ("usual", "latest"):
    with h5py.File(f"{name}.h5") as file:
        for key in file:
            try:
                found[name, key] = bool(file[key][:].size)
            except KeyError as error:
                found[name, key] = False
                print(name, key, error)
assert all(found[key] for key in found if key[0] == "usual")
assert found["latest", "plain"] and not found["latest", "packed"] and not found["latest", "complex"]
PYTHON
