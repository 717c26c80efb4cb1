"""Files as real pipelines write them: every module's writers enter themselves here."""

from cases import elsewhere, kinds, libraries, missions, others, twists
from cases.writing import CASES

__all__ = ["CASES", "elsewhere", "kinds", "libraries", "missions", "others", "twists"]
