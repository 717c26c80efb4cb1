"""What a map consists of: Stokes parameters of one or more channels.

A map of several components is an array (n_components, n_pix), channel-major: all Stokes
parameters of the first channel, then those of the second. Which components form a spin-2 field,
which harmonic fields and spectra there are, and which components are a pair follows from this
one object, and is asked nowhere else.
"""

from dataclasses import dataclass
from itertools import combinations

from fewtomany.errors import UserError

STOKES = ("T", "QU", "TQU")
"""Stokes parameters that can be emulated and compared: Q and U come together."""

_HARMONIC = {"T": "T", "Q": "E", "U": "B"}


@dataclass(frozen=True)
class Components:
    """The components of a map.

    Attributes
    ----------
    stokes : "T", "QU" or "TQU", the same in every channel
    channels : names of the channels; one without a name for a single one
    """

    stokes: str
    channels: tuple[str, ...] = ("",)

    def __post_init__(self):
        if self.stokes not in STOKES:
            raise UserError(f"Stokes {self.stokes!r} is not allowed; expected {', '.join(STOKES)}")
        several = self.channels != ("",)
        unnamed = any(not name or set(name) & set(".,×") for name in self.channels)
        if len(set(self.channels)) < max(len(self.channels), 1) or (several and unnamed):
            raise UserError(
                f"channels {self.channels}: expected different names without a point or comma"
            )

    def __len__(self) -> int:
        return len(self.stokes) * len(self.channels)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components: "Q", "U"; with several channels "a.Q", "a.U", "b.Q", ..."""
        return tuple(_join(c, s) for c in self.channels for s in self.stokes)

    @property
    def letters(self) -> str:
        """Stokes parameter of every component: "QU"; of two channels "QUQU"."""
        return self.stokes * len(self.channels)

    @property
    def scalars(self) -> tuple[int, ...]:
        """Places of the spin-0 components, T."""
        return tuple(k for k in range(len(self)) if self.stokes[k % len(self.stokes)] == "T")

    @property
    def spins(self) -> tuple[int, ...]:
        """Places of the Q of every spin-2 field; its U is the next one."""
        return tuple(k for k in range(len(self)) if self.stokes[k % len(self.stokes)] == "Q")

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Places of two different components, the first before the second."""
        return tuple(combinations(range(len(self)), 2))

    @property
    def harmonic(self) -> tuple[str, ...]:
        """Harmonic fields, in the order of the components: T; E, B for Q, U."""
        return tuple(_join(c, _HARMONIC[s]) for c in self.channels for s in self.stokes)

    @property
    def spectra_pairs(self) -> tuple[tuple[int, int], ...]:
        """Harmonic fields of every spectrum, by place: auto spectra first, then the crosses."""
        places = range(len(self))
        return (*((k, k) for k in places), *combinations(places, 2))

    @property
    def spectra(self) -> tuple[str, ...]:
        """Names of the spectra: EE, BB, EB; with several channels "a.E×b.E"."""
        single = self.channels == ("",)
        return tuple(
            self.harmonic[a] + ("" if single else "×") + self.harmonic[b]
            for a, b in self.spectra_pairs
        )

    def select(self, channel: str) -> slice:
        """The components of one channel."""
        first = self.channels.index(channel) * len(self.stokes)
        return slice(first, first + len(self.stokes))


def _join(channel: str, letter: str) -> str:
    return f"{channel}.{letter}" if channel else letter
