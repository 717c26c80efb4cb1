"""The sentences of an answer: which file for what, how far to trust it, what was added."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fewtomany.config.statistics import STATISTICS
from fewtomany.validation.answer.facts import CHI2, WITHOUT, Facts, Worth
from fewtomany.validation.answer.faults import COVARIANCE, NON_GAUSSIAN, SPECTRUM, Fault

NOTABLE = 0.02
"""What variances differ by from those of the pixels where that is worth a sentence."""

SIGNIFICANT = 2.0
"""Standard errors that tell something."""

NEGLIGIBLE = 0.005
"""Weight below which an emulation is as good as left out."""

CLOSE = 0.02
"""How far from 1 a χ² may be, besides its errors, and count as right."""

SHARP = 0.05
"""Error of a χ² up to which it says something of the covariance."""

TINY = 0.1
"""χ² below which two decimals say too little."""

FAR = 1.5
"""How many times too large or small a χ² is that makes a likelihood useless."""

WORK_IN_MODES = "Work in leading modes (found.leading), or add the noise of your maps."

RIVALS = {
    "raw": "the inputs' own covariance",
    "ledoit-wolf": "the inputs' covariance shrunk toward the unit matrix (Ledoit–Wolf)",
    "oas": "the inputs' covariance shrunk toward the unit matrix (OAS)",
    "diagonal": "the inputs' covariance shrunk toward its diagonal",
    "nercome": "the inputs' covariance by NERCOME",
    "nonlinear": "the inputs' covariance by nonlinear shrinkage",
    "isotropic": "that of isotropic maps",
    "toward isotropic": "the inputs' covariance shrunk toward that of isotropic maps",
}
"""What covariances without emulation are called that held-out inputs may prefer."""

Wrong = Mapping[str, Sequence[Fault]]
"""What is wrong with the maps, by purpose, worst first."""


@dataclass(frozen=True)
class Use:
    """What to use for a purpose."""

    purpose: str
    file: str
    remark: str


def enumerate_words(words: Sequence[str]) -> str:
    """Words as a list in a sentence: "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def uses(facts: Facts, folder: str, wrong: Wrong) -> tuple[Use, ...]:
    """Which file of the results for what: the covariance first, where one is recommended."""
    maps, inputs = (f"{folder}/datasets/{name}/" for name in (facts.dataset, facts.inputs))
    found = [_of_spectra(maps, inputs, facts, wrong), _of_morphology(maps, facts, wrong)]
    if facts.evidence is not None:
        text = f"from {facts.n_inputs} inputs"
        if facts.weight is None or facts.weight >= NEGLIGIBLE or facts.emulated_small_scales:
            text += f" and {facts.n_maps:,} emulated maps"
        found.insert(0, Use(COVARIANCE, f"{folder}/recommended/{facts.dataset}.h5", f"{text}."))
    return tuple(found)


def _of_spectra(maps: str, inputs: str, facts: Facts, wrong: Wrong) -> Use:
    bad = wrong[SPECTRUM]
    if not bad:
        return Use(SPECTRUM, maps, f"{facts.n_maps:,} maps; nothing that is judged fails.")
    return Use(SPECTRUM, inputs, f"the inputs themselves: in emulated maps {bad[0].text}.")


def _of_morphology(maps: str, facts: Facts, wrong: Wrong) -> Use:
    names: dict[bool, dict[str, None]] = {False: {}, True: {}}
    for fault in wrong[NON_GAUSSIAN]:
        scatter, called = _called(fault.name)
        names[scatter][called] = None
    if not any(names.values()):
        return Use(NON_GAUSSIAN, maps, f"{facts.n_maps:,} maps; nothing that is judged fails.")
    means, scatters = (enumerate_words(list(some)) for some in names.values())
    told = [means] if means else []
    if scatters:
        told.append(f"the scatter of {scatters}")
    fail = "fails" if sum(map(len, names.values())) == 1 or not means else "fail"
    return Use(NON_GAUSSIAN, maps, f"but not for {', nor for '.join(told)}, which {fail}.")


def _called(name: str) -> tuple[bool, str]:
    """Whether a metric is of the scatter from map to map, and what its statistic is called.

    "minkowski:V1" is "V1", "distribution:Q" "values of Q".
    """
    kind, _, which = name.partition(":")
    if kind in STATISTICS:
        return False, STATISTICS[kind].called.format(which)
    if kind == "scattering_scatter":
        return True, "S1 to S4"
    return kind == "diversity", which.rpartition(":")[2]


def load_lines(file: str, shape: str, frame: str) -> str:
    """The five lines that load a recommended covariance and use it.

    Parameters
    ----------
    shape, frame : of whole maps, K, RING, COSMO
    """
    return "\n".join(
        [
            "from fewtomany import covariance  # export PYTHONPATH=scripts",
            f'found = covariance.load("{file}")',
            f"x = found.sky.restrict(maps).reshape(len(maps), -1)  # ({shape})",
            f"chi2 = (x * found.solve(x)).sum(axis=-1)  # K, RING, COSMO, {frame}",
            "log_likelihood = -0.5 * (chi2 + found.log_determinant())",
        ]
    )


def headline(facts: Facts, used: Sequence[Use]) -> str:
    """Which file to use and how far to trust it, in two sentences."""
    first = used[0]
    text = f"For {first.purpose} use {first.file}."
    if facts.evidence is None:
        return text
    if (warning := _nearer(facts, first.file) or _warning(facts)) is not None:
        text += f" ({warning}.)"
    if _only_in_modes(facts):
        text += (
            f" Use it in its leading modes: in all values χ² is {facts.chi2_of_all_values[0]:.2g}."
        )
    worst = _worst(facts.numbers)
    if worst is None:
        return f"{text} Nothing says how good it is."
    how, number = worst
    if number.open:
        return f"{text} Trust it as you would {number} simulations ({how})."
    about = "" if number.lowest else "about "
    text += f" Trust it as you would {about}{number.short} simulations ({how})"
    lower = [
        f"by {other} {bound}"
        for other, bound in facts.numbers.items()
        if bound.open and bound.low and bound.low < number.value
    ]
    return f"{text}{f', and {enumerate_words(lower)}' if lower else ''}."


def _nearer(facts: Facts, file: str) -> str | None:
    """That a covariance from the inputs alone is nearer to the truth than the recommended one."""
    if facts.nearer is None:
        return None
    name, nats, own = facts.nearer
    called = RIVALS.get(name, name)
    if name == WITHOUT:
        folder = file.rpartition("/recommended/")[0]
        called = f"the best from the inputs alone, {folder}/symmetry/{facts.inputs}.h5,"
    return f"{called[0].upper()}{called[1:]} is nearer to the truth: {nats:.3g} nats, not {own:.3g}"


def _better(facts: Facts) -> tuple[str, float, float] | None:
    """A simpler covariance that held-out inputs like better in some directions; None of none."""
    found = facts.lost
    return found if found is not None and _clear(*found[1:]) else None


def _better_in_all_values(facts: Facts) -> tuple[str, float, float] | None:
    """The same in all values."""
    clear = {name: found for name, found in facts.in_all_values.items() if _clear(*found)}
    name = max(clear, key=lambda name: clear[name][0], default=None)
    return (name, *clear[name]) if name else None


def _clear(gain: float, error: float) -> bool:
    return gain > SIGNIFICANT * error


def _warning(facts: Facts) -> str | None:
    """That a simpler covariance is better, unless it is worse in all values."""
    if (whole := _better_in_all_values(facts)) is not None:
        return f"In all values held-out inputs like {_called_rival(whole[0])} better"
    if (better := _better(facts)) is None:
        return None
    rival = better[0]
    where = f"In {facts.trust['n_directions']} directions"
    told = f"{where} held-out inputs like {_called_rival(rival)} better"
    if rival not in facts.in_all_values:
        return told
    gain, error = facts.in_all_values[rival]
    return None if _clear(-gain, error) else f"{told}; in all values they cannot tell"


def _preferred(facts: Facts) -> list[str]:
    """What held-out inputs prefer to the recommended covariance, in directions and all values."""
    better, whole = _better(facts), _better_in_all_values(facts)
    found = []
    if better is not None:
        name, gain, error = better
        text = (
            f"In {facts.trust['n_directions']} leading directions held-out inputs like "
            f"{_called_rival(name)} better, by {_with_error(gain, error)} nats a map"
        )
        if name in facts.in_all_values:
            gain, error = facts.in_all_values[name]
            told = f"{_with_error(abs(gain), error)} nats a map"
            if _clear(gain, error):
                text += f", and in all values, too, by {told}"
            elif _clear(-gain, error):
                text += f"; in all values that one is worse, by {told}"
            else:
                text += "; in all values they cannot tell"
        found.append(f"{text}.")
    if whole is not None and (better is None or better[0] != whole[0]):
        name, gain, error = whole
        found.append(
            f"In all values held-out inputs like {_called_rival(name)} better, by "
            f"{_with_error(gain, error)} nats a map."
        )
    return found


def _called_rival(name: str) -> str:
    return RIVALS.get(name, name)


def _with_error(value: float, error: float) -> str:
    """Both to the place of the first digit of the error: 46 ± 5, 2.7 ± 0.8."""
    if not 0 < error < math.inf:
        return f"{value:.2g}"
    digits = max(-math.floor(math.log10(float(f"{error:.0e}"))), 0)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _worst(numbers: Mapping[str, Worth]) -> tuple[str, Worth] | None:
    """The smallest of the numbers, and how it was counted; of bounds only where all are bounds."""
    known = {how: number for how, number in numbers.items() if not number.open}
    if known:
        return min(known.items(), key=lambda item: item[1].value)
    bounds = {how: number for how, number in numbers.items() if number.low}
    return min(bounds.items(), key=lambda item: item[1].low) if bounds else None


def trust(facts: Facts, wrong: Wrong) -> tuple[str, ...]:
    """How far to trust the recommended covariance, in sentences; on a plane the maps."""
    if facts.evidence is None:
        return (_of_maps(wrong),)
    sentences = []
    if facts.held_out_chi2 is not None:
        modes = facts.evidence.get("n_directions")
        where = f"its {modes} leading modes" if modes else "it"
        told = chi2_sentence(*facts.held_out_chi2, where)
        if facts.chi2_of_all_values is not None:
            told += f" {_of_all_values(facts)}"
        sentences.append(told)
    elif (found := facts.entry("trust:chi2_mean")) is not None and found["value"] is not None:
        alone = "the covariance of the emulated maps alone"
        sentences.append(chi2_sentence(found["value"], found["error"], alone))
    if facts.numbers:
        sentences.append(numbers_sentence(facts.numbers, facts.counted_by_truth))
    if abs(facts.inflation - 1) > NOTABLE:
        sentences.append(
            f"It is made to be inverted: its variances are {facts.inflation:.2f} times those of "
            "the pixels, under which held-out inputs are likeliest. Divide it by that number for "
            "weights and noise levels."
        )
    sentences += _preferred(facts)
    claimed, bias = (
        facts.value(f"parameter:{key}:r") for key in ("claimed_over_scatter", "bias_over_scatter")
    )
    if claimed is not None and bias is not None:
        sentences.append(
            f"In a likelihood of r it claims an error {claimed:.2f} times the true one and shifts "
            f"r by {bias:+.2f} of that."
        )
    nothing = "Nothing says how far to trust it: no truth is known and no input was held out."
    return tuple(sentences) or (nothing,)


def chi2_sentence(value: float, error: float, covariance: str = "it") -> str:
    """χ² of held-out inputs against 1, and what follows from it."""
    text = f"Held-out inputs have a χ² of {_reduced(value, error)} in {covariance}"
    if _right(value, error):
        told = "as it should be (1)" if error <= SHARP else "which so few cannot tell from 1"
        return f"{text}, {told}."
    much = "little" if value > 1 else "much"
    times = f"{value:.2f}" if value >= TINY else f"{value:.2g}"
    told = f"it claims too {much} variance, they have {times} times as much"
    return f"{text}, where 1 is right: {told}."


def _right(value: float, error: float) -> bool:
    """Whether a χ² is 1 as far as can be told."""
    return abs(value - 1) <= max(SIGNIFICANT * error, CLOSE)


def _of_all_values(facts: Facts) -> str:
    """χ² of held-out inputs in all values, beside that in leading modes."""
    value, error = facts.chi2_of_all_values
    text = f"In all values it is {_reduced(value, error)}"
    if _right(value, error):
        return f"{text}."
    text += f": there it claims too {'little' if value > 1 else 'much'} variance."
    return f"{text} {WORK_IN_MODES}" if _only_in_modes(facts) else text


def _only_in_modes(facts: Facts) -> bool:
    """Whether χ² is right in leading modes and far from right in all values."""
    whole = facts.chi2_of_all_values
    if whole is None or _right(*whole) or not _right(*facts.held_out_chi2):
        return False
    return not 1 / FAR < whole[0] < FAR


def _reduced(value: float, error: float) -> str:
    """χ² and its error, of which a small one is no 0.00."""
    return f"{value:.2f} ± {error:.2f}" if value >= TINY else f"{value:.2g} ± {error:.1g}"


def numbers_sentence(numbers: Mapping[str, Worth], truth: bool) -> str:
    """How many simulations the covariance acts like, and the smallest of them."""
    judge = "the truth" if truth else "held-out inputs"
    counted = enumerate_words([f"{number} by {how}" for how, number in numbers.items()])
    sentence = f"Judged by {judge} it acts like this many simulations: {counted}"
    worst = _worst(numbers)
    if worst is None or len(numbers) == 1:
        return f"{sentence}."
    how, number = worst
    if number.open:
        return f"{sentence}. So few inputs cannot tell it from the truth."
    matter = "matters" if how == CHI2 else "matter"
    return f"{sentence}. Where {how} {matter}, trust it as {number.short}."


def _of_maps(wrong: Wrong) -> str:
    worst = [some[0] for some in wrong.values() if some]
    if not worst:
        return "All that is judged of the maps passes."
    return f"Worst of all, {max(worst, key=lambda fault: fault.excess).text}."


def added(facts: Facts, folder: str) -> str:
    """What the emulation added to the covariance; ``folder`` is that of the results."""
    weight = facts.weight
    if facts.evidence is None:
        return "The maps are what it made: no covariance is recommended on a plane or a line."
    if facts.unjudged or weight is None:
        return (
            "No fold of the inputs was emulated (trust.datasets), so nothing says what the "
            "emulated maps would add: the covariance is the best one without emulation."
        )
    if facts.emulated_small_scales:
        text = (
            "The small scales of the covariance are those of the emulated maps, which have a "
            f"weight of {weight:.2f} on large ones{_gained(facts, folder)}."
        )
    elif weight < NEGLIGIBLE:
        text = (
            "The emulation added nothing to the covariance: held-out inputs give it hardly any "
            "weight."
        )
    else:
        text = (
            f"The emulation has a weight of {weight:.2f} in the covariance{_gained(facts, folder)}."
        )
    with_it, entry = facts.value("recommended:kl"), facts.entry("recommended:kl")
    if with_it is not None and entry["allowed"]:
        text += (
            f" In the truth's leading modes the recommended covariance is {with_it:.3g} nats from "
            f"it; the best from the inputs alone is {entry['allowed'][1]:.3g}."
        )
    return text


def _gained(facts: Facts, folder: str) -> str:
    """Its gain as the end of a sentence; empty where no input was held out."""
    if facts.added is None:
        return ""
    gain, error = facts.added
    told = f"{abs(gain):.2g} ± {error:.1g} nats a held-out map"
    where = f"in {facts.trust['n_directions']} leading directions"
    if gain > SIGNIFICANT * error:
        return f" and gains {told} over the best without emulation, {where}"
    if gain < -SIGNIFICANT * error:
        best = f"{folder}/symmetry/{facts.inputs}.h5"
        return f" and costs {told} {where}, where the best without emulation, {best}, is better"
    return (
        f" and added nothing that held-out inputs can see ({gain:+.2g} ± {error:.1g} nats a map "
        "over the best without emulation)"
    )
