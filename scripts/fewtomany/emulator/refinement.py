"""Emulation in two scales: a batch on the coarse sphere, then the regions of the fine one in turn.

The fine maps start as Gaussian maps with the inputs' spectra whose means over coarse pixels are the
coarse maps (:mod:`fewtomany.emulator.conditioned`). Then each region descends to the statistics of
the inputs inside it, while the others stand still: only its core moves, and only so that no mean
over a coarse pixel changes. A few sweeps over all regions lower the sum of their losses. Memory is
that of one region, and of the maps.
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
from fewtomany.emulator.descent import Batch, Sampler, Task
from fewtomany.emulator.model import Model
from fewtomany.emulator.refined import RefinedModel
from fewtomany.emulator.statistics import Phi

logger = logging.getLogger(__name__)


class Held(NamedTuple):
    """What does not move when a region descends.

    Attributes
    ----------
    free : tensor of shape (n_pix, 1, 1): 1 in the core, 0 in the margin; nested
    along : tensor of shape (n_coarse, n_children, F): the direction in which the mean of each
        coarse pixel changes, of unit length
    """

    free: tf.Tensor
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
        self._coarse = Sampler(model.coarse, campaign_seed, dataset, strategy)

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
        logger.info("%s: goes on from region %d", task.checkpoint.path, len(arrays["losses"]) + 1)
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
        """Where the fine maps of a batch start.

        Map k has the spectra of input k modulo their number (single-target: of the target).

        Parameters
        ----------
        coarse : array of shape (m, F, n_coarse): emulated maps of the coarse sphere

        Returns
        -------
        float32 array of shape (m, F, n_pix), RING, in the inputs' unit
        """
        size, n_inputs = len(coarse), len(self.model.arrays["cl"])
        maps = np.empty((*coarse.shape[:2], self.model.sky.n_pix), np.float32)
        around = self.model.blocks.means(self.model.mean)
        for place, values in enumerate(coarse):
            number = index * size + place
            source = target if self.strategy == "single-target" else number % n_inputs
            key = ("fine start", self.dataset, target, number)
            generator = seeds.generator(self.campaign_seed, *key)
            drawn = self.model.conditioning(source).draw(values - around, generator)
            maps[place] = drawn + self.model.mean
        return maps

    def _turn(self, task: Task, number: int, progress: Progress) -> Progress:
        """The same after one region's turn."""
        began = time.monotonic()
        model, refinement = self.model.region(number), self.model.settings.refinement
        dtype, n_steps = model.settings.dtype, refinement.n_steps
        pixels = model.sky.indices
        before = progress.maps[..., pixels].astype(np.float64)
        normalized = model.sky.to_nested((before - model.mean[None]) / model.deviation[None])
        weights = tf.constant(model.loss_weights(), dtype)
        state = lbfgs.start(tf.constant(normalized.reshape(1, -1), dtype), len(weights))
        operators, held = model.operators(), hold(model, self.model.blocks.coarse)
        random = seeds.generator(
            self.campaign_seed, "target", self.dataset, task.target, task.index
        )
        goal = tf.constant(model.target(self.strategy, task.target, random)[None], dtype)
        advance = _compiled(model.phi)
        record = np.empty((0, len(weights)))
        while len(record) <= n_steps:
            stop = min(len(record) - 1 + descent.CHUNK, n_steps)
            state, terms = advance(state, tf.constant([stop]), operators, weights, goal, held)
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
        after = model.sky.from_nested(state.x.numpy().reshape(normalized.shape).astype(np.float64))
        after = after * model.deviation + model.mean
        maps = progress.maps
        core = model.sky.core_pixels
        maps[..., core] = self._with_means(after[..., model.sky.core], core, progress.coarse)
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


def hold(model: Model, coarse: int) -> Held:
    """What stands still of a region's maps.

    A mean over a coarse pixel is a sum of normalized values times their deviations.
    """
    sky, dtype = model.sky, model.settings.dtype
    deviation = sky.to_nested(model.deviation)
    blocks = deviation.reshape(-1, (sky.nside // coarse) ** 2, deviation.shape[1])
    along = blocks / np.sqrt(np.sum(blocks**2, axis=1, keepdims=True))
    return Held(
        tf.constant(sky.to_nested(sky.core)[:, None, None], dtype),
        tf.constant(along, dtype),
    )


def project(held: Held, maps: tf.Tensor) -> tf.Tensor:
    """The part of changes of normalized maps (n_pix, m, F) that moves nothing held."""
    n_blocks, size, n_components = held.along.shape
    inside = tf.reshape(maps, (n_blocks, size, -1, n_components))
    along = held.along[:, :, None]
    inside -= along * tf.reduce_sum(along * inside, axis=1, keepdims=True)
    return held.free * tf.reshape(inside, maps.shape)


@functools.cache
def _compiled(phi: Phi):
    """The descent of a region, compiled once for every shape of one."""

    @tf.function(jit_compile=True, autograph=False)
    def advance(state, stop, operators, weights, goal, held):
        shape = (1, -1, phi.settings.batch_size, len(phi.components))

        def objective(x):
            maps = tf.reshape(x, shape)
            terms, gradient = descent.loss_and_gradient(phi, operators, weights, goal, maps)
            gradient = project(held, tf.reshape(gradient, maps.shape)[0])
            return terms, tf.reshape(gradient, x.shape)

        return lbfgs.advance(objective, state, stop, descent.CHUNK)

    return advance
