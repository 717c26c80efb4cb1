"""Maps in HDF5 files of this package, and in NumPy files.

A NumPy file holds an array (n_maps, n_components, n_pix) of the whole sphere. It says nothing
about its maps. They are taken to be in K and RING unless the configuration says otherwise, and in
the frame that it gives; it must give their polarization convention. The number of components
tells which they are: T, QU or TQU.
"""

from collections.abc import Iterator

import numpy as np

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.ingest.files import open_npy
from fewtomany.maps.ingest.fits import BY_PLACE, Header, check_nside

Stored = tuple[str, np.ndarray, Header]
"""Where a map is from, its values (n_components, 12·nside²), and what is said of it."""


def read_hdf5(path: str, stokes: str) -> Iterator[Stored]:
    """The maps of a map file of this package."""
    content = store.read_maps(path, stokes)
    if len(content.channels) > 1:
        raise UserError(
            f"{path}: holds channels {', '.join(content.channels)}; expected one of a file"
        )
    header = Header(content.nside, content.unit, "RING", "COSMO", content.frame)
    for place, values in enumerate(content.maps):
        yield f"{path}, map {place}", content.sky.expand(values), header


def read_npy(path: str, stokes: str) -> Iterator[Stored]:
    """The maps of a NumPy file; unit, ordering, convention and frame are not said."""
    array = open_npy(path)
    n_components, n_pix = array.shape[1:]
    letters = BY_PLACE.get(n_components, "")
    if set(stokes) - set(letters):
        raise UserError(
            f"{path}: has {n_components} components; expected "
            f"{' or '.join(str(n) for n, s in BY_PLACE.items() if set(stokes) <= set(s))}"
        )
    nside = round((n_pix / 12) ** 0.5)
    check_nside(path, nside if 12 * nside**2 == n_pix else 0, f"of {n_pix} pixels")
    chosen = [letters.index(letter) for letter in stokes]
    dtype = np.float32 if array.dtype == np.float32 else np.float64
    for place in range(len(array)):
        values = np.array(array[place, chosen], dtype)
        yield f"{path}, map {place}", values, Header(nside)
