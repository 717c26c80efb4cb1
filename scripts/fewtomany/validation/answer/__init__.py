"""The answer of a run, in plain words: which file to use for what, and how far to trust it.

The first screen of the report and the last words of ``make augment`` are these. Everything comes
from products of the run: metrics.json, what held-out inputs said (evidence of
``recommended/*.h5``, parts of the judgement), and no truth where there is none.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fewtomany import covariance
from fewtomany.config.campaign import Campaign
from fewtomany.files import store
from fewtomany.validation import parts
from fewtomany.validation.answer import faults, words
from fewtomany.validation.answer.facts import Facts, collect, order
from fewtomany.validation.answer.faults import Fault
from fewtomany.validation.answer.words import Use

__all__ = ["Answer", "answer", "order", "read", "read_folder"]


@dataclass(frozen=True)
class Answer:
    """The answer of one emulated dataset.

    Attributes
    ----------
    dataset : its name
    headline : which file to use and how far to trust it
    uses : which file for what
    code : the lines that load the covariance; empty where there is none
    trust : sentences on how far to trust it
    added : what the emulation added
    wrong : what is wrong with the maps, by purpose, worst first
    """

    dataset: str
    headline: str
    uses: tuple[Use, ...]
    code: str
    trust: tuple[str, ...]
    added: str
    wrong: Mapping[str, tuple[Fault, ...]]

    @property
    def sentences(self) -> tuple[str, str, str]:
        """Use, trust and gain: the last words of a run, as its report has them."""
        first = self.uses[0]
        use = f"For {first.purpose} use {first.file}, {first.remark}"
        return use, " ".join(self.trust), self.added


def answer(facts: Facts, folder: str, shape: str = "", frame: str = "") -> Answer:
    """The answer of one emulated dataset.

    Parameters
    ----------
    folder : of the campaign's results
    shape, frame : of maps, for the lines that load the covariance ("n_maps, 2, 3072")
    """
    wrong = faults.of_maps(facts.entries, facts.truth)
    used = words.uses(facts, folder, wrong)
    return Answer(
        dataset=facts.dataset,
        headline=words.headline(facts, used),
        uses=used,
        code="" if facts.evidence is None else words.load_lines(used[0].file, shape, frame),
        trust=words.trust(facts, wrong),
        added=words.added(facts, folder),
        wrong=wrong,
    )


def read(
    campaign: Campaign,
    metrics: str | os.PathLike,
    recommended: Iterable[str | os.PathLike],
    trust: Iterable[str | os.PathLike],
) -> list[Answer]:
    """The answers of a run from its products, the best emulated dataset first.

    Parameters
    ----------
    metrics : file of the judgement, in ``validation/`` of the results
    recommended : files of the recommended covariances, named after their emulated datasets
    trust : files of the cross-validations, ``trust-{dataset}.json``
    """
    folder = Path(metrics).parents[1]
    facts = collect(
        store.read_json(metrics),
        {dataset.name: dataset.input for dataset in campaign.by_role("emulated")},
        campaign.reference is not None,
        {Path(file).stem: covariance.read_evidence(file) for file in recommended},
        {Path(file).stem.removeprefix("trust-"): parts.read(file) for file in trust},
    )
    shape = f"n_maps, {len(campaign.components)}, {campaign.maps.n_pix:,}"
    return [answer(one, str(folder), shape, campaign.maps.frame) for one in facts]


def read_folder(campaign: Campaign, folder: str | os.PathLike) -> list[Answer]:
    """:func:`read` of all that a campaign's folder of results holds."""
    folder = Path(folder)
    return read(
        campaign,
        folder / "validation" / "metrics.json",
        sorted((folder / "recommended").glob("*.h5")),
        sorted((folder / "validation" / "parts").glob("trust-*.json")),
    )
