"""Products that were damaged and removed, so that the campaign makes them again.

Snakemake does not make a file again if only finished jobs have needed it. So a file of the campaign
notes what is removed, and whatever of it is still missing is a target of the next run. What
follows from such a product is then made again too. Batches that descended to the same targets are
the exception: they are known by their key.
"""

from collections.abc import Iterable
from pathlib import Path

from fewtomany.config.campaign import Campaign

_OF_DATASETS = ("datasets", "covariances", "recommended", "measurements", "emulation", "fits")


def _note(campaign: Campaign) -> Path:
    return Path("results") / campaign.name / ".discarded"


def add(campaign: Campaign, paths: Iterable[Path]) -> None:
    """Note products that were removed. Batches are not: their manifests are made again."""
    known = [*missing(campaign), *(str(path) for path in paths if "batches" not in path.parts)]
    _note(campaign).write_text("".join(f"{path}\n" for path in dict.fromkeys(known)))


def missing(campaign: Campaign) -> list[str]:
    """Products that were removed and have not been made again; of today's datasets only."""
    note = _note(campaign)
    if not note.exists():
        return []
    return [
        line
        for line in note.read_text().splitlines()
        if not Path(line).exists() and _is_wanted(campaign, Path(line))
    ]


def _is_wanted(campaign: Campaign, path: Path) -> bool:
    """Whether a product is of the campaign, whose datasets may have changed since."""
    stage, *rest = path.relative_to(_note(campaign).parent).parts
    names = {*campaign.datasets, *campaign.folds, *campaign.given, "exact"}
    return stage not in _OF_DATASETS or rest[0].removesuffix(".h5") in names
