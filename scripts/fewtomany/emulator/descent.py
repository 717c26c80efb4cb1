"""Mean-field microcanonical descent of batches (arXiv:2503.11643, Eqs. 3–5).

A batch of random maps descends together until the mean of its statistics is
the target's. Components that are given stay as they are. Several batches may descend side
by side in one program, to fill a GPU. The program is compiled once per process for each
number of them and serves every batch and target; what differs enters as arguments.
"""

import functools
import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fewtomany import seeds
from fewtomany.config.campaign import Emulator
from fewtomany.config.versions import GIVEN_VERSION
from fewtomany.emulator import lbfgs
from fewtomany.emulator.archive import Checkpoint
from fewtomany.emulator.model import ScatteringModel
from fewtomany.emulator.regression import N_DRAWS, Regression
from fewtomany.emulator.statistics import Phi

CHUNK = 50
"""Steps of one call of the compiled loop, at most."""

CHECKPOINT_SECONDS = 120
"""Between two checkpoints; a call of the loop takes no longer either."""

N_FOLLOWING, N_FREE = 8, 16
"""Batches of Gaussian draws that tell what given maps change: of each batch, and of none."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """A batch to make: its target, its number among that target's, and where its state is kept.

    It goes on from what ``checkpoint`` holds, and leaves its state there now and then.
    """

    target: int
    index: int
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True)
class Batch:
    """A finished batch.

    Attributes
    ----------
    maps : float32 array of shape (m, F, n_pix), in the order and unit of the inputs
    losses : array of shape (n_steps + 1, n_terms), or less where the loss is small
        enough: the terms of the loss before the first and after every step
    evaluations : evaluations of the loss and its gradient
    seconds : wall-clock time, of every process that descended; of batches that descended side
        by side, each its share
    ending : "steps" (all taken), "near" (the loss is as small as is wanted) or "stalled" (no
        descent was left)
    """

    maps: np.ndarray
    losses: np.ndarray
    evaluations: int
    seconds: float
    ending: str


@dataclass(frozen=True)
class Given:
    """Components whose maps are given: conditional sampling.

    Map k of target 0 has the components of given map k modulo their number; they are the same to
    the bit at the end, and the others are drawn with the cross statistics of the inputs.

    Attributes
    ----------
    places : of the given components
    maps : array of shape (n_given, len(places), n_pix), in the order and unit of the inputs
    """

    places: tuple[int, ...]
    maps: np.ndarray

    def of_batch(self, index: int, size: int) -> np.ndarray:
        """The given components of a batch, (size, len(places), n_pix)."""
        return self.maps[(index * size + np.arange(size)) % len(self.maps)]

    def digest(self) -> str:
        """Hexadecimal digest of what is given."""
        facts = hashlib.sha256(json.dumps([GIVEN_VERSION, self.places]).encode())
        facts.update(np.ascontiguousarray(self.maps).tobytes())
        return facts.hexdigest()[:32]


class Sampler:
    """The compiled descent of one model, for any number of batches.

    Parameters
    ----------
    model : the model
    campaign_seed, dataset : with a batch's target and index, they fix its start
    strategy : "average-target", "drawn-target" or "single-target"
    given : components that are given; none by default
    """

    def __init__(
        self,
        model: ScatteringModel,
        campaign_seed: int,
        dataset: str,
        strategy: str,
        given: Given | None = None,
    ):
        self.model, self.campaign_seed, self.dataset = model, campaign_seed, dataset
        self.strategy, self.given = strategy, given
        self._operators = model.operators()
        self._weights = tf.constant(model.loss_weights(), model.settings.dtype)

    def start(self, target: int, index: int) -> np.ndarray:
        """Where a batch starts, normalized, shape (n_pix, m, F), nested."""
        model = self.model
        maps = model.start(self.campaign_seed, self.dataset, target, index)
        if self.given is not None:
            maps = self._following(maps, index)
        return model.sky.to_nested(maps)

    def _following(self, maps: np.ndarray, index: int) -> np.ndarray:
        """Draws (m, F, n_pix) with the given components of a batch, which the others follow."""
        model, places = self.model, list(self.given.places)
        given = self.given.of_batch(index, len(maps)) - model.mean[places]
        given /= model.deviation[places]
        if self._regression is not None:
            others = np.delete(np.arange(maps.shape[1]), places)
            maps[:, others] += self._regression(given - maps[:, places])
        maps[:, places] = given
        return maps

    @functools.cached_property
    def _regression(self) -> Regression | None:
        """What lets a start follow the given channels; a white one knows of none."""
        model = self.model
        if model.settings.start == "white":
            return None
        n_starts = -(-N_DRAWS // model.settings.batch_size)
        draws = np.concatenate([self._draws("given", 0, number) for number in range(n_starts)])
        return Regression(draws, model.components, self.given.places, model.sky)

    def goal(self, target: int, index: int) -> np.ndarray:
        """What the mean statistics of a batch shall be, (n_statistics,).

        Those of the inputs, or of some. Where maps are given it is what these are in the mean of
        maps that have the given ones: by so much the batch's own given maps change the mean
        statistics of Gaussian draws. A few inputs have just the variance that normalizes them,
        new maps have more, N/(N - 2) of it.
        """
        random = seeds.generator(self.campaign_seed, "target", self.dataset, target, index)
        goal = self.model.target(self.strategy, target, random)
        if self.given is None or self._regression is None:
            return goal
        draws = (self._draws("goal", index, number) for number in range(N_FOLLOWING))
        following = [self._statistics(self._following(maps, index)) for maps in draws]
        return goal + np.mean(following, axis=0) - self._of_draws

    @functools.cached_property
    def _of_draws(self) -> np.ndarray:
        """Mean statistics of draws of the start that know of no given maps, (n_statistics,)."""
        draws = (self._draws("free", 0, number) for number in range(N_FREE))
        return np.mean([self._statistics(maps) for maps in draws], axis=0)

    def _draws(self, purpose: str, target: int, index: int) -> np.ndarray:
        """Draws of the start that are no batch's, normalized, (m, F, n_pix), RING."""
        return self.model.start(self.campaign_seed, f"{self.dataset} {purpose}", target, index)

    def _statistics(self, maps: np.ndarray) -> np.ndarray:
        """Mean statistics of normalized maps (m, F, n_pix), RING: (n_statistics,)."""
        model = self.model
        nested = tf.constant(model.sky.to_nested(maps), model.settings.dtype)
        return model.phi.evaluate(self._operators, nested)[0].numpy().astype(np.float64)

    def run(
        self,
        tasks: Sequence[Task],
        report: Callable[[int, int, float], None] | None = None,
    ) -> list[Batch]:
        """Descend batches side by side.

        Parameters
        ----------
        report : called with (number of the task, steps taken, loss) now and then
        """
        settings = self.model.settings
        goals = np.stack([self.goal(task.target, task.index) for task in tasks])
        goals = tf.constant(goals, settings.dtype)
        advance = _compiled(self.model.phi, self.given.places if self.given else ())
        begun = [self._begin(task) for task in tasks]
        lanes = [lane for lane, _ in begun]
        state = lbfgs.State(*map(tf.stack, zip(*(own for _, own in begun), strict=True)))
        floor = tf.constant(self.model.floor(self.strategy), settings.dtype)
        saved, pace = time.monotonic(), np.inf
        while not all(endings := [lane.ending(settings) for lane in lanes]):
            began = time.monotonic()
            stops = [
                lane.step if ending else min(next_stop(lane.step, pace), settings.n_steps)
                for lane, ending in zip(lanes, endings, strict=True)
            ]
            state, record = advance(
                state, tf.constant(stops), floor, self._operators, self._weights, goals
            )
            steps, stalled = state.step.numpy().tolist(), state.stalled.numpy().tolist()
            near = [step < stop for step, stop in zip(steps, stops, strict=True)]
            seconds = time.monotonic() - began
            taken = [step - lane.step for step, lane in zip(steps, lanes, strict=True)]
            pace = seconds / max(1, *taken)
            lanes = [
                lane.after(*facts, seconds / len(lanes))
                for lane, *facts in zip(lanes, steps, stalled, near, record.numpy(), strict=True)
            ]
            for number, lane in enumerate(lanes if report else []):
                report(number, lane.step, float(np.sum(lane.losses[-1:])))
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                for number, (task, lane) in enumerate(zip(tasks, lanes, strict=True)):
                    if task.checkpoint is not None:
                        task.checkpoint.write(lane.arrays(state, number))
                saved = time.monotonic()
        points = state.x.numpy()
        evaluations = state.evaluations.numpy().tolist()
        return [
            self._finish(*each)
            for each in zip(tasks, lanes, endings, points, evaluations, strict=True)
        ]

    def _begin(self, task: Task) -> tuple["_Lane", lbfgs.State]:
        found = _resume(task.checkpoint) if task.checkpoint else None
        if found is not None:
            return found
        n_terms, dtype = len(self._weights), self.model.settings.dtype
        x = tf.constant(self.start(task.target, task.index).reshape(1, -1), dtype)
        state = lbfgs.State(*(part[0] for part in lbfgs.start(x, n_terms)))
        return _Lane(-1, False, False, np.empty((0, n_terms), dtype), 0.0), state

    def _finish(
        self, task: Task, lane: "_Lane", ending: str, x: np.ndarray, evaluations: int
    ) -> Batch:
        if not lane.losses.size:
            raise FloatingPointError(
                f"{self.dataset}, target {task.target}, batch {task.index}: the loss of the "
                "starting maps is not finite"
            )
        n_components, n_pix = self.model.mean.shape
        shape = (n_pix, self.model.settings.batch_size, n_components)
        maps = self.model.sky.from_nested(x.reshape(shape).astype(np.float64))
        physical = (maps * self.model.deviation + self.model.mean).astype(np.float32)
        if self.given is not None:
            given = self.given.of_batch(task.index, len(physical))
            physical[:, list(self.given.places)] = given
        return Batch(physical, lane.losses, evaluations, lane.seconds, ending)


class _Lane(NamedTuple):
    """The descent of one batch on its way; its point is in the minimizer's state.

    Attributes
    ----------
    step, stalled : as in the minimizer's state
    near : whether the loss is as small as is wanted, so that it took no more steps
    losses : array of shape (step + 1, n_terms)
    seconds : spent so far
    """

    step: int
    stalled: bool
    near: bool
    losses: np.ndarray
    seconds: float

    def after(
        self, step: int, stalled: bool, near: bool, record: np.ndarray, seconds: float
    ) -> "_Lane":
        """The same at a later step; the record begins with the losses since."""
        losses = np.concatenate([self.losses, record[: step - self.step]])
        return _Lane(step, stalled, self.near or near, losses, self.seconds + seconds)

    def ending(self, settings: Emulator) -> str | None:
        """Why the descent is over; None if it is not."""
        if self.step >= settings.n_steps:
            return "steps"
        if self.stalled:
            return "stalled"
        return "near" if self.near else None

    def arrays(self, state: lbfgs.State, number: int) -> dict[str, np.ndarray]:
        """With its part of the minimizer's state, as arrays by name."""
        own = {name: value[number].numpy() for name, value in state._asdict().items()}
        return {**own, "losses": self.losses, "seconds": np.array(self.seconds)}


def _resume(checkpoint: Checkpoint) -> tuple[_Lane, lbfgs.State] | None:
    """The descent that a checkpoint holds; None if it holds none."""
    arrays = checkpoint.read(*lbfgs.State._fields, "losses", "seconds")
    if arrays is None:
        return None
    state = lbfgs.State(**{name: tf.constant(arrays[name]) for name in lbfgs.State._fields})
    step, stalled = int(state.step), bool(state.stalled)
    logger.info("%s: goes on from step %d", checkpoint.path, step)
    return _Lane(step, stalled, False, arrays["losses"], float(arrays["seconds"])), state


def next_stop(step: int, pace: float) -> int:
    """Step at which the compiled loop next comes back.

    At the next multiple of :data:`CHUNK` losses, or before, where a step takes ``pace``
    seconds and these would be more than :data:`CHECKPOINT_SECONDS`. The steps taken are the
    same wherever it comes back.
    """
    whole = CHUNK - (step + 1) % CHUNK
    return step + min(whole, max(int(CHECKPOINT_SECONDS / pace), 1))


@functools.cache
def _compiled(phi: Phi, fixed: tuple[int, ...]):
    """The descent by up to :data:`CHUNK` steps, compiled once for each number of batches.

    Components that are fixed have no gradient, so that nothing moves them.
    """
    free = np.ones(len(phi.components))
    free[list(fixed)] = 0

    @tf.function(jit_compile=True, autograph=False)
    def advance(state, stop, floor, operators, weights, goals):
        shape = (-1, phi.settings.batch_size, len(phi.components))

        def objective(x):
            maps = tf.reshape(x, (x.shape[0], *shape))
            terms, gradient = loss_and_gradient(phi, operators, weights, goals, maps)
            if fixed:
                gradient = tf.reshape(gradient, maps.shape) * tf.constant(free, gradient.dtype)
                gradient = tf.reshape(gradient, x.shape)
            return terms, gradient

        return lbfgs.advance(objective, state, stop, CHUNK, floor)

    return advance


def loss_and_gradient(
    phi: Phi, operators: tuple, weights: tf.Tensor, goals: tf.Tensor, maps: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Terms of each batch's loss and the gradient of their sum.

    Parameters
    ----------
    goals : tensor of shape (n_batches, n_statistics)
    maps : tensor of shape (n_batches, n_pix, m, F), nested, normalized

    Returns
    -------
    tensors of shape (n_batches, n_terms) and (n_batches, n_pix · m · F)
    """
    n_batches, n_pix, _, n_components = maps.shape
    with tf.GradientTape() as tape:
        tape.watch(maps)
        together = tf.reshape(tf.transpose(maps, (1, 0, 2, 3)), (n_pix, -1, n_components))
        deviation = phi.evaluate(operators, together, n_batches) - goals
        terms = tf.matmul(deviation**2, weights, transpose_b=True)
        loss = tf.reduce_sum(terms)
    return terms, tf.reshape(tape.gradient(loss, maps), (n_batches, -1))
