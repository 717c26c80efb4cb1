"""Emulate maps of one's own, and say whether they may be trusted: one command, all defaults."""

import argparse
import logging
import subprocess
import sys
from pathlib import Path

import yaml

from fewtomany import config
from fewtomany.jobs import augment, cli
from fewtomany.maps import ingest
from fewtomany.maps.components import STOKES
from fewtomany.maps.ingest import files
from fewtomany.validation import answer

ROOT = Path(__file__).resolve().parents[1]

SAID = {
    "unit": files.UNITS,
    "ordering": files.ORDERINGS,
    "convention": files.CONVENTIONS,
    "frame": files.FRAMES,
}
"""What may be said of the maps, and its values."""

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    options = cli.parser(__doc__)
    options.set_defaults(config=str(ROOT / "config" / "augment.yaml"))
    for action in options._actions:
        if action.dest == "config":
            action.required = False
            action.help = "campaign file with the defaults (YAML)"
    options.add_argument("--n-maps", type=int, default=200, help="maps to emulate")
    options.add_argument("--name", default="augmented", help="name of the campaign")
    options.add_argument(
        "--stokes", choices=STOKES, help="what is read; all of the files if absent"
    )
    options.add_argument("--nside", type=int, help="resolution; that of the files if absent")
    options.add_argument("--mask", help="FITS file of weights, 0 for pixels that are left out")
    options.add_argument(
        "--axis",
        choices=["none", "ecliptic", "equatorial"],
        default="none",
        help="the scan's axis: maps of one scan may be turned about it; the campaign's frame then",
    )
    options.add_argument(
        "--surrogate",
        action="append",
        default=[],
        metavar="MAPS",
        help="cheap maps of the same scan, on the same pixels: files or a pattern; may be repeated",
    )
    for name, allowed in SAID.items():
        text = f"of the files, where they do not say it: {', '.join(allowed)}"
        options.add_argument(f"--{name}", help=text)
    options.add_argument("--memory", type=int, help="memory of a job (MB); half of the free one")
    options.add_argument("--profile", default=str(ROOT / "profiles/local"), help="of Snakemake")
    options.add_argument("--dry-run", action="store_true", help="show the jobs only")
    options.add_argument("maps", nargs="+", metavar="MAPS", help="files or patterns of the maps")
    return options


def free_mb() -> int:
    """Memory that is free on this machine, in MB; 4000 where it does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        fields = dict(line.split(":") for line in lines)
        return int(fields["MemAvailable"].split()[0]) // 1000
    except (OSError, KeyError, ValueError):
        return 4000


def main(arguments: argparse.Namespace) -> None:
    said = ingest.Source((), **{name: getattr(arguments, name) for name in SAID})
    maps = ingest.patterns(arguments.maps)
    mask = arguments.mask and str(Path(arguments.mask).expanduser())
    found = augment.kind_of(maps, arguments.stokes, said, arguments.axis, mask)
    logger.info(
        "%d maps of %s at nside %d, %s", found.n_maps, found.stokes, found.nside, found.frame
    )
    for note in found.notes:
        logger.info(note)
    surrogate = ingest.patterns(arguments.surrogate)
    if surrogate:
        augment.check_apart(maps, surrogate)
        cheap = augment.kind_of(surrogate, found.stokes, said, arguments.axis, mask, fewest=2)
        augment.check_surrogate(found, cheap, arguments.nside or found.nside)
        logger.info("surrogate: %d maps at nside %d, %s", cheap.n_maps, cheap.nside, cheap.frame)
    content = augment.plan(
        yaml.safe_load(Path(arguments.config).read_text()),
        arguments.name,
        maps,
        found,
        arguments.n_maps,
        arguments.memory or free_mb() // 2,
        arguments.nside,
        mask,
        arguments.axis,
        said,
        surrogate,
    )
    results = Path("results") / arguments.name
    results.mkdir(parents=True, exist_ok=True)
    path = results / "augment.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    logger.info("campaign file: %s", path)
    run_campaign(path, arguments)
    if not arguments.dry_run:
        report, recommended = results / "report.html", results / "recommended" / "emulated.h5"
        sys.stdout.write(f"Report: {report.resolve()}\nCovariance: {recommended.resolve()}\n")
        best, *_ = answer.read_folder(config.load(path), results)
        sys.stdout.write("\n".join(["", *best.sentences, ""]))


def run_campaign(path: Path, arguments: argparse.Namespace) -> None:
    """Run Snakemake on a campaign file; exit as it does where it fails."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--profile", arguments.profile, "--configfile", str(path)]
    done = subprocess.run([*command, *(["--dry-run"] if arguments.dry_run else [])], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    cli.run(main, get_parser())
