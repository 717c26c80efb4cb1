"""Emulate a texture on a plane and a stream of noise on a line: inputs, numbers and pictures.

    python benchmarks/flat.py plane line --folder build/flat

Each example writes its inputs and emulated maps as ``.npy`` and a figure, and prints a table:
the values' moments, and how far the statistics of the emulated maps and of Gaussian maps of
the same spectrum are from those of the inputs, in the scatter of single true maps.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

SEED = 2025


@dataclass(frozen=True)
class Example:
    """Shape and edges of the maps, how many inputs, and the emulator's settings."""

    shape: tuple[int, ...]
    periodic: bool
    n_inputs: int
    emulator: dict


SETTINGS = {
    "first_scale": 0,
    "kernel_size": 3,
    "orientation": "none",
    "spectra": True,
    "stripe_zones": 0,
    "scatter": False,
    "l1": "moduli",
    "normalization": "global",
    "mean": "inputs",
    "ddof": 0,
    "tolerance": 0.0,
    "dtype": "float64",
}

EXAMPLES = {
    "plane": Example(
        (64, 64),
        True,
        1,
        SETTINGS | {"n_scales": 4, "n_orientations": 4, "batch_size": 4, "n_steps": 1000},
    ),
    "line": Example(
        (4096,),
        False,
        10,
        SETTINGS | {"n_scales": 9, "n_orientations": 1, "batch_size": 4, "n_steps": 500},
    ),
}


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("examples", nargs="+", choices=EXAMPLES, help="which ones")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "flat")
    parser.add_argument("--n-true", type=int, default=64, help="true maps that give the scatter")
    return parser


def main(arguments: argparse.Namespace) -> None:
    from fewtomany.emulator import device

    device.configure()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.examples:
        run(name, EXAMPLES[name], arguments.folder, arguments.n_true)


def true_maps(example: Example, n_maps: int) -> np.ndarray:
    """Maps of an example, (n_maps, 1, n_pix); a line is half of a periodic stream."""
    from fewtomany import seeds
    from fewtomany.maps import textures

    maps = []
    for number in range(n_maps):
        random = seeds.generator(SEED, "texture", len(example.shape), number)
        if len(example.shape) == 2:
            maps.append(textures.filaments(example.shape, random).ravel())
        else:
            n = example.shape[0]
            maps.append(textures.intermittent(2 * n, random)[:n])
    return np.array(maps)[:, None]


def run(name: str, example: Example, folder: Path, n_true: int) -> None:
    """Emulate an example from its inputs, print the table and draw the figure."""
    from measures import lattices as measured
    from measures import pictures as figure

    from fewtomany import config, seeds
    from fewtomany.emulator import descent, model
    from fewtomany.figures import style
    from fewtomany.files.store import MapSet
    from fewtomany.maps.components import Components
    from fewtomany.maps.flat import Flat
    from fewtomany.scattering import fourier

    flat, components = Flat(example.shape, example.periodic), Components("T")
    settings = config.Emulator(**example.emulator)
    path = folder / f"{name}.npy"
    np.save(path, true_maps(example, example.n_inputs).reshape(-1, *example.shape))
    inputs = np.load(path).reshape(example.n_inputs, 1, -1)
    began = time.process_time()
    prepared = model.prepare(MapSet(inputs, "T", name, sky=flat), settings)
    learnt = time.process_time()
    sampler = descent.Sampler(prepared, SEED, name, "average-target")
    (batch,) = sampler.run([descent.Task(0, 0)])
    done = time.process_time()
    losses = batch.losses.sum(axis=1)
    np.save(folder / f"{name}-emulated.npy", batch.maps.reshape(-1, *example.shape))
    print(
        f"{name}: {prepared.of_inputs.shape[1]} statistics, loss {losses[0]:.3g} to "
        f"{losses[-1]:.3g} in {len(losses) - 1} steps ({batch.ending}), factor "
        f"{losses[0] / losses[-1]:.3g}; CPU {learnt - began:.0f} s to learn, "
        f"{done - learnt:.0f} s to descend",
        flush=True,
    )
    random = seeds.generator(SEED, "gaussian", name)
    sets = {
        "input": inputs,
        "emulated": batch.maps.astype(np.float64),
        "gaussian": fourier.gaussian_like(flat, inputs, random, 16) + inputs.mean(),
        "true": true_maps(example, n_true + example.n_inputs)[example.n_inputs :],
    }
    frames = {
        key: measured.coefficients(flat, components, maps, settings) for key, maps in sets.items()
    }
    spectra = {key: measured.spectra(flat, components, maps)[:, 0] for key, maps in sets.items()}
    print("| maps | deviation | skewness | kurtosis | spectra | S1 | S2 | S3 | S4 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for key, maps in sets.items():
        moments = measured.moments(maps)
        row = [f"{value:.2f}" for value in moments.values()]
        row.append(_distance(spectra, key))
        row += [
            _distance({k: frame.loc[kind].to_numpy().T for k, frame in frames.items()}, key)
            for kind in ("S1", "S2", "S3", "S4")
        ]
        print(f"| {key} ({len(maps)}) | {' | '.join(row)} |", flush=True)
    arrays = {
        "edges": measured.EDGES,
        "wave_numbers": flat.wave_numbers,
        "statistics": np.array([key[0] for key in frames["input"].index]),
    }
    for key in ("input", "emulated", "gaussian"):
        arrays |= {
            f"{key}/map": flat.image(sets[key])[0, 0],
            f"{key}/distribution": measured.distribution(sets[key]),
            f"{key}/spectrum": spectra[key].mean(axis=0),
            f"{key}/coefficients": np.abs(frames[key].to_numpy().mean(axis=1)),
        }
    print(f"largest correlation with an input, whatever the shift: {_likeness(example, sets)}")
    np.savez(folder / f"{name}.npz", **arrays)
    style.save(figure.draw(arrays), folder / f"{name}.png", figure.TITLE, name)


def _likeness(example: Example, sets: dict[str, np.ndarray]) -> str:
    """Largest circular correlation of maps of each set with the inputs, and of other true maps."""
    axes = tuple(range(-len(example.shape), 0))
    waves = {}
    for key, maps in sets.items():
        pictures = maps.reshape(-1, *example.shape)
        pictures = pictures - pictures.mean(axis=axes, keepdims=True)
        pictures /= pictures.std(axis=axes, keepdims=True)
        waves[key] = np.fft.fftn(pictures, axes=axes)
    size = np.prod(example.shape)
    found = {
        key: max(
            np.fft.ifftn(waves[key] * one.conj(), axes=axes).real.max() / size
            for one in waves["input"]
        )
        for key in ("emulated", "gaussian", "true")
    }
    return ", ".join(f"{key} {value:.2f}" for key, value in found.items())


def _distance(values: dict[str, np.ndarray], key: str) -> str:
    """Rms of the difference of mean values from the inputs', in the scatter of true maps."""
    scatter = np.sqrt(np.mean(np.abs(values["true"] - values["true"].mean(axis=0)) ** 2, axis=0))
    used = scatter > 1e-9 * scatter.max()
    difference = np.abs(values[key].mean(axis=0) - values["input"].mean(axis=0))
    return f"{np.sqrt(np.mean((difference[used] / scatter[used]) ** 2)):.3f}"


if __name__ == "__main__":
    main(get_parser().parse_args())
