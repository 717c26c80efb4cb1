"""A file that another program is writing."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from fewtomany.errors import UserError
from fewtomany.maps.ingest import hdf5

WRITER = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); print('open', flush=True); input()"


def test_a_file_that_is_open_for_writing_elsewhere_is_named_as_that(tmp_path, monkeypatch):
    monkeypatch.delenv("HDF5_USE_FILE_LOCKING", raising=False)
    path = tmp_path / "map.h5"
    with h5py.File(path, "w") as file:
        file["T"] = np.ones(192)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], **pipes) as writer:
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(UserError, match=r"map\.h5: is locked: open for writing elsewhere"):
            hdf5.tables(str(path))
        writer.communicate(b"\n")
    assert len(hdf5.tables(str(path))) == 1
