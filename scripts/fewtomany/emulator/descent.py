"""Mean-field microcanonical descent of one batch (arXiv:2503.11643, Eqs. 3–5).

A batch of white-noise maps descends together until the mean of its statistics is
the target's. The objective is compiled once per process and serves every batch and
target; what differs enters as arguments.
"""

import functools
import time
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from fewtomany import seeds
from fewtomany.config import Emulator
from fewtomany.emulator import lbfgs
from fewtomany.emulator.model import Model, to_nested, to_ring
from fewtomany.emulator.statistics import STOKES, Operators, statistics

CHUNK = 50
"""Steps of one call of the compiled loop; between calls there is word of progress."""


@dataclass(frozen=True)
class Batch:
    """A finished batch.

    Attributes
    ----------
    maps : float32 array of shape (m, F, n_pix), RING, in the inputs' unit
    losses : array of shape (n_steps + 1, n_terms), or less at a plateau: the terms of
        the loss before the first and after every step
    evaluations : evaluations of the loss and its gradient
    seconds : wall-clock time
    """

    maps: np.ndarray
    losses: np.ndarray
    evaluations: int
    seconds: float


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

    def run(self, strategy: str, target: int, index: int, report=None) -> Batch:
        """Descend one batch.

        Parameters
        ----------
        strategy : "average-target" or "single-target"
        target, index : the batch's target and its number among that target's
        report : called with (steps taken, loss) now and then
        """
        settings, began = self.model.settings, time.monotonic()
        goal = tf.constant(self.model.target(strategy, target), settings.dtype)
        advance = _compiled(settings)
        x = self.start(target, index)
        state = lbfgs.start(tf.constant(x.ravel(), settings.dtype), len(self._weights))
        losses = []
        while int(state.step) < settings.n_steps and not bool(state.stalled):
            first = int(state.step)
            stop = tf.constant(min(first + CHUNK, settings.n_steps))
            state, record = advance(state, stop, self._operators, self._weights, goal)
            losses.append(record.numpy()[: int(state.step) - first])
            if report is not None:
                report(int(state.step), float(np.sum(losses[-1][-1:])))
            if is_flat(np.concatenate(losses), settings.plateau):
                break
        if not losses[0].size:
            raise FloatingPointError(
                f"{self.dataset}, target {target}, batch {index}: the loss of the starting maps "
                "is not finite"
            )
        maps = to_ring(state.x.numpy().reshape(x.shape).astype(np.float64))
        physical = maps * self.model.deviation + self.model.mean
        return Batch(
            maps=physical.astype(np.float32),
            losses=np.concatenate(losses),
            evaluations=int(state.evaluations),
            seconds=time.monotonic() - began,
        )


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
