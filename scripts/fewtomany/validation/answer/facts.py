"""What a run says of an emulated dataset and of its recommended covariance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WITHOUT, EMULATED, RECOMMENDED = "without-emulation", "emulated", "recommended"
"""Covariances of a cross-validation that are no simpler ones."""

CHI2, VARIANCES, CORRELATIONS = "χ²", "pixel variances", "correlations"
"""The ways in which simulations are counted, as they are called."""

OF_EVIDENCE = {"chi2": CHI2, "variances": VARIANCES, "correlations": CORRELATIONS}
"""By their keys in the evidence of held-out inputs."""

OF_TRUTH = {"kl": CHI2, "variance_error": VARIANCES, "correlation_error": CORRELATIONS}
"""By the distance from the truth that counts the same."""


def count(value: float) -> str:
    """A number of simulations with two digits: 31, 850, 7,500."""
    if value < 1:
        return f"{value:.2g}"
    digits = max(len(str(int(value))) - 2, 0)
    return f"{round(value / 10**digits) * 10**digits:,}"


@dataclass(frozen=True)
class Worth:
    """How many simulations a covariance acts like.

    Attributes
    ----------
    value : None where it is more than can be told
    low, high : its range; None is open
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.open:
            return f"{count(self.low)} or more" if self.low else "more than can be told"
        if self.low and self.high:
            ends = count(self.low), count(self.high)
            same = ends == (count(self.value),) * 2
            return count(self.value) + ("" if same else f" ({ends[0]} to {ends[1]})")
        if self.high and not self.lowest:
            return f"{count(self.value)} ({count(self.high)} or fewer)"
        return self.short

    @property
    def short(self) -> str:
        """The number without its range."""
        return count(self.value) + (" or fewer" if self.lowest else "")

    @property
    def lowest(self) -> bool:
        """Whether it is the smallest number that was tried, and may be any smaller one."""
        return self.low is None and self.high is not None and self.high <= self.value

    @property
    def open(self) -> bool:
        """Whether it may be any larger number: then the most likely one says little."""
        return self.value is None or (self.low is not None and self.high is None)


@dataclass(frozen=True)
class Facts:
    """What a run says of one emulated dataset and of its recommended covariance.

    Attributes
    ----------
    dataset, inputs : its name, and that of the inputs it was made from
    n_maps, n_inputs : how many they are
    truth : whether its metrics are held against true maps; against the inputs otherwise
    entries : its metrics, as metrics.json holds them
    evidence : of its recommended covariance; None where there is none (a plane, a line)
    trust : numbers of its cross-validation; empty where nothing was held out
    alone : Kullback–Leibler divergence from the truth of the covariances from the inputs alone, by
        name; empty where no truth is known
    """

    dataset: str
    inputs: str
    n_maps: int
    n_inputs: int
    truth: bool
    entries: tuple[Mapping[str, Any], ...]
    evidence: Mapping[str, Any] | None
    trust: Mapping[str, Any]
    alone: Mapping[str, float] = field(default_factory=dict)

    def entry(self, name: str) -> Mapping[str, Any] | None:
        """A metric by its name."""
        return next((entry for entry in self.entries if entry["name"] == name), None)

    def value(self, name: str) -> float | None:
        """The value of a metric; None where there is none or it is infinite."""
        found = self.entry(name)
        return found["value"] if found else None

    @property
    def weight(self) -> float | None:
        """Weight of the emulation in the recommended covariance; None where nobody chose it."""
        evidence = self.evidence or {}
        if "weights" not in evidence:
            return None
        return sum(share for name, share in evidence["weights"].items() if name != WITHOUT)

    @property
    def unjudged(self) -> bool:
        """Whether no fold was emulated, so that the emulated maps have no part in it."""
        return (self.evidence or {}).get("n_folds") == 0

    @property
    def emulated_small_scales(self) -> bool:
        """Whether what the recommended covariance says of small scales is of emulated maps."""
        return (self.evidence or {}).get("small_scales", "").startswith(EMULATED)

    @property
    def inflation(self) -> float:
        """How many times those of the pixels the recommended covariance's variances are."""
        return (self.evidence or {}).get("inflation", 1.0)

    @property
    def held_out_chi2(self) -> tuple[float, float] | None:
        """Reduced χ² of held-out inputs under the recommended covariance, and its error."""
        held = (self.evidence or {}).get("held_out", {}).get("chi2") or {}
        return (held["value"], held["error"]) if held.get("value") is not None else None

    @property
    def chi2_of_all_values(self) -> tuple[float, float] | None:
        """The same in all values, where these are few; the other is in leading modes."""
        held = (self.evidence or {}).get("held_out", {}).get("all_values") or {}
        return (held["value"], held["error"]) if held.get("value") is not None else None

    @property
    def added(self) -> tuple[float, float] | None:
        """What the recommended covariance gains over the best without emulation, nats a map.

        With its standard error; None where nothing was held out.
        """
        added, n_directions = self.trust.get("added"), self.trust.get("n_directions")
        return (added["gain"] * n_directions, added["error"] * n_directions) if added else None

    @property
    def lost(self) -> tuple[str, float, float] | None:
        """What held-out inputs prefer to the recommended covariance, where they do.

        Its name, and by how many nats a map with the standard error. None where nothing was held
        out, or the best rival is the best covariance without emulation (:attr:`added` tells that).
        """
        gains, rival = self.trust.get("gains"), self.trust.get("rival")
        if not gains or rival == WITHOUT or RECOMMENDED not in gains:
            return None
        found, n_directions = gains["recommended"], self.trust["n_directions"]
        return rival, -found["held_out"] * n_directions, found["error"] * n_directions

    @property
    def in_all_values(self) -> dict[str, tuple[float, float]]:
        """What covariances without emulation gain over the recommended one in all values.

        By name, nats a map with the standard error; empty where values are many. Without the best
        one: :attr:`added` tells that.
        """
        found = self.trust.get("all_values") or {}
        own = (WITHOUT, EMULATED)
        return {n: (one["gain"], one["error"]) for n, one in found.items() if n not in own}

    @property
    def nearer(self) -> tuple[str, float, float] | None:
        """A covariance from the inputs alone that is nearer to the truth than the recommended one.

        Its name and the two divergences (nats); None where there is none beyond its error.
        """
        found = self.entry("recommended:kl")
        if found is None or found["passed"] is not False or not self.alone:
            return None
        name = min(self.alone, key=self.alone.get)
        own = math.inf if found["value"] is None else found["value"]
        return (name, self.alone[name], own) if self.alone[name] < own else None

    @property
    def numbers(self) -> dict[str, Worth]:
        """How many simulations the recommended covariance acts like, by the way of counting.

        A truth counts by distances from it (:attr:`counted_by_truth`), otherwise held-out
        inputs do; empty where neither is.
        """
        found = {}
        for distance, how in OF_TRUTH.items():
            entry = self.entry(f"recommended:equivalent:{distance}")
            if entry is not None and entry["value"] is not None:
                found[how] = Worth(entry["value"], *entry.get("interval", (None, None)))
        if found:
            return found
        numbers = (self.evidence or {}).get("effective_number", {})
        return {
            how: Worth(*(numbers[key][end] for end in ("n_maps", "low", "high")))
            for key, how in OF_EVIDENCE.items()
            if numbers.get(key)
        }

    @property
    def counted_by_truth(self) -> bool:
        """Whether :attr:`numbers` are distances from a truth."""
        return self.entry("recommended:equivalent:kl") is not None


def collect(
    judgement: Mapping[str, Any],
    inputs: Mapping[str, str],
    truth: bool,
    evidence: Mapping[str, Mapping[str, Any]],
    trust: Mapping[str, Mapping[str, Any]],
) -> list[Facts]:
    """The facts of every emulated dataset, the best one first (:func:`order`).

    Parameters
    ----------
    judgement : content of metrics.json
    inputs : name of the inputs of every emulated dataset
    truth : whether metrics are held against true maps
    evidence : of the recommended covariances by emulated dataset
    trust : numbers of the cross-validations by emulated dataset
    """
    found = []
    for name in order(judgement):
        entries = _entries_of(judgement, name)
        sizes = {key: _size(entries, key) for key in ("n_maps", "n_inputs")}
        known = {"evidence": evidence.get(name), "trust": trust.get(name, {})}
        known["alone"] = _alone(judgement, inputs[name])
        found.append(Facts(name, inputs[name], **sizes, truth=truth, entries=entries, **known))
    return found


def order(judgement: Mapping[str, Any]) -> list[str]:
    """The emulated datasets of metrics.json, the best first: from most inputs, nearest the truth.

    Where no truth is known they are taken as they come.
    """

    def rank(name: str) -> tuple[int, float]:
        entries = _entries_of(judgement, name)
        distance = [entry["value"] for entry in entries if entry["name"] == "recommended:kl"]
        known = distance[0] if distance and distance[0] is not None else math.inf
        return -_size(entries, "n_inputs"), known

    names = [entry["dataset"] for entry in judgement["metrics"] if entry["role"] == "emulated"]
    return sorted(dict.fromkeys(names), key=rank)


def _entries_of(judgement: Mapping[str, Any], dataset: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(entry for entry in judgement["metrics"] if entry["dataset"] == dataset)


def _alone(judgement: Mapping[str, Any], inputs: str) -> dict[str, float]:
    """Divergences from the truth of covariances from inputs alone; infinite ones are left out."""
    named = [entry for entry in _entries_of(judgement, inputs) if entry["name"].startswith("kl:")]
    found = {entry["name"].removeprefix("kl:"): entry["value"] for entry in named}
    return {name: value for name, value in found.items() if value is not None}


def _size(entries: tuple[Mapping[str, Any], ...], key: str) -> int:
    """A size of the samples; a cross-validation and a diversity count other maps."""
    own = [e for e in entries if not e["name"].startswith(("trust:", "diversity:", "descent:"))]
    return max((entry["sample"].get(key, 0) for entry in own or entries), default=0)
