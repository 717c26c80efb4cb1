"""The report: its first screen is the answer, in a browser of any width."""

import base64
import io
import json
import re
import shutil
import subprocess

import pytest
from PIL import Image

from fewtomany import config
from fewtomany.figures import report
from fewtomany.validation.answer import answer
from fewtomany.validation.answer.facts import Facts

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

MEASURE = """<script>
const box = name => { const r = document.querySelector(name).getBoundingClientRect();
                      return [r.left, r.top, r.right, r.bottom]; };
const colours = getComputedStyle(document.body);
const said = { width: document.documentElement.scrollWidth, inner: innerWidth,
  headline: box(".headline"), picture: box(".look img"), uses: box(".uses"),
  code: box(".answer pre"), trust: box(".words p"),
  paper: colours.backgroundColor, ink: colours.color };
const node = document.createElement("pre"); node.id = "measured";
node.textContent = JSON.stringify(said); document.body.append(node);
</script>"""
"""Where things are on the page (px) and their colours, as JSON at its end."""

NUMBER = {"n_maps": 31.2, "low": 25.0, "high": 40.0}

EVIDENCE = {
    "weights": {"without-emulation": 0.8, "emulated": 0.2},
    "held_out": {"chi2": {"value": 1.02, "error": 0.03}},
    "effective_number": {"chi2": NUMBER | {"n_maps": 853.0}, "variances": NUMBER},
}


@pytest.fixture
def page(one_day_content):
    """A report of one emulated dataset, of which one metric fails."""
    campaign = config.parse(one_day_content())
    entry = {
        "name": "scatter_ratio",
        "title": "median scatter of the spectra over the true one",
        "dataset": "emulated-3",
        "role": "emulated",
        "value": 0.6,
        "error": None,
        "unit": "1",
        "true_draws": None,
        "allowed": [0.9, 1.1],
        "source": "10%",
        "passed": False,
        "sample": {"n_maps": 20, "n_inputs": 3, "n_modes": 4, "chi2_maps": 0}
        | {"n_minkowski": 20, "n_reference": 0, "n_original": 0},
    }
    judgement = {
        "truth": None,
        "judged": 1,
        "passed": 0,
        "metrics": [entry],
        "provenance": {"code": "1", "python": "3.11", "written": "", "host": "", "packages": {}},
    }
    facts = Facts("emulated-3", "input-3", 20, 3, False, (entry,), EVIDENCE, {})
    found = answer(facts, "results/one-day", "n_maps, 2, 768", "galactic")
    data = io.BytesIO()
    Image.new("RGB", (1440, 480), "grey").save(data, format="png")
    picture = report.Picture(
        "maps", "Maps", "Side by side.", base64.b64encode(data.getvalue()).decode()
    )
    return report.render(campaign, judgement, [found], picture, [picture], [])


def test_the_answer_comes_before_the_metrics(page):
    words = [
        "For a covariance use results/one-day/recommended/emulated-3.h5.",
        "Trust it as you would about 31 simulations",
        "Which file for what",
        "found = covariance.load(",
        "Held-out inputs have a χ² of 1.02 ± 0.03",
        "weight of 0.20",
        "For a power spectrum:</b>",
        "All metrics",
        "0 of 1</b> judged metrics pass",
    ]
    text = page.replace("<wbr>", "")
    places = [text.find(word) for word in words]
    assert -1 not in places, [word for word, place in zip(words, places, strict=True) if place < 0]
    assert places == sorted(places)


def measured(page: str, folder, width: int, height: int, *options: str) -> dict:
    """What a headless Chromium makes of the page in a window of this size."""
    path = folder / "report.html"
    path.write_text(page.replace("</body>", MEASURE + "</body>"))
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-extensions"]
    command += [f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"]
    command += ["--no-first-run", "--disable-background-networking", "--hide-scrollbars"]
    done = subprocess.run(
        [*command, *options, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(re.search(r'<pre id="measured">(.*?)</pre>', done.stdout)[1])


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_the_first_screen_answers_in_a_browser(page, tmp_path):
    """Wide and light everything stands above the fold; on a telephone, dark, what to use does."""
    wide = measured(page, tmp_path, 1400, 900)
    assert wide["width"] <= wide["inner"]
    for part in ("headline", "picture", "uses", "code", "trust"):
        assert wide[part][3] < 900, part
    assert wide["uses"][2] < wide["picture"][0], "words and picture stand side by side"
    assert wide["paper"] == "rgb(255, 255, 255)"

    narrow = measured(page, tmp_path, 400, 900, "--blink-settings=preferredColorScheme=0")
    assert narrow["width"] <= narrow["inner"], "nothing is wider than the page"
    assert narrow["headline"][3] < narrow["picture"][1] < narrow["picture"][3] < 900
    assert narrow["picture"][3] < narrow["uses"][1], "words and picture stand in one column"
    assert sum(map(int, re.findall(r"\d+", narrow["paper"]))) < 150
    assert sum(map(int, re.findall(r"\d+", narrow["ink"]))) > 600
