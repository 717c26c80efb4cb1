"""L-BFGS that stays on the device: one compiled loop, one evaluation per turn.

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
    """Everything the descent needs to go on.

    Attributes
    ----------
    x, gradient, direction : (n,): the point, the gradient there, the search direction
    terms : (n_terms,): the terms of the loss at x; their sum is the loss
    history : (2h, n): changes of x, then of the gradient; step i's are in rows i and h + i, mod h
    products : (2h, 2h): inner products of the history
    step : int32, steps taken; -1 before the first evaluation
    evaluations : int32, evaluations of the loss
    length, low, high : trial step length and its bracket
    trials : int32, trials of this line search; past :data:`MAX_TRIALS` it restarts
        from the gradient, and twice in a row means that no descent is left
    stalled : bool, no descent is left at this precision
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
"""x (n,) to the terms of the loss (n_terms,) and the gradient of their sum (n,)."""


def start(x: tf.Tensor, n_terms: int, history: int = 10) -> State:
    """State before the first evaluation: the first turn "steps" to x itself."""
    nothing = tf.zeros_like(x)
    return State(
        x=x,
        gradient=nothing,
        direction=nothing,
        terms=tf.fill((n_terms,), tf.constant(np.inf, x.dtype)),
        history=tf.zeros((2 * history, x.shape[0]), x.dtype),
        products=tf.zeros((2 * history, 2 * history), x.dtype),
        step=tf.constant(-1),
        evaluations=tf.constant(0),
        length=tf.ones((), x.dtype),
        low=tf.zeros((), x.dtype),
        high=tf.constant(np.inf, x.dtype),
        trials=tf.constant(0),
        stalled=tf.constant(False),
    )


def advance(
    objective: Objective, state: State, stop: tf.Tensor, n_record: int
) -> tuple[State, tf.Tensor]:
    """Descend until ``stop`` steps are taken in all, or no descent is left.

    Parameters
    ----------
    stop : int32 scalar, at most ``state.step + n_record``

    Returns
    -------
    the state there, and the terms after each of these steps, shape (n_record,
    n_terms), zero where none was taken
    """
    first = state.step
    rows = tf.range(n_record)

    def turn(state, record):
        after = _turn(objective, state)
        taken = (rows == after.step - first - 1) & (after.step > state.step)
        return after, tf.where(taken[:, None], after.terms, record)

    return tf.while_loop(
        lambda state, record: (state.step < stop) & ~state.stalled,
        turn,
        (state, tf.zeros((n_record, state.terms.shape[0]), state.terms.dtype)),
    )


def _turn(objective: Objective, state: State) -> State:
    """One evaluation: take the step, or narrow its bracket."""
    x = state.x + state.length * state.direction
    terms, gradient = objective(x)
    slope = _dot(state.gradient, state.direction)
    loss, trial = tf.reduce_sum(state.terms), tf.reduce_sum(terms)
    decreased = trial <= loss + SUFFICIENT_DECREASE * state.length * slope
    too_long = ~(decreased & tf.math.is_finite(_dot(gradient, gradient)))
    too_short = _dot(gradient, state.direction) < CURVATURE * slope
    state = state._replace(evaluations=state.evaluations + 1, trials=state.trials + 1)
    return tf.cond(
        too_long | too_short,
        lambda: _retry(state, too_long),
        lambda: _accept(state, x, terms, gradient),
    )


def _retry(state: State, too_long: tf.Tensor) -> State:
    high = tf.where(too_long, state.length, state.high)
    low = tf.where(too_long, state.low, state.length)
    middle = tf.where(tf.math.is_finite(high), (low + high) / 2, 2 * low)
    narrowed = state._replace(length=middle, low=low, high=high)
    return tf.cond(state.trials < MAX_TRIALS, lambda: narrowed, lambda: _restart(state))


def _restart(state: State) -> State:
    """Forget the history; give up if it was empty already."""
    history, products = tf.zeros_like(state.history), tf.zeros_like(state.products)
    return state._replace(
        direction=_direction(state.gradient, history, products, products[0], state.step),
        history=history,
        products=products,
        length=tf.ones_like(state.length),
        low=tf.zeros_like(state.low),
        high=tf.fill([], tf.constant(np.inf, state.high.dtype)),
        trials=tf.constant(0),
        stalled=tf.reduce_all(state.products == 0),
    )


def _accept(state: State, x: tf.Tensor, terms: tf.Tensor, gradient: tf.Tensor) -> State:
    step = state.step + 1
    size = state.history.shape[0] // 2
    rows = tf.stack([tf.math.floormod(step, size), size + tf.math.floormod(step, size)])[:, None]
    new = tf.stack([x - state.x, gradient - state.gradient])
    history = tf.tensor_scatter_nd_update(state.history, rows, new)
    found = tf.matmul(tf.concat([new, gradient[None]], axis=0), history, transpose_b=True)
    products = tf.tensor_scatter_nd_update(state.products, rows, found[:2])
    products = tf.tensor_scatter_nd_update(tf.transpose(products), rows, found[:2])
    return state._replace(
        x=x,
        gradient=gradient,
        direction=_direction(gradient, history, products, found[2], step),
        terms=terms,
        history=history,
        products=products,
        step=step,
        length=tf.ones_like(state.length),
        low=tf.zeros_like(state.low),
        high=tf.fill([], tf.constant(np.inf, state.high.dtype)),
        trials=tf.constant(0),
        stalled=tf.equal(_dot(gradient, gradient), 0),
    )


def _direction(
    gradient: tf.Tensor, history: tf.Tensor, products: tf.Tensor, slopes: tf.Tensor, step: tf.Tensor
) -> tf.Tensor:
    """−H g with the inverse Hessian H of the history.

    Entries without curvature have no part; H is min(1, 1/|g|) if the newest has none.

    Parameters
    ----------
    slopes : (2h,): inner products of the history with the gradient
    step : the newest entry's
    """
    size = history.shape[0] // 2
    rows = tf.math.floormod(step + 1 + tf.range(size), size)  # from the oldest to the newest
    rows = tf.concat([rows, size + rows], axis=0)
    ordered = tf.gather(tf.gather(products, rows), rows, axis=1)
    sy, yy = ordered[:size, size:], ordered[size:, size:]
    sg, yg = tf.split(tf.gather(slopes, rows), 2)
    curvature = tf.linalg.diag_part(sy)
    inverse = tf.math.divide_no_nan(tf.ones_like(curvature), curvature)
    alpha = [tf.zeros((), gradient.dtype)] * size
    for i in reversed(range(size)):
        newer = [alpha[j] * sy[i, j] for j in range(i + 1, size)]
        alpha[i] = inverse[i] * (sg[i] - tf.add_n([*newer, tf.zeros_like(sg[i])]))
    unscaled = tf.minimum(tf.ones_like(sg[0]), tf.math.rsqrt(_dot(gradient, gradient)))
    scale = tf.where(curvature[-1] > 0, curvature[-1] / yy[-1, -1], unscaled)
    on_y = -scale * tf.stack(alpha)
    on_s = [tf.zeros((), gradient.dtype)] * size
    for i in range(size):
        y_r = scale * yg[i] + tf.tensordot(on_y, yy[i], 1)
        y_r += tf.add_n([*(on_s[k] * sy[k, i] for k in range(i)), tf.zeros_like(yg[i])])
        on_s[i] = alpha[i] - inverse[i] * y_r
    weights = tf.tensor_scatter_nd_update(
        tf.zeros_like(slopes), rows[:, None], tf.concat([tf.stack(on_s), on_y], axis=0)
    )
    return -scale * gradient - tf.linalg.matvec(history, weights, transpose_a=True)


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(a * b)
