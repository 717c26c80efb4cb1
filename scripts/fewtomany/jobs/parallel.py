"""MPI ranks of one job: who they are and which of them takes which piece of work.

Without ranks (``size`` 1) nothing here touches MPI. Work is handed out by claims: a rank
owns a piece when it is the first to create the piece's file in a folder that belongs to
this one run. No rank serves the others, and none waits while there is work.
"""

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from fewtomany.errors import UserError

# How many processes a launcher started, by its own account (PMI of MPICH and SLURM, Open MPI).
LAUNCHED = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")

NETWORK = {
    "MPIR_CVAR_CH4_NETMOD": "ofi",
    "MPIR_CVAR_CH4_OFI_ENABLE_DATA_AUTO_PROGRESS": "1",
    "MPIR_CVAR_CH4_OFI_ENABLE_CONTROL_AUTO_PROGRESS": "1",
}
"""What the wheel of MPICH talks over. By itself it takes UCX, and then (src/mpid/ch4/netmod/ucx of
5.0.2) sends 4096 bytes from an address that is shorter: whatever lies behind it in memory. SLURM's
PMI2 takes that only at times: of 10 starts on two nodes 4 failed; over OFI none of 40 did. OFI by
itself sends only while its rank is inside MPI, and the others wait while it computes."""

HEARD_S = 1
"""Between the last words of a rank and the end of all: a launcher that ends at once may lose
what it has not passed on (MPICH's did in one of forty runs)."""

logger = logging.getLogger(__name__)
Item = TypeVar("Item")


@dataclass(frozen=True)
class Ranks:
    """The ranks of this job as one of them sees them.

    Attributes
    ----------
    rank, size : this rank's number, and how many there are
    local : this rank's number among those on its node
    comm : the mpi4py communicator; None for a single rank
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    comm: Any = None

    @property
    def first(self) -> bool:
        """Whether this is rank 0, who writes what there is one of."""
        return self.rank == 0

    def gather(self, part: Any) -> list[Any]:
        """The parts of all ranks in their order, on rank 0; nothing on the others."""
        return [part] if self.comm is None else self.comm.gather(part) or []

    def least(self, value: int) -> int:
        """The least of all ranks' values, on every rank."""
        return value if self.comm is None else min(self.comm.allgather(value))

    def wait(self) -> None:
        """Return when all ranks are here."""
        if self.comm is not None:
            self.comm.Barrier()


@contextlib.contextmanager
def ranks(size: int) -> Iterator[Ranks]:
    """Join the ranks of this job. An error on one rank ends all of them.

    Raises
    ------
    UserError : when the launcher did not start ``size`` processes that know each other
    """
    mine = _join(size)
    try:
        yield mine
    except BaseException as error:
        if mine.comm is None:
            raise
        logger.error("ends all ranks: %s", error, exc_info=not isinstance(error, UserError))
        sys.stderr.flush()
        time.sleep(HEARD_S)
        mine.comm.Abort(2 if isinstance(error, UserError) else 1)


def _join(size: int) -> Ranks:
    if size < 1:
        raise UserError(f"--ranks {size} is not allowed; expected at least 1")
    if size == 1:
        launched = next((int(os.environ[name]) for name in LAUNCHED if name in os.environ), 1)
        if launched > 1:
            raise UserError(f"--ranks 1, but the launcher started {launched} processes")
        return Ranks()
    _choose_network()
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    if comm.size != size:
        raise UserError(
            f"--ranks {size}, but MPI knows of {comm.size}: was this started by an MPI launcher "
            "(mpiexec, srun) of the MPI that mpi4py uses? With srun, try --mpi=pmi2 or --mpi=pmix"
        )
    local = comm.Split_type(MPI.COMM_TYPE_SHARED).rank
    return Ranks(comm.rank, size, local, comm)


def _choose_network() -> None:
    """Before MPI begins; a site's own MPI, and what the user has set, stay as they are."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        metadata.version("mpich")
        for variable, value in NETWORK.items():
            os.environ.setdefault(variable, value)


def share(mine: Ranks, items: Sequence[Item], folder: str | Path, name: str) -> Iterator[Item]:
    """Yield this rank's items, each when it asks for one; every item goes to one rank.

    A rank begins with every size-th item and goes on with what the others have not begun. All
    ranks call this together and come back together.

    Parameters
    ----------
    items : the work, whose texts differ
    folder, name : where claims lie while the work lasts, as ``claims-NAME-*``; runs that were
        killed leave theirs, and the next run of that name to end removes them
    """
    if mine.size == 1:
        yield from items
        return
    claims = None
    if mine.first:
        Path(folder).mkdir(parents=True, exist_ok=True)
        claims = tempfile.mkdtemp(prefix=f"claims-{name}-", dir=folder)
    claims = mine.comm.bcast(claims)
    own = items[mine.rank :: mine.size]
    others = [item for item in reversed(items) if item not in own]
    for item in [*own, *others]:
        if _claim(Path(claims, str(item))):
            yield item
    mine.wait()
    if mine.first:
        for old in Path(folder).glob(f"claims-{name}-*"):
            shutil.rmtree(old, ignore_errors=True)


def _claim(path: Path) -> bool:
    """Whether this rank is the first; never when another run has ended and removed the claims."""
    try:
        path.touch(exist_ok=False)
    except (FileExistsError, FileNotFoundError):
        return False
    return True
