"""How well finished campaigns are emulated, a row of Markdown for each emulated dataset.

    python benchmarks/how_well.py results/*/validation/metrics.json

Kullback-Leibler divergence per mode of the emulated covariance, of the best covariance of the same
inputs without emulation, named, and of as many true maps; share of the scattering coefficients
within the scatter of one true map; largest |Δ| of the EE and BB spectra.
"""

import argparse
import json
import math
from pathlib import Path


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("metrics", nargs="+", type=Path, metavar="JSON")
    print("| campaign | dataset | KL per mode: emulated; best without; true maps | modes ", end="")
    print("| scattering within 1σ | largest Δ of EE, BB |\n|---|---|---|---|---|---|")
    for path in options.parse_args().metrics:
        content = json.loads(path.read_text())
        entries: dict[str, dict] = {}
        for entry in content["metrics"]:
            entries.setdefault(entry["dataset"], {})[entry["name"]] = entry
        emulated = (n for n, found in entries.items() if role(found) == "emulated")
        for name in emulated:
            print(f"| {content['campaign']} | {name} {row(entries, name)}")


def role(entries: dict[str, dict]) -> str:
    return next(iter(entries.values()))["role"]


def row(entries: dict[str, dict], name: str) -> str:
    """The numbers of an emulated dataset."""
    own = entries[name]
    source = own["kl"]["source"]  # "the best covariance from INPUT alone (MODEL) and ..."
    inputs = source.removeprefix("the best covariance from ").partition(" alone")[0]
    rivals = {
        key.partition(":")[2] or "raw": entry["value"]
        for key, entry in entries[inputs].items()
        if key.partition(":")[0] == "kl"
    }
    value = {key: math.inf if v is None else v for key, v in rivals.items()}
    best = min(value, key=value.get)
    n_modes = own["kl"]["sample"]["n_modes"]
    numbers = (own["kl"]["value"], value[best], own["kl"]["true_draws"])
    kl, without, draws = (math.inf if v is None else v / n_modes for v in numbers)
    of_true = f"{draws:.2g}" if draws > 0 else "–"  # the truth itself has no more maps
    spectra = ", ".join(f"{own[f'residual:{pair}']['value']:.2f}" for pair in ("EE", "BB"))
    return (
        f"| {kl:.2g}; {without:.2g} ({best}); {of_true} | {n_modes} "
        f"| {own['scattering_inside']['value']:.1%} | {spectra} |"
    )


if __name__ == "__main__":
    main()
