"""Emulation in two scales: a batch on the coarse sphere, then the regions of the fine one in turn.

Gaussian maps with the inputs' spectra are drawn on the fine sphere; their means start the descent
of the coarse maps. What these become is given back to the fine maps, as the most likely change
(:mod:`fewtomany.emulator.conditioned`). Then each region descends to the statistics of the inputs
inside it while the others stand still. Both its steps and its statistics are weighed by its share
of each pixel, which falls smoothly in the margin, so that no edge is left; and it moves only so
that no mean over a coarse pixel changes. A few sweeps over all regions lower the sum of their
losses. Memory is that of one region, and of the maps.
"""

import functools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fewtomany import seeds
from fewtomany.emulator import descent, lbfgs
from fewtomany.emulator.archive import Checkpoint
from fewtomany.emulator.conditioned import Conditioning
from fewtomany.emulator.descent import Batch, Sampler, Task
from fewtomany.emulator.model import ScatteringModel
from fewtomany.emulator.refined import RefinedModel
from fewtomany.emulator.statistics import Phi

logger = logging.getLogger(__name__)


class Motion(NamedTuple):
    """How a region moves: its normalized maps are ``base`` and the taper times the variables.

    Attributes
    ----------
    base : tensor of shape (n_pix, m, F), nested: the maps before
    taper : tensor of shape (n_pix, 1, 1), nested: root of the region's share, so that steps are
        weighed by the share, as the statistics are
    along : tensor of shape (n_coarse, n_children, F): the direction of the variables in which the
        mean of each coarse pixel changes, of unit length
    """

    base: tf.Tensor
    taper: tf.Tensor
    along: tf.Tensor


class Progress(NamedTuple):
    """A batch on its way.

    Attributes
    ----------
    maps : float32 array (m, F, n_pix), RING, in the inputs' unit
    coarse : float64 array (m, F, n_coarse): means over coarse pixels
    losses : array (turns taken, n_steps + 1, n_terms): of the region whose turn it was, before and
        after its steps
    evaluations, seconds : so far, arrays of no dimension
    """

    maps: np.ndarray
    coarse: np.ndarray
    losses: np.ndarray
    evaluations: np.ndarray
    seconds: np.ndarray


class CoarseSampler(Sampler):
    """The descent on the coarse sphere, from the means of Gaussian maps of the fine one.

    So the coarse maps start with all the power that the fine field has in their pixels, beyond
    their own multipoles too.
    """

    def __init__(self, model: RefinedModel, campaign_seed: int, dataset: str, strategy: str):
        super().__init__(model.coarse, campaign_seed, dataset, strategy)
        self._refined = model

    def free(self, target: int, number: int) -> tuple[Conditioning, np.ndarray]:
        """The Gaussian field of map ``number`` of a target and its draw.

        Map k has the spectra of input k modulo their number (single-target: of the target).
        """
        n_inputs = len(self._refined.arrays["cl"])
        source = target if self.strategy == "single-target" else number % n_inputs
        field = self._refined.conditioning(source)
        key = ("start", self.dataset, target, number)
        return field, field.draw(seeds.generator(self.campaign_seed, *key))

    def start(self, target: int, index: int) -> np.ndarray:
        size, blocks = self.model.settings.batch_size, self._refined.blocks
        numbers = range(index * size, (index + 1) * size)
        maps = np.array([blocks.means(self.free(target, number)[1]) for number in numbers])
        return self.model.sky.to_nested(maps / self.model.deviation)


class Refiner:
    """Batches of one dataset in two scales.

    Parameters
    ----------
    model : the model
    campaign_seed, dataset : with a batch's target and index, they fix its start
    strategy : "average-target", "drawn-target" or "single-target"
    """

    def __init__(self, model: RefinedModel, campaign_seed: int, dataset: str, strategy: str):
        self.model, self.campaign_seed, self.dataset = model, campaign_seed, dataset
        self.strategy = strategy
        self._coarse = CoarseSampler(model, campaign_seed, dataset, strategy)

    def run(
        self,
        tasks: Sequence[Task],
        report: Callable[[int, int, float], None] | None = None,
    ) -> list[Batch]:
        """Make batches one after the other.

        Parameters
        ----------
        report : called with (number of the task, steps taken, loss) on the coarse sphere
        """
        return [self._batch(task, number, report) for number, task in enumerate(tasks)]

    def _batch(self, task: Task, number: int, report) -> Batch:
        progress = self._resume(task)
        if progress is None:
            progress = self._begin(task, number, report)
        n_regions, sweeps = self.model.n_regions, self.model.settings.refinement.sweeps
        saved = time.monotonic()
        for turn in range(len(progress.losses), sweeps * n_regions):
            progress = self._turn(task, turn % n_regions, progress)
            first, last = progress.losses[-1].sum(axis=1)[[0, -1]]
            logger.info(
                "sweep %d of %d, region %d of %d: loss %.3g to %.3g",
                *(turn // n_regions + 1, sweeps, turn % n_regions + 1, n_regions, first, last),
            )
            if task.checkpoint is not None and (
                time.monotonic() - saved > descent.CHECKPOINT_SECONDS
            ):
                task.checkpoint.write(progress._asdict())
                saved = time.monotonic()
        if task.checkpoint is not None:
            _of_coarse(task.checkpoint).remove()
        losses = progress.losses.reshape(sweeps, n_regions, *progress.losses.shape[1:]).sum(axis=1)
        losses = losses.reshape(-1, losses.shape[-1])
        return Batch(
            *(progress.maps, losses, int(progress.evaluations), float(progress.seconds), "steps")
        )

    def _resume(self, task: Task) -> Progress | None:
        """What a checkpoint holds; None if there is none."""
        if task.checkpoint is None or not task.checkpoint.path.exists():
            return None
        arrays = task.checkpoint.read(*Progress._fields)
        if arrays is None:
            return None
        logger.info("%s: goes on from turn %d", task.checkpoint.path, len(arrays["losses"]) + 1)
        return Progress(**arrays)

    def _begin(self, task: Task, number: int, report) -> Progress:
        checkpoint = task.checkpoint and _of_coarse(task.checkpoint)
        own = None if report is None else lambda _, step, loss: report(number, step, loss)
        made = self._coarse.run([replace(task, checkpoint=checkpoint)], own)[0]
        began = time.monotonic()
        coarse = made.maps.astype(np.float64)
        maps = self.start(coarse, task.target, task.index)
        n_terms = len(self.model.region(0).phi.term_names)
        shape = (0, self.model.settings.refinement.n_steps + 1, n_terms)
        seconds = made.seconds + time.monotonic() - began
        return Progress(
            *(maps, coarse, np.empty(shape)),
            *(np.array(made.evaluations), np.array(seconds)),
        )

    def start(self, coarse: np.ndarray, target: int, index: int) -> np.ndarray:
        """Where the fine maps of a batch start: the draws that the coarse ones started from,
        with what these have become.

        Parameters
        ----------
        coarse : array of shape (m, F, n_coarse): emulated maps of the coarse sphere

        Returns
        -------
        float32 array of shape (m, F, n_pix), RING, in the inputs' unit
        """
        maps = np.empty((*coarse.shape[:2], self.model.sky.n_pix), np.float32)
        around = self.model.blocks.means(self.model.mean)
        for place, values in enumerate(coarse):
            field, free = self._coarse.free(target, index * len(coarse) + place)
            maps[place] = field.conditioned(free, values - around) + self.model.mean
        return maps

    def _turn(self, task: Task, number: int, progress: Progress) -> Progress:
        """The same after one region's turn."""
        began = time.monotonic()
        model, refinement = self.model.region(number), self.model.settings.refinement
        dtype, n_steps = model.settings.dtype, refinement.n_steps
        pixels = model.sky.indices
        before = progress.maps[..., pixels].astype(np.float64)
        normalized = (before - model.mean) / model.deviation
        moving = motion(model, normalized, self.model.blocks.coarse)
        weights = tf.constant(model.loss_weights(), dtype)
        state = lbfgs.start(tf.zeros((1, normalized.size), dtype), len(weights))
        operators = model.operators()
        random = seeds.generator(
            self.campaign_seed, "target", self.dataset, task.target, task.index
        )
        goal = tf.constant(model.target(self.strategy, task.target, random)[None], dtype)
        advance = _compiled(model.phi)
        record = np.empty((0, len(weights)))
        while len(record) <= n_steps:
            stop = min(len(record) - 1 + descent.CHUNK, n_steps)
            state, terms = advance(state, tf.constant([stop]), operators, weights, goal, moving)
            taken = int(state.step[0]) + 1 - len(record)
            record = np.concatenate([record, terms.numpy()[0, :taken]])
            if bool(state.stalled[0]):
                break
        if not record.size:
            raise FloatingPointError(
                f"{self.dataset}, target {task.target}, batch {task.index}: the loss of region "
                f"{number} is not finite before its first step"
            )
        rest = np.repeat(record[-1:], n_steps + 1 - len(record), axis=0)
        moved = state.x.numpy().reshape(moving.base.shape) * moving.taper.numpy()
        after = before + model.sky.from_nested(moved.astype(np.float64)) * model.deviation
        maps = progress.maps
        maps[..., pixels] = self._with_means(after, pixels, progress.coarse)
        return Progress(
            maps,
            progress.coarse,
            np.concatenate([progress.losses, np.concatenate([record, rest])[None]]),
            progress.evaluations + int(state.evaluations[0]),
            progress.seconds + time.monotonic() - began,
        )

    def _with_means(self, values: np.ndarray, pixels: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """Values (m, F, n) of some whole coarse pixels, with the coarse map's means again.

        The descent keeps them up to its own rounding.
        """
        parents = self.model.blocks.parents[pixels]
        inside, place = np.unique(parents, return_inverse=True)
        order = np.argsort(place, kind="stable")
        means = values[..., order].reshape(*values.shape[:2], len(inside), -1).mean(axis=-1)
        return values + (coarse[..., inside] - means)[..., place]


def _of_coarse(checkpoint: Checkpoint) -> Checkpoint:
    """Where the descent on the coarse sphere keeps its state."""
    return replace(checkpoint, path=checkpoint.path.with_suffix(".coarse.h5"))


def motion(model: ScatteringModel, normalized: np.ndarray, coarse: int) -> Motion:
    """How a region moves around normalized maps (m, F, n_pix), in the order of files.

    A mean over a coarse pixel is a sum of changes times their deviations.
    """
    sky, dtype = model.sky, model.settings.dtype
    taper = np.sqrt(sky.to_nested(sky.share))[:, None]
    effect = taper * model.nested[1]
    blocks = effect.reshape(-1, (sky.nside // coarse) ** 2, effect.shape[1])
    length = np.sqrt(np.sum(blocks**2, axis=1, keepdims=True))
    return Motion(
        tf.constant(sky.to_nested(normalized), dtype),
        tf.constant(taper[:, None], dtype),
        tf.constant(blocks / np.where(length > 0, length, 1), dtype),
    )


def project(moving: Motion, variables: tf.Tensor) -> tf.Tensor:
    """The part of variables (n_pix, m, F) that changes no mean over a coarse pixel."""
    n_blocks, size, n_components = moving.along.shape
    inside = tf.reshape(variables, (n_blocks, size, -1, n_components))
    along = moving.along[:, :, None]
    inside -= along * tf.reduce_sum(along * inside, axis=1, keepdims=True)
    return tf.reshape(inside, variables.shape)


@functools.cache
def _compiled(phi: Phi):
    """The descent of a region, compiled once for every shape of one."""

    @tf.function(jit_compile=True, autograph=False)
    def advance(state, stop, operators, weights, goal, moving):
        def objective(x):
            variables = tf.reshape(x, moving.base.shape)
            maps = (moving.base + moving.taper * variables)[None]
            terms, gradient = descent.loss_and_gradient(phi, operators, weights, goal, maps)
            gradient = moving.taper * tf.reshape(gradient, variables.shape)
            return terms, tf.reshape(project(moving, gradient), x.shape)

        return lbfgs.advance(objective, state, stop, descent.CHUNK)

    return advance
