"""A workflow in a folder of its own, with the real programs or instant ones."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from astropy.io import fits

import inprocess

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).with_name("tiny.yaml")
INSTANT = Path(__file__).with_name("instant.py")


@dataclass(frozen=True)
class Workflow:
    """The repository's Snakefile, or the folder's own if it has one, run in ``folder``."""

    folder: Path

    def snakemake(self, *words: str, **changes) -> subprocess.CompletedProcess:
        """Run Snakemake on the tiny campaign with the given sections changed."""
        content = yaml.safe_load(TINY.read_text())
        for section, values in changes.items():
            old = content.get(section)
            content[section] = {**old, **values} if isinstance(old, dict) and values else values
            if isinstance(content[section], dict):  # None takes a key or a section away
                content[section] = {k: v for k, v in content[section].items() if v is not None}
            elif values is None:
                del content[section]
        configuration = self.folder / "tiny.yaml"
        configuration.write_text(yaml.safe_dump(content))
        return self.run(*words, "--configfile", str(configuration))

    def run(self, *words: str) -> subprocess.CompletedProcess:
        """Run Snakemake and the rules' programs in this process, with these words."""
        return inprocess.snakemake("--snakefile", self.snakefile, *words, folder=self.folder)

    def spawn(self, *words: str, seconds: float = 600) -> subprocess.CompletedProcess:
        """Run Snakemake as a user does: a process of its own, and one of each job."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.snakefile)]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [*command, "--cores", "2", *words],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    @property
    def snakefile(self) -> Path:
        """The folder's own, if it has one, or the repository's."""
        own = self.folder / "Snakefile"
        return own if own.exists() else ROOT / "Snakefile"

    def jobs(self, *words: str, **changes) -> dict[str, int]:
        """Number of jobs by rule that a dry run of the tiny campaign announces."""
        return count_jobs(self.snakemake("--dry-run", *words, **changes))

    def files(self, pattern: str) -> dict[Path, int]:
        """Modification times of the products that match a pattern."""
        results = self.folder / "results" / "tiny"
        return {
            path.relative_to(results): path.stat().st_mtime_ns for path in results.glob(pattern)
        }


def count_jobs(done: subprocess.CompletedProcess) -> dict[str, int]:
    """The table of jobs that Snakemake prints, without its total."""
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    table = output.partition("Job stats:")[2].partition("\n\n")[0]
    counts = {
        rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)
    }
    counts.pop("total", None)
    return counts


def programs() -> list[str]:
    """The programs that the rules call, as paths below scripts/."""
    text = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    return sorted(set(re.findall(r"python \$FEWTOMANY/(\S+\.py)", text)))


def make_workflow(folder: Path) -> Workflow:
    """A folder in which the workflow runs with the real programs."""
    folder.mkdir(parents=True, exist_ok=True)
    return Workflow(folder)


def make_instant(folder: Path) -> Workflow:
    """A folder with the workflow itself, whose programs only write empty products."""
    for name in ("Snakefile", "workflow", "envs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "scripts").mkdir()
    (folder / "scripts" / "fewtomany").symlink_to(ROOT / "scripts" / "fewtomany")
    for program in programs():
        path = folder / "scripts" / program
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(INSTANT)
    return Workflow(folder)


def write_maps(folder, number):
    """Files of one map each, of which a plan reads the headers."""
    folder.mkdir(exist_ok=True)
    columns = [fits.Column(name, "E", array=np.zeros(12)) for name in "TQU"]
    table = fits.BinTableHDU.from_columns(columns)
    for place in range(number):
        table.writeto(folder / f"sim-{place}.fits", overwrite=True)
