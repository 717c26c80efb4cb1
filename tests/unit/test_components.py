"""What follows from Stokes parameters and channels."""

import pytest

from fewtomany.errors import UserError
from fewtomany.maps.components import Components


@pytest.mark.parametrize(
    ("stokes", "scalars", "spins", "harmonic", "spectra"),
    [
        ("T", (0,), (), "T", "TT"),
        ("QU", (), (0,), "EB", "EE BB EB"),
        ("TQU", (0,), (1,), "TEB", "TT EE BB TE TB EB"),
    ],
)
def test_one_channel(stokes, scalars, spins, harmonic, spectra):
    found = Components(stokes)
    assert len(found) == len(stokes)
    assert found.names == tuple(stokes)
    assert (found.scalars, found.spins) == (scalars, spins)
    assert found.harmonic == tuple(harmonic)
    assert found.spectra == tuple(spectra.split())
    assert len(found.spectra) == len(found.spectra_pairs)


def test_pairs_are_all_pairs_of_different_components():
    assert Components("QU").pairs == ((0, 1),)
    assert Components("TQU").pairs == ((0, 1), (0, 2), (1, 2))
    assert Components("T").pairs == ()


def test_two_channels_are_channel_major():
    found = Components("TQU", ("a", "b"))
    assert len(found) == 6
    assert found.names == ("a.T", "a.Q", "a.U", "b.T", "b.Q", "b.U")
    assert found.harmonic == ("a.T", "a.E", "a.B", "b.T", "b.E", "b.B")
    assert (found.scalars, found.spins) == ((0, 3), (1, 4))
    assert len(found.pairs) == 15
    assert len(found.spectra) == 21
    assert found.spectra[:6] == tuple(f"{name}×{name}" for name in found.harmonic)
    assert "a.E×b.E" in found.spectra
    assert found.select("b") == slice(3, 6)


def test_spectra_of_two_channels_of_polarization():
    found = Components("QU", ("a", "b")).spectra
    expected = "a.E×a.E a.B×a.B b.E×b.E b.B×b.B a.E×a.B a.E×b.E a.E×b.B a.B×b.E a.B×b.B b.E×b.B"
    assert found == tuple(expected.split())


@pytest.mark.parametrize("stokes", ["", "Q", "UQ", "TQ", "TQUV"])
def test_stokes_that_cannot_be_emulated_are_refused(stokes):
    with pytest.raises(UserError, match=f"Stokes '{stokes}' is not allowed; expected T, QU, TQU"):
        Components(stokes)


@pytest.mark.parametrize("channels", [(), ("a", "a"), ("a", ""), ("a.b",), ("a,b",)])
def test_channels_need_names_of_their_own(channels):
    with pytest.raises(UserError, match="channels"):
        Components("QU", channels)
