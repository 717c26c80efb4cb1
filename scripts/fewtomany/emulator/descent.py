"""Mean-field microcanonical descent of one batch (arXiv:2503.11643, Eqs. 3–5).

A batch of white-noise maps descends together until the mean of its statistics is
the target's. The objective is compiled once per process and serves every batch and
target; what differs enters as arguments.
"""

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fewtomany import seeds
from fewtomany.config import Emulator
from fewtomany.emulator import lbfgs
from fewtomany.emulator.archive import Checkpoint
from fewtomany.emulator.model import Model, to_nested, to_ring
from fewtomany.emulator.statistics import STOKES, Operators, statistics

CHUNK = 50
"""Steps of one call of the compiled loop, at most; a plateau is looked for after each."""

CHECKPOINT_SECONDS = 120
"""Between two checkpoints; a call of the loop takes no longer either."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """A finished batch.

    Attributes
    ----------
    maps : float32 array of shape (m, F, n_pix), RING, in the inputs' unit
    losses : array of shape (n_steps + 1, n_terms), or less at a plateau: the terms of
        the loss before the first and after every step
    evaluations : evaluations of the loss and its gradient
    seconds : wall-clock time, of every process that descended
    ending : "steps" (all taken), "plateau" or "stalled" (no descent was left)
    """

    maps: np.ndarray
    losses: np.ndarray
    evaluations: int
    seconds: float
    ending: str


class Sampler:
    """The compiled descent of one model, for any number of batches.

    Parameters
    ----------
    model : the model
    campaign_seed, dataset : with a batch's target and index, they fix its start
    """

    def __init__(self, model: Model, campaign_seed: int, dataset: str):
        self.model, self.campaign_seed, self.dataset = model, campaign_seed, dataset
        self._operators = model.operators()
        self._weights = tf.constant(model.loss_weights(), model.settings.dtype)

    def start(self, target: int, index: int) -> np.ndarray:
        """White noise of a batch, shape (n_pix, m, F), NESTED."""
        shape = (self.model.settings.batch_size, len(STOKES), self.model.mean.shape[1])
        random = seeds.generator(self.campaign_seed, "start", self.dataset, target, index)
        return to_nested(random.standard_normal(shape))

    def run(
        self,
        strategy: str,
        target: int,
        index: int,
        report: Callable[[int, float], None] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Batch:
        """Descend one batch.

        Parameters
        ----------
        strategy : "average-target" or "single-target"
        target, index : the batch's target and its number among that target's
        report : called with (steps taken, loss) now and then
        checkpoint : where to go on from, and where to keep the state now and then
        """
        settings = self.model.settings
        goal = tf.constant(self.model.target(strategy, target), settings.dtype)
        advance = _compiled(settings)
        progress = _resume(checkpoint) if checkpoint else None
        progress = progress or self._begin(self.start(target, index))
        saved, pace = time.monotonic(), np.inf
        while (ending := progress.ending(settings)) is None:
            began, first = time.monotonic(), int(progress.state.step)
            stop = min(next_stop(first, pace), settings.n_steps)
            state, record = advance(
                progress.state, tf.constant(stop), self._operators, self._weights, goal
            )
            taken = int(state.step) - first
            seconds = time.monotonic() - began
            pace = seconds / max(taken, 1)
            progress = _Progress(
                state,
                np.concatenate([progress.losses, record.numpy()[:taken]]),
                progress.seconds + seconds,
            )
            if report is not None:
                report(int(state.step), float(np.sum(progress.losses[-1:])))
            if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                checkpoint.write(progress.arrays())
                saved = time.monotonic()
        if not progress.losses.size:
            raise FloatingPointError(
                f"{self.dataset}, target {target}, batch {index}: the loss of the starting maps "
                "is not finite"
            )
        return self._finish(progress, ending)

    def _begin(self, x: np.ndarray) -> "_Progress":
        n_terms, dtype = len(self._weights), self.model.settings.dtype
        state = lbfgs.start(tf.constant(x.ravel(), dtype), n_terms)
        return _Progress(state, np.empty((0, n_terms), dtype), 0.0)

    def _finish(self, progress: "_Progress", ending: str) -> Batch:
        shape = (self.model.mean.shape[1], self.model.settings.batch_size, len(STOKES))
        maps = to_ring(progress.state.x.numpy().reshape(shape).astype(np.float64))
        physical = maps * self.model.deviation + self.model.mean
        return Batch(
            maps=physical.astype(np.float32),
            losses=progress.losses,
            evaluations=int(progress.state.evaluations),
            seconds=progress.seconds,
            ending=ending,
        )


class _Progress(NamedTuple):
    """A descent on its way.

    Attributes
    ----------
    state : of the minimizer
    losses : array of shape (n_steps + 1, n_terms), after the steps taken so far
    seconds : spent so far
    """

    state: lbfgs.State
    losses: np.ndarray
    seconds: float

    def ending(self, settings: Emulator) -> str | None:
        """Why the descent is over; None if it is not."""
        if int(self.state.step) >= settings.n_steps:
            return "steps"
        if bool(self.state.stalled):
            return "stalled"
        whole_chunks = len(self.losses) % CHUNK == 0
        return "plateau" if whole_chunks and is_flat(self.losses, settings.plateau) else None

    def arrays(self) -> dict[str, np.ndarray]:
        """As arrays by name."""
        state = {name: value.numpy() for name, value in self.state._asdict().items()}
        return {**state, "losses": self.losses, "seconds": np.array(self.seconds)}


def _resume(checkpoint: Checkpoint) -> _Progress | None:
    """The descent that a checkpoint holds; None if it holds none."""
    arrays = checkpoint.read(*lbfgs.State._fields, "losses", "seconds")
    if arrays is None:
        return None
    state = lbfgs.State(**{name: tf.constant(arrays[name]) for name in lbfgs.State._fields})
    logger.info("%s: goes on from step %d", checkpoint.path, int(state.step))
    return _Progress(state, arrays["losses"], float(arrays["seconds"]))


def next_stop(step: int, pace: float) -> int:
    """Step at which the compiled loop next comes back.

    At the next multiple of :data:`CHUNK` losses, or before, where a step takes ``pace``
    seconds and these would be more than :data:`CHECKPOINT_SECONDS`. The steps taken are the
    same wherever it comes back.
    """
    whole = CHUNK - (step + 1) % CHUNK
    return step + min(whole, max(int(CHECKPOINT_SECONDS / pace), 1))


def is_flat(losses: np.ndarray, plateau: float) -> bool:
    """Whether the last :data:`CHUNK` steps lowered the loss by less than a fraction of it.

    Parameters
    ----------
    losses : array of shape (n_steps + 1, n_terms)
    """
    total = losses.sum(axis=1)
    return len(total) > CHUNK and total[-1 - CHUNK] - total[-1] < plateau * total[-1 - CHUNK]


@functools.cache
def _compiled(settings: Emulator):
    """The descent by up to :data:`CHUNK` steps, compiled once for all batches."""

    @tf.function(jit_compile=True, autograph=False)
    def advance(state, stop, operators, weights, goal):
        n_pix, _, n_components = operators.mean.shape

        def objective(x):
            maps = tf.reshape(x, (n_pix, settings.batch_size, n_components))
            return loss_and_gradient(settings, operators, weights, goal, maps)

        return lbfgs.advance(objective, state, stop, CHUNK)

    return advance


def loss_and_gradient(
    settings: Emulator, operators: Operators, weights: tf.Tensor, goal: tf.Tensor, maps: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Terms of the loss (n_terms,) and the gradient of their sum, flat."""
    with tf.GradientTape() as tape:
        tape.watch(maps)
        deviation = statistics(settings, operators, maps) - goal
        terms = tf.linalg.matvec(weights, deviation**2)
        loss = tf.reduce_sum(terms)
    return terms, tf.reshape(tape.gradient(loss, maps), [-1])
