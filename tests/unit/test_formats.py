"""Maps as missions and pipelines write them: right values, or one line that says what is wrong."""

import re

import numpy as np
import pytest
from cases import CASES
from cases.writing import NSIDE

from fewtomany.errors import UserError
from fewtomany.jobs import augment
from fewtomany.maps import ingest
from fewtomany.maps.ingest import Source


def take(folder, maps, says):
    """What `make augment` imports of files, and what it says before."""
    said = dict(says)
    stokes, mask = said.pop("STOKES", None), said.pop("MASK", None)
    mask = mask and f"{folder}/{mask}"
    source = Source((), **{key.lower(): value for key, value in said.items()})
    patterns = ingest.patterns([f"{folder}/{maps}"])
    found = augment.kind_of(patterns, stokes, source, mask=mask)
    facts = {"unit": source.unit, "ordering": source.ordering, "convention": source.convention}
    facts |= {"source_frame": source.frame, "mask": mask}
    return ingest.load(patterns, found.stokes, found.nside, found.frame, **facts), found.notes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case(case, tmp_path):
    wrote = case.write(tmp_path)
    if case.refused:
        with pytest.raises(UserError, match=case.refused) as caught:
            take(tmp_path, case.maps, case.says)
        assert "\n" not in str(caught.value)
        return
    found, notes = take(tmp_path, case.maps, case.says)
    told = " | ".join(notes)
    assert re.search(case.told, told), told
    assert bool(case.told) == bool(notes), told
    assert (found.stokes, found.frame, found.nside) == (wrote.stokes, wrote.frame, NSIDE)
    np.testing.assert_array_equal(found.sky.indices, np.flatnonzero(wrote.seen))
    wanted = wrote.maps[..., wrote.seen]
    tolerance = 1e-6 if found.maps.dtype == np.float32 else 1e-12
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found.maps, wanted, rtol=tolerance, atol=tolerance * scale)
