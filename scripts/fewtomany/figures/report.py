"""The report: one HTML page that needs no network."""

import base64
import csv
import datetime
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import markupsafe
import yaml
from PIL import Image, UnidentifiedImageError

from fewtomany.config.campaign import Campaign
from fewtomany.config.products import unpaired
from fewtomany.errors import UserError
from fewtomany.validation import entries
from fewtomany.validation.answer import Answer

TEMPLATE = "report.html"

N_FAULTS = 2
"""Faults for a purpose on the first screen; the table below has all."""

ROLES = ("emulated", "input", "gaussian", "reference", "original")
"""Order of the datasets in the tables: the judged ones, their baselines, the checks."""


@dataclass(frozen=True)
class Picture:
    """A figure with the title and caption that its PNG carries."""

    name: str
    title: str
    caption: str
    data: str


@dataclass(frozen=True)
class Cost:
    """What the finished jobs of one rule took, from Snakemake's benchmark files."""

    rule: str
    n_jobs: int
    wall_s: float
    cpu_s: float
    max_rss_mb: float


def render(
    campaign: Campaign,
    judgement: dict,
    answers: Sequence[Answer],
    glance: Picture,
    pictures: Sequence[Picture],
    costs: Sequence[Cost],
) -> str:
    """The page as HTML.

    Parameters
    ----------
    campaign : its configuration and seed
    judgement : the content of metrics.json
    answers : of every emulated dataset, the best first
    glance : the picture beside the first of them
    pictures : figures in the order of the page
    costs : cost of every rule; no section without them
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fewtomany.figures", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "duration": duration,
        "allowed": allowed,
        "path": path,
    }
    found = sorted(judgement["metrics"], key=lambda entry: ROLES.index(entry["role"]))
    return environment.get_template(TEMPLATE).render(
        campaign=campaign,
        judgement=judgement,
        answers=answers,
        glance=glance,
        n_faults=N_FAULTS,
        datasets=list(dict.fromkeys(entry["dataset"] for entry in found)),
        judged=list(dict.fromkeys(e["dataset"] for e in found if e["passed"] is not None)),
        groups=_groups(found),
        table={(entry["name"], entry["dataset"]): entry for entry in found},
        pictures=pictures,
        costs=costs,
        left_out=left_out(campaign),
        flat=campaign.maps.flat,
        configuration=yaml.safe_dump(campaign.sections, sort_keys=False, width=90),
    )


def left_out(campaign: Campaign) -> list[str]:
    """What other campaigns' reports have and this one has not, and why; a sentence each."""
    reasons = []
    if campaign.maps.flat:
        return [
            f"The maps are of a {campaign.maps.flat.name}. No covariance is judged pixel by pixel: "
            "fields are alike everywhere, and their spectra say what it would. Held-out inputs, "
            "the recommended covariance, Minkowski functionals and parameters belong to the "
            "sphere."
        ]
    if campaign.truth is None:
        reasons.append(
            "No truth is known, so nothing is said of errors of the covariance, equivalent "
            "numbers of simulations and χ² of true maps; held-out inputs take their place."
        )
        if not campaign.trust.datasets:
            reasons.append("No dataset was cross-validated: trust.datasets is empty.")
    if campaign.surrogate is not None and (reason := unpaired(campaign)):
        reasons.append(f"The surrogate is no control variate of means and spectra: {reason}.")
    if not campaign.components.spins:
        reasons.append("Minkowski functionals are those of linear polarization; these maps are T.")
    return reasons


def _groups(found: Sequence[dict]) -> dict[str, dict[str, tuple[str, str]]]:
    """Title and unit of every metric by name, by group, groups in the order of the metrics."""
    groups: dict[str, dict] = {name: {} for name in entries.GROUPS}
    for entry in found:
        members = groups.setdefault(entries.group(entry["name"]), {})
        members[entry["name"]] = (entry["title"], entry["unit"])
    return {name: members for name, members in groups.items() if members}


def read_picture(path: str | os.PathLike) -> Picture:
    """A PNG of ``figures.style.save``; UserError if it is none."""
    path = Path(path)
    try:
        with Image.open(path) as image:
            texts = image.info
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{path}: not a readable PNG: {error}") from None
    if not {"Title", "Description"} <= set(texts):
        raise UserError(f"{path}: carries no title and caption; draw it with figures.style.save")
    data = base64.b64encode(path.read_bytes()).decode()
    return Picture(path.stem, texts["Title"], texts["Description"], data)


def read_costs(folder: str | os.PathLike) -> list[Cost]:
    """Cost per rule from benchmark files ``{rule}.tsv`` or ``{rule}/….tsv``, dearest first."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of benchmark files")
    jobs = defaultdict(list)
    for path in sorted(folder.rglob("*.tsv")):
        with path.open(newline="") as file:
            rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
            jobs[rule] += csv.DictReader(file, delimiter="\t")
    costs = [
        Cost(
            rule=rule,
            n_jobs=len(rows),
            wall_s=sum(_float(row["s"]) for row in rows),
            cpu_s=sum(_float(row["cpu_time"]) for row in rows),
            max_rss_mb=max(_float(row["max_rss"]) for row in rows),
        )
        for rule, rows in jobs.items()
        if rows
    ]
    return sorted(costs, key=lambda cost: -cost.wall_s)


def _float(text: str) -> float:
    """A benchmark's number; 0 where a job was too short to be measured ("-" or "NA")."""
    return 0.0 if text in ("-", "NA", "") else float(text)


def number(value: float | None) -> str:
    """Three significant digits, nothing for None."""
    return "" if value is None else f"{value:.3g}"


def allowed(ends: Sequence[float | None]) -> str:
    """A range in words; an end that is None is open."""
    low, high = ends
    if low is None:
        return f"≤ {number(high)}"
    return f"≥ {number(low)}" if high is None else f"{number(low)} to {number(high)}"


def path(text: str) -> markupsafe.Markup:
    """Text whose paths may break after a slash."""
    return markupsafe.Markup("/<wbr>").join(text.split("/"))


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    return str(datetime.timedelta(seconds=round(seconds)))
