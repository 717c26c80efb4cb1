"""The answer of a run: known metrics in, sentences out."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fewtomany import config, covariance
from fewtomany.files import store
from fewtomany.validation import answer, parts
from fewtomany.validation.answer import faults, words
from fewtomany.validation.answer.facts import CHI2, CORRELATIONS, VARIANCES, Facts, Worth, collect
from fewtomany.validation.answer.faults import COVARIANCE, NON_GAUSSIAN, SPECTRUM


def entry(name, value, allowed=None, passed=None, dataset="emulated", **more):
    found = {"name": name, "dataset": dataset, "role": "emulated", "value": value}
    return found | {
        "title": name,
        "error": None,
        "allowed": allowed,
        "passed": passed,
        "sample": {"n_maps": 200, "n_inputs": 20},
        **more,
    }


def facts(*entries, evidence=None, trust=None, truth=False):
    evidence = {"weights": {"emulated": 0.2}} if evidence is None else evidence
    return Facts("emulated", "maps", 200, 20, truth, entries, evidence, trust or {})


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (Worth(31.4, 25.2, 40), "31 (25 to 40)"),
        (Worth(853, 297, None), "300 or more"),
        (Worth(None, 812, None), "810 or more"),
        (Worth(None), "more than can be told"),
        (Worth(630.1, 629.8, 630.4), "630"),
        (Worth(12, None, 20), "12 (20 or fewer)"),
        (Worth(5.0, None, 5.0), "5 or fewer"),
    ],
)
def test_a_number_of_simulations_in_words(number, expected):
    assert str(number) == expected


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (1.02, 0.03, "as it should be (1)"),
        (1.15, 0.11, "which so few cannot tell from 1"),
        (1.2, 0.03, "too little variance"),
        (0.8, 0.03, "too much variance"),
        (1.015, 0.001, "as it should be (1)"),
        (7.6e-6, 3e-6, "7.6e-06 ± 3e-06 in it, where 1 is right: it claims too much variance"),
        (7.6e-6, 3e-6, "they have 7.6e-06 times as much"),
    ],
)
def test_chi2_is_held_against_1_with_its_error(value, error, said):
    assert said in words.chi2_sentence(value, error)


@pytest.mark.parametrize(
    ("value", "allowed", "expected"),
    [
        (1.1, [0.9, 1.1], 1),
        (0.8, [0.9, 1.1], 2),
        (2.0, [None, 1.0], 2),
        (0.34, [0.68, None], 2),
        (None, [None, 1.0], math.inf),
        (-1, [0.5, None], math.inf),
    ],
)
def test_excess_is_1_at_the_end_of_the_range(value, allowed, expected):
    assert faults.excess(entry("kl", value, allowed)) == pytest.approx(expected)


def test_a_gain_is_counted_in_units_of_two_standard_errors():
    assert faults.excess(entry("trust:emulated", 0.0, [0.02, None])) == pytest.approx(2)
    assert faults.excess(entry("trust:emulated", -0.04, [0.02, None])) == pytest.approx(4)


def test_faults_are_sorted_by_what_they_matter_for_worst_first():
    found = faults.of_maps(
        [
            entry("correlation_slope", 0.5, [0.9, 1.1], False),
            entry("pixel_variance", 0.7, [0.9, 1.1], False),
            entry("residual:EE", 0.5, [None, 1.0], True),
            entry("scatter_ratio", 0.6, [0.9, 1.1], False),
            entry("minkowski:V1", 1.4, [None, 1.0], False),
            entry("scattering:S4", 2.2, [None, 1.0], False),
            entry("diversity:total:BB spectra", 0.5, [0.9, 1.1], False),
            entry("diversity:total:S2", 0.5, [0.9, 1.1], False),
            entry("parameter:claimed_over_scatter:r", 0.5, [0.9, 1.1], False),
        ],
        truth=True,
    )
    names = {purpose: [fault.name for fault in some] for purpose, some in found.items()}
    assert names == {
        COVARIANCE: ["correlation_slope", "pixel_variance"],
        SPECTRUM: ["diversity:total:BB spectra", "scatter_ratio"],
        NON_GAUSSIAN: ["diversity:total:S2", "scattering:S4", "minkowski:V1"],
    }
    assert found[COVARIANCE][0].text == "correlations between pixels are 0.5 of those of true maps"
    assert found[NON_GAUSSIAN][1].text.startswith("S4 scattering coefficients are off by up to 2.2")


def test_without_a_truth_no_sentence_speaks_of_one():
    every = [
        entry(name, 3.0, [0.9, 1.1], False) for kinds in faults.SENTENCES.values() for name in kinds
    ]
    found = faults.of_maps(every, truth=False)
    said = " ".join(fault.text for some in found.values() for fault in some)
    assert "true map" not in said


def test_every_judged_metric_of_maps_has_its_sentence():
    """A metric that is new has to say what it matters for."""
    from fewtomany.validation import entries

    of_no_maps = {"equivalent", "recommended", "parameter", "trust", "diversity", "descent"}
    of_no_maps |= {"control", "scattering_inside", "correlation_match", "recovery"}
    of_no_maps |= {"eigenvalue_worst", "correlation_rms"}  # shown, not judged
    kinds = {kind for group in entries.GROUPS.values() for kind in group} - of_no_maps
    assert [kind for kind in kinds if not faults.purposes_of(kind)] == []


def test_three_estimates_of_held_out_inputs_and_the_smallest_is_named():
    numbers = {
        "chi2": {"n_maps": None, "low": 800.0, "high": None},
        "variances": {"n_maps": 31.2, "low": 25.0, "high": 40.0},
        "correlations": {"n_maps": 150.0, "low": 100.0, "high": 220.0},
    }
    evidence = {
        "weights": {"emulated": 0.2},
        "held_out": {"chi2": {"value": 1.02, "error": 0.03}},
        "effective_number": numbers,
    }
    assert facts(evidence=evidence).numbers == {
        CHI2: Worth(None, 800.0),
        VARIANCES: Worth(31.2, 25.0, 40.0),
        CORRELATIONS: Worth(150.0, 100.0, 220.0),
    }
    found = answer.answer(facts(evidence=evidence), "results/mine")
    trust = found.sentences[1]
    assert "1.02 ± 0.03 in it, as it should be (1)" in trust
    assert (
        "Judged by held-out inputs it acts like this many simulations: 800 or more by χ², 31 (25 "
        "to 40) by pixel variances and 150 (100 to 220) by correlations. Where pixel variances "
        "matter, trust it as 31." in trust
    )
    assert "Trust it as you would about 31 simulations" in found.headline


def test_small_scales_of_emulated_maps_are_told_whatever_their_weight():
    evidence = {"weights": {"without-emulation": 1.0}, "small_scales": "emulated, neighbours"}
    found = answer.answer(facts(evidence=evidence), "r")
    assert "The small scales of the covariance are those of the emulated maps" in found.added
    assert "200 emulated maps" in found.uses[0].remark


def test_inflated_variances_are_told_with_what_to_divide_by():
    told = answer.answer(facts(evidence={"weights": {}, "inflation": 1.29}), "r").sentences[1]
    assert "its variances are 1.29 times those of the pixels" in told
    assert "Divide it by that number" in told
    told = answer.answer(facts(evidence={"weights": {}, "inflation": 1.0}), "r").sentences[1]
    assert "times those" not in told


def test_a_number_that_may_be_any_larger_one_is_a_bound():
    """The most likely one of an open range says little: it is not told, and no trust goes by it."""
    numbers = {
        "chi2": {"n_maps": 7477.0, "low": 1000.0, "high": None},
        "variances": {"n_maps": 90.0, "low": 31.0, "high": None},
    }
    evidence = {"weights": {"emulated": 0.2}, "effective_number": numbers}
    found = answer.answer(facts(evidence=evidence), "results/mine")
    trust = found.sentences[1]
    assert "1,000 or more by χ² and 31 or more by pixel variances. So few inputs cannot" in trust
    assert "Trust it as you would 31 or more simulations (pixel variances)." in found.headline
    numbers["correlations"] = {"n_maps": 500.0, "low": 300.0, "high": 900.0}
    found = answer.answer(facts(evidence=evidence), "results/mine")
    told = "about 500 simulations (correlations), and by pixel variances 31 or more."
    assert told in found.headline
    assert "Where correlations matter, trust it as 500." in found.sentences[1]


def test_a_number_below_all_that_were_tried_is_a_bound():
    """A covariance of another effect is not worth the fewest maps that it was held against."""
    metrics = [
        entry(f"recommended:equivalent:{distance}", value, interval=ends)
        for distance, value, ends in (("kl", 12.0, [9, 15]), ("variance_error", 5.0, [None, 5.0]))
    ]
    found = answer.answer(facts(*metrics, truth=True), "results/mine")
    assert "Trust it as you would 5 or fewer simulations (pixel variances)." in found.headline
    told = found.sentences[1]
    assert "12 (9 to 15) by χ² and 5 or fewer by pixel variances. Where pixel variances" in told
    assert "trust it as 5 or fewer." in told


def test_chi2_is_told_in_leading_modes_and_in_all_values_where_these_are_few():
    held = {"chi2": {"value": 1.68, "error": 0.08}, "all_values": {"value": 1.003, "error": 0.01}}
    evidence = {"weights": {}, "held_out": held, "n_directions": 50}
    told = answer.answer(facts(evidence=evidence), "results/mine").sentences[1]
    assert "a χ² of 1.68 ± 0.08 in its 50 leading modes, where 1 is right" in told
    assert "In all values it is 1.00 ± 0.01." in told


@pytest.mark.parametrize(
    ("modes", "whole", "said", "useless"),
    [
        ((0.92, 0.13), (47.3, 16.6), "47.30 ± 16.60: there it claims too little", True),
        ((0.92, 0.13), (0.2, 0.01), "0.20 ± 0.01: there it claims too much", True),
        ((0.92, 0.13), (1.2, 0.02), "1.20 ± 0.02: there it claims too little variance.", False),
        ((3.0, 0.1), (47.3, 16.6), "47.30 ± 16.60: there it claims too little variance.", False),
        ((0.92, 0.13), (9.1, 5.9), "9.10 ± 5.90.", False),
    ],
)
def test_a_covariance_that_is_right_in_leading_modes_alone_is_to_be_used_there(
    modes, whole, said, useless
):
    """The five lines take all values."""
    held = {
        n: dict(zip(("value", "error"), v, strict=True))
        for n, v in {"chi2": modes, "all_values": whole}.items()
    }
    found = answer.answer(facts(evidence={"weights": {}, "held_out": held}), "r")
    assert f"In all values it is {said}" in found.sentences[1]
    assert ("Work in leading modes" in found.sentences[1]) == useless
    assert ("Use it in its leading modes: in all values χ² is" in found.headline) == useless


@pytest.mark.parametrize("gain", [-0.17, -0.01, 0.2])
def test_a_simpler_covariance_that_is_better_is_told(gain):
    """By held-out inputs, against all rivals; one that is not clearly better is not told."""
    gains = {"diagonal": {"held_out": 0.0}, "recommended": {"held_out": gain, "error": 0.04}}
    trust = {"rival": "diagonal", "gains": gains, "n_directions": 25}
    found = answer.answer(facts(trust=trust), "results/mine")
    told = "held-out inputs like the inputs' covariance shrunk toward its diagonal better"
    assert (f"(In 25 directions {told}.)" in found.headline) == (gain == -0.17)
    assert (f"{told}, by 4 ± 1 nats a map." in found.sentences[1]) == (gain == -0.17)
    own = trust | {"rival": "without-emulation"}
    assert told not in answer.answer(facts(trust=own), "results/mine").sentences[1]


SHRUNK = "held-out inputs like the inputs' covariance shrunk toward its diagonal better"


@pytest.mark.parametrize(
    ("gain", "warned", "told"),
    [
        (-46.0, "", f"{SHRUNK}, by 4 ± 1 nats a map; in all values that one is worse, by 46 ± 5"),
        (2.0, f"({SHRUNK}; in all values they cannot tell.)", "4 ± 1 nats a map; in all values"),
        (12.0, f"(In all values {SHRUNK}.)", "4 ± 1 nats a map, and in all values, too, by 12 ± 5"),
    ],
)
def test_a_simpler_covariance_is_told_with_what_all_values_say_of_it(gain, warned, told):
    """Better in some directions: no alarm where all values say otherwise."""
    gains = {"diagonal": {"held_out": 0.0}, "recommended": {"held_out": -0.17, "error": 0.04}}
    every = {"diagonal": {"gain": gain, "error": 5.0}, "emulated": {"gain": 900.0, "error": 1.0}}
    trust = {"rival": "diagonal", "gains": gains, "n_directions": 25, "all_values": every}
    found = answer.answer(facts(trust=trust), "results/mine")
    assert warned.replace("(held", "(In 25 directions held") in found.headline
    assert ("better" in found.headline) == bool(warned)
    assert told in found.sentences[1]


def test_one_that_is_better_in_all_values_alone_is_told():
    gains = {"oas": {"held_out": 0.0}, "recommended": {"held_out": 0.1, "error": 0.04}}
    every = {"oas": {"gain": -9.0, "error": 1.0}, "isotropic": {"gain": 7.4, "error": 1.2}}
    trust = {"rival": "oas", "gains": gains, "n_directions": 25, "all_values": every}
    found = answer.answer(facts(trust=trust), "results/mine")
    told = "In all values held-out inputs like that of isotropic maps better"
    assert f"({told}.)" in found.headline
    assert f"{told}, by 7 ± 1 nats a map." in found.sentences[1]
    assert "OAS" not in found.sentences[1]


@pytest.mark.parametrize(
    ("alone", "passed", "told"),
    [
        (
            {"without-emulation": 10.0, "diagonal": 17.0},
            False,
            "(The best from the inputs alone, results/mine/symmetry/maps.h5, is nearer to the "
            "truth: 10 nats, not 13.4.)",
        ),
        (
            {"without-emulation": 12.8, "diagonal": 6.2},
            False,
            "(The inputs' covariance shrunk toward its diagonal is nearer to the truth: 6.2 nats, "
            "not 13.4.)",
        ),
        ({"without-emulation": 13.3}, True, ""),
    ],
)
def test_a_covariance_from_the_inputs_that_is_nearer_to_the_truth_is_told_first(
    alone, passed, told
):
    kl = entry("recommended:kl", 13.4, [None, min(alone.values())], passed)
    own = [entry(f"kl:{name}", value, dataset="maps") for name, value in alone.items()]
    own.append(entry("kl:raw", None, dataset="maps"))
    judgement = {"truth": "exact", "metrics": [kl, *own]}
    for one in own:
        one["role"] = "input"
    evidence = {"emulated": {"weights": {"emulated": 0.5}}}
    (found,) = collect(judgement, {"emulated": "maps"}, True, evidence, {})
    said = answer.answer(found, "results/mine").headline
    assert told in said
    assert ("nearer to the truth" in said) == bool(told)


def test_a_truth_counts_before_held_out_inputs():
    known = entry("recommended:equivalent:kl", 397.0, [10, None], True, interval=[390.0, 404.0])
    evidence = {
        "weights": {},
        "effective_number": {"chi2": {"n_maps": 50.0, "low": 30.0, "high": None}},
    }
    found = facts(known, evidence=evidence, truth=True)
    assert found.numbers == {CHI2: Worth(397.0, 390.0, 404.0)}
    assert "Judged by the truth" in answer.answer(found, "results/x").trust[0]


@pytest.mark.parametrize(
    ("weight", "added", "said"),
    [
        (0.0, None, "added nothing to the covariance: held-out inputs give it hardly any weight"),
        (
            0.3,
            {"gain": 0.05, "error": 0.01},
            "weight of 0.30 in the covariance and gains 1.2 ± 0.2 nats a held-out map over the "
            "best without emulation, in 25 leading directions",
        ),
        (0.1, {"gain": 0.01, "error": 0.02}, "added nothing that held-out inputs can see"),
        (
            0.1,
            {"gain": -0.1, "error": 0.02},
            "costs 2.5 ± 0.5 nats a held-out map in 25 leading directions, where the best without "
            "emulation, r/symmetry/",
        ),
    ],
)
def test_what_the_emulation_added(weight, added, said):
    trust = {"n_directions": 25, "added": added} if added else {}
    found = answer.answer(facts(evidence={"weights": {"emulated": weight}}, trust=trust), "r")
    assert said in found.added


def test_where_nothing_is_known_it_says_so():
    evidence = {"weights": {"without-emulation": 1.0, "emulated": 0.0}, "n_folds": 0}
    found = answer.answer(facts(evidence=evidence), "results/mine")
    assert "emulated maps" not in found.uses[0].remark
    assert found.trust[0].startswith("Nothing says how far to trust it")
    assert "nothing says what the emulated maps would add" in found.added


def test_a_covariance_that_nobody_judged_is_not_trusted_in_the_headline():
    found = answer.answer(facts(), "results/mine")
    assert found.headline == (
        "For a covariance use results/mine/recommended/emulated.h5. Nothing says how good it is."
    )


def test_which_file_for_what_follows_from_what_fails():
    fine = answer.answer(facts(), "results/mine")
    assert [(use.purpose, use.file) for use in fine.uses] == [
        (COVARIANCE, "results/mine/recommended/emulated.h5"),
        (SPECTRUM, "results/mine/datasets/emulated/"),
        (NON_GAUSSIAN, "results/mine/datasets/emulated/"),
    ]
    bad = answer.answer(
        facts(
            entry("scatter_ratio", 0.6, [0.9, 1.1], False),
            entry("scattering:S4", 2.2, [None, 1.0], False),
        ),
        "results/mine",
    )
    assert bad.uses[1].file == "results/mine/datasets/maps/"
    assert bad.uses[2].remark == "but not for S4, which fails."
    assert "results/mine/recommended/emulated.h5" in bad.sentences[0]


def test_a_large_fault_is_told_in_digits():
    wrong = faults.of_maps([entry("variance_error", 231.4, [None, 0.5], False)], True)
    assert "pixel variances are wrong by 230 rms; by 0.5" in wrong[COVARIANCE][0].text


@pytest.mark.parametrize(
    ("means", "scatters", "expected"),
    [
        (("S4", "S2"), ("S2", "S4"), "S4 and S2, nor for the scatter of S2 and S4, which fail."),
        (("S4",), ("S4",), "S4, nor for the scatter of S4, which fail."),
        ((), ("S2", "S4"), "the scatter of S2 and S4, which fails."),
        (("S4", "S2"), (), "S4 and S2, which fail."),
    ],
)
def test_a_statistic_is_named_once_by_its_mean_and_once_by_its_scatter(means, scatters, expected):
    """Not in one list, where S2 stood twice."""
    metrics = [
        entry(f"scattering:{name}", 2 + k, [None, 1.0], False) for k, name in enumerate(means[::-1])
    ]
    metrics += [
        entry(f"diversity:total:{name}", 0.5 + 0.1 * k, [0.9, 1.1], False)
        for k, name in enumerate(scatters)
    ]
    assert answer.answer(facts(*metrics), "r").uses[2].remark == f"but not for {expected}"


def test_the_five_lines_run_on_a_covariance_whose_inverse_is_known(tmp_path):
    path, n = tmp_path / "recommended.h5", 2 * 12
    content = covariance.of_matrix(np.zeros(n), 2 * np.eye(n), 30, "QU", 1, "recommended")
    covariance.write(path, content, {})
    names = {"maps": np.ones((3, 2, 12))}
    code = words.load_lines(str(path), "n_maps, 2, 12", "galactic")
    assert len(code.splitlines()) == 5
    exec(code, names)
    assert names["chi2"] == pytest.approx(np.full(3, n / 2))
    assert names["log_likelihood"] == pytest.approx(-0.5 * n * (0.5 + np.log(2)))


def test_a_plane_has_maps_and_no_covariance():
    found = answer.answer(Facts("emulated", "maps", 200, 20, False, (), None, {}), "results/plane")
    assert [use.purpose for use in found.uses] == [SPECTRUM, NON_GAUSSIAN]
    assert found.code == ""


def test_the_dataset_nearest_to_the_truth_comes_first():
    judgement = {
        "truth": "exact",
        "metrics": [
            entry("recommended:kl", 33.0, dataset="from-10"),
            entry("recommended:kl", 7.7, dataset="from-100"),
        ],
    }
    found = collect(judgement, {"from-10": "a", "from-100": "b"}, True, {}, {})
    assert [one.dataset for one in found] == ["from-100", "from-10"]


def test_the_answer_is_read_from_a_folder_of_results(tmp_path, one_day_content):
    """As the report has it from files and `make augment` from their folder."""
    campaign, folder = config.parse(one_day_content()), tmp_path / "one-day"
    metric = entry("scatter_ratio", 0.6, [0.9, 1.1], False, dataset="emulated-4")
    (folder / "validation" / "parts").mkdir(parents=True)
    (folder / "recommended").mkdir()
    store.write_json(
        folder / "validation" / "metrics.json",
        {"campaign": "one-day", "truth": "exact", "metrics": [metric]},
    )
    n = 2 * 12
    content = covariance.of_matrix(np.zeros(n), 2 * np.eye(n), 30, "QU", 1, "recommended")
    evidence = {"weights": {"emulated": 0.3}, "held_out": {"chi2": {"value": 1.3, "error": 0.04}}}
    content = replace(content, evidence=evidence)
    covariance.write(folder / "recommended" / "emulated-4.h5", content, {})
    added = {"gain": 0.05, "error": 0.01}
    trust = folder / "validation" / "parts" / "trust-emulated-4.json"
    parts.write(trust, [], {}, added=added, n_directions=25)
    (found,) = answer.read_folder(campaign, folder)
    assert found.dataset == "emulated-4"
    assert found.uses[0].file == f"{folder}/recommended/emulated-4.h5"
    assert found.uses[1].file == f"{folder}/datasets/input-4/"
    assert "1.30 ± 0.04" in found.sentences[1]
    assert "too little variance" in found.sentences[1]
    assert "gains 1.2 ± 0.2 nats" in found.sentences[2]
