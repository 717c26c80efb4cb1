"""L-BFGS that stays on the device: one compiled loop, one evaluation per turn.

Any number of descents, the lanes, go on together: what one evaluation of a batch of maps
leaves idle on a large device, others fill. Each lane steps, retries and ends by itself.

The two-loop recursion (Nocedal & Wright 2006, Algorithm 7.4) is written in the
inner products of the history. They are kept from step to step, as is the history, whose
oldest entry makes room for the newest: a step reads the history once for the
products with what is new and once for the direction. The step length obeys the weak Wolfe
conditions by bracketing and bisection; the first trial, 1, is nearly always taken.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

SUFFICIENT_DECREASE = 1e-4
CURVATURE = 0.9
MAX_TRIALS = 20


class State(NamedTuple):
    """Everything that b lanes need to go on.

    Attributes
    ----------
    x, gradient, direction : (b, n): the point, the gradient there, the search direction
    terms : (b, n_terms): the terms of the loss at x; their sum is the loss
    history : (b, 2h, n): changes of x, then of the gradient; step i's are in rows i and h + i,
        mod h
    products : (b, 2h, 2h): inner products of the history; where they are zero it is forgotten
    step : (b,) int32, steps taken; -1 before the first evaluation
    evaluations : (b,) int32, evaluations of the loss
    length, low, high : (b,): trial step length and its bracket
    trials : (b,) int32, trials of this line search; past :data:`MAX_TRIALS` it restarts
        from the gradient, and twice in a row means that no descent is left
    stalled : (b,) bool, no descent is left at this precision
    """

    x: tf.Tensor
    gradient: tf.Tensor
    direction: tf.Tensor
    terms: tf.Tensor
    history: tf.Tensor
    products: tf.Tensor
    step: tf.Tensor
    evaluations: tf.Tensor
    length: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor
    trials: tf.Tensor
    stalled: tf.Tensor


Objective = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""x (b, n) to the terms of each lane's loss (b, n_terms) and the gradient of their sum (b, n)."""


def start(x: tf.Tensor, n_terms: int, history: int = 10) -> State:
    """State of lanes at x (b, n) before they are evaluated: the first turn "steps" to x itself."""
    lanes, n = x.shape
    return State(
        x=x,
        gradient=tf.zeros_like(x),
        direction=tf.zeros_like(x),
        terms=tf.fill((lanes, n_terms), tf.constant(np.inf, x.dtype)),
        history=tf.zeros((lanes, 2 * history, n), x.dtype),
        products=tf.zeros((lanes, 2 * history, 2 * history), x.dtype),
        step=tf.fill((lanes,), -1),
        evaluations=tf.zeros((lanes,), tf.int32),
        length=tf.ones((lanes,), x.dtype),
        low=tf.zeros((lanes,), x.dtype),
        high=tf.fill((lanes,), tf.constant(np.inf, x.dtype)),
        trials=tf.zeros((lanes,), tf.int32),
        stalled=tf.fill((lanes,), False),
    )


def advance(
    objective: Objective,
    state: State,
    stop: tf.Tensor,
    n_record: int,
    floor: tf.Tensor | float = -np.inf,
) -> tuple[State, tf.Tensor]:
    """Descend until every lane has taken its ``stop`` steps in all, or has no descent left.

    Parameters
    ----------
    stop : (b,) int32, at most ``state.step + n_record``
    floor : a lane whose loss is no larger goes no farther

    Returns
    -------
    the state there, and the terms after each of these steps, shape (b, n_record,
    n_terms), zero where none was taken
    """
    first = state.step
    rows = tf.range(n_record)

    def active(state):
        far = tf.reduce_sum(state.terms, axis=1) > floor
        return (state.step < stop) & ~state.stalled & far

    def turn(state, record):
        after = _turn(objective, state, active(state))
        taken = (rows == (after.step - first - 1)[:, None]) & (after.step > state.step)[:, None]
        return after, tf.where(taken[..., None], after.terms[:, None], record)

    lanes, n_terms = state.terms.shape
    record = tf.zeros((lanes, n_record, n_terms), state.terms.dtype)
    return tf.while_loop(lambda state, record: tf.reduce_any(active(state)), turn, (state, record))


def _turn(objective: Objective, state: State, active: tf.Tensor) -> State:
    """One evaluation: every active lane takes its step, or narrows its bracket."""
    x = state.x + state.length[:, None] * state.direction
    terms, gradient = objective(x)
    slope = _dot(state.gradient, state.direction)
    loss, trial = tf.reduce_sum(state.terms, axis=1), tf.reduce_sum(terms, axis=1)
    decreased = trial <= loss + SUFFICIENT_DECREASE * state.length * slope
    too_long = ~(decreased & tf.math.is_finite(_dot(gradient, gradient)))
    too_short = _dot(gradient, state.direction) < CURVATURE * slope
    one = tf.cast(active, tf.int32)
    state = state._replace(evaluations=state.evaluations + one, trials=state.trials + one)
    accepted = active & ~(too_long | too_short)
    forgotten = active & ~accepted & (state.trials >= MAX_TRIALS)
    state = _narrow(state, active & ~accepted, too_long)
    state = _step(state, accepted, x, terms, gradient)
    return _renew(state, accepted, forgotten)


def _narrow(state: State, rejected: tf.Tensor, too_long: tf.Tensor) -> State:
    """Another trial of the lanes whose step was rejected."""
    high = tf.where(rejected & too_long, state.length, state.high)
    low = tf.where(rejected & ~too_long, state.length, state.low)
    middle = tf.where(tf.math.is_finite(high), (low + high) / 2, 2 * low)
    return state._replace(length=tf.where(rejected, middle, state.length), low=low, high=high)


def _step(
    state: State, accepted: tf.Tensor, x: tf.Tensor, terms: tf.Tensor, gradient: tf.Tensor
) -> State:
    """The lanes whose step was accepted move, and keep it in their history."""
    lanes, size = state.history.shape[0], state.history.shape[1] // 2
    rows = tf.math.floormod(state.step + 1, size)
    places = tf.stack([rows, size + rows], axis=1)
    where = tf.stack([tf.tile(tf.range(lanes)[:, None], (1, 2)), places], axis=-1)
    mine = accepted[:, None]
    new = tf.stack([x - state.x, gradient - state.gradient], axis=1)
    new = tf.where(mine[..., None], new, tf.gather_nd(state.history, where))
    history = tf.tensor_scatter_nd_update(state.history, where, new)
    found = tf.matmul(new, history, transpose_b=True)
    found = tf.where(mine[..., None], found, tf.gather_nd(state.products, where))
    products = tf.tensor_scatter_nd_update(state.products, where, found)
    products = tf.linalg.matrix_transpose(products)
    return state._replace(
        x=tf.where(mine, x, state.x),
        gradient=tf.where(mine, gradient, state.gradient),
        terms=tf.where(mine, terms, state.terms),
        history=history,
        products=tf.tensor_scatter_nd_update(products, where, found),
        step=state.step + tf.cast(accepted, tf.int32),
    )


def _renew(state: State, accepted: tf.Tensor, forgotten: tf.Tensor) -> State:
    """A new line search: of lanes that moved, and of lanes that found no step and forget.

    A lane that had nothing to forget is stalled.
    """
    nothing = tf.reduce_all(state.products == 0, axis=(1, 2))
    flat = _dot(state.gradient, state.gradient) == 0
    products = tf.where(forgotten[:, None, None], tf.zeros_like(state.products), state.products)
    fresh = accepted | forgotten
    direction = _direction(state.gradient, state.history, products, state.step)
    return state._replace(
        direction=tf.where(fresh[:, None], direction, state.direction),
        products=products,
        length=tf.where(fresh, tf.ones_like(state.length), state.length),
        low=tf.where(fresh, tf.zeros_like(state.low), state.low),
        high=tf.where(fresh, tf.fill([], tf.constant(np.inf, state.high.dtype)), state.high),
        trials=tf.where(fresh, tf.zeros_like(state.trials), state.trials),
        stalled=state.stalled | (accepted & flat) | (forgotten & nothing),
    )


def _direction(
    gradient: tf.Tensor, history: tf.Tensor, products: tf.Tensor, step: tf.Tensor
) -> tf.Tensor:
    """−H g with the inverse Hessian H of the history.

    Entries without curvature have no part; H is min(1, 1/|g|) if the newest has none.

    Parameters
    ----------
    step : (b,), of the newest entry
    """
    size = history.shape[1] // 2
    age = tf.range(size)
    rows = _both(tf.math.floormod(step[:, None] + 1 + age, size))  # from the oldest on
    products = tf.gather(tf.gather(products, rows, batch_dims=1), rows, axis=2, batch_dims=1)
    slopes = tf.gather(tf.linalg.matvec(history, gradient), rows, batch_dims=1)
    sy, yy = products[:, :size, size:], products[:, size:, size:]
    sg, yg = slopes[:, :size], slopes[:, size:]
    curvature = tf.linalg.diag_part(sy)
    inverse = tf.math.divide_no_nan(tf.ones_like(curvature), curvature)
    nothing = tf.zeros_like(sg[:, 0])
    alpha = [nothing] * size
    for i in reversed(range(size)):
        newer = [alpha[j] * sy[:, i, j] for j in range(i + 1, size)]
        alpha[i] = inverse[:, i] * (sg[:, i] - tf.add_n([*newer, nothing]))
    unscaled = tf.minimum(tf.ones_like(nothing), tf.math.rsqrt(_dot(gradient, gradient)))
    scale = tf.where(curvature[:, -1] > 0, curvature[:, -1] / yy[:, -1, -1], unscaled)
    on_y = -scale[:, None] * tf.stack(alpha, axis=1)
    on_s = [nothing] * size
    for i in range(size):
        y_r = scale * yg[:, i] + _dot(on_y, yy[:, i])
        y_r += tf.add_n([*(on_s[k] * sy[:, k, i] for k in range(i)), nothing])
        on_s[i] = alpha[i] - inverse[:, i] * y_r
    weights = tf.concat([tf.stack(on_s, axis=1), on_y], axis=1)
    ages = _both(tf.math.floormod(age - step[:, None] - 1, size))
    weights = tf.gather(weights, ages, batch_dims=1)
    return -scale[:, None] * gradient - tf.linalg.matvec(history, weights, transpose_a=True)


def _both(rows: tf.Tensor) -> tf.Tensor:
    """Rows (b, h) of the changes of x and of the gradient, (b, 2h)."""
    return tf.concat([rows, rows.shape[1] + rows], axis=1)


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Inner product of every lane, (b,)."""
    return tf.reduce_sum(a * b, axis=1)
