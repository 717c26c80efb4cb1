"""Maps for other programs: FITS files as healpy writes and reads them."""

import logging
import os
from pathlib import Path

import healpy

from fewtomany.store import MapSet, atomic_path

COLUMNS = {"T": "TEMPERATURE", "Q": "Q_POLARISATION", "U": "U_POLARISATION"}
COORDSYS = {"galactic": "G", "ecliptic": "E", "equatorial": "C"}

logger = logging.getLogger(__name__)


def write_fits(folder: str | os.PathLike, content: MapSet) -> list[Path]:
    """Write every map to ``folder`` as ``{dataset}-{index:07d}.fits``, each atomically.

    One column per Stokes component, RING, K_CMB, COSMO polarization, the frame and
    the floating-point type of the maps.

    Returns
    -------
    the files, in the order of the maps
    """
    paths = []
    for index, stokes_maps in enumerate(content.maps, content.first):
        path = Path(folder) / f"{content.dataset}-{index:07d}.fits"
        with atomic_path(path) as temporary:
            healpy.write_map(
                temporary,
                list(stokes_maps),
                coord=COORDSYS[content.frame],
                column_names=[COLUMNS[letter] for letter in content.stokes],
                column_units="K_CMB",
                dtype=content.maps.dtype,
                extra_header=[
                    ("POLCCONV", "COSMO", "Polarization convention"),
                    ("DATASET", content.dataset, "Dataset of the campaign"),
                    ("REALIZ", index, "Index of the realization"),
                ],
                overwrite=True,
            )
        paths.append(path)
    logger.info("%s: %d maps", folder, len(paths))
    return paths
