"""Epochs of Adam steps inside a TensorFlow graph, stopped early where rows are held back.

Sources: "Better performance with tf.function" (tensorflow.org) for the loop in the graph; Prechelt,
"Early Stopping – But When?", 1998, for stopping; patience counts as in Keras.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from runner.trainers.adam import adam_step

Loss = Callable[[Any, Any], Any]
"""From the number of a step and the weights to a loss."""


def run_epochs(
    tf: Any, loss: Loss, held_loss: Loss, limits: Any, rate: Callable[[Any], Any], weights: Any
) -> Any:
    """The weights after the training, or those of the epoch with the lowest loss on the held rows.

    `limits` are those of `batches`; without held rows every epoch runs and the last weights count.
    `loss` is the mean of a step, `held_loss` the sum of one; `rate` gives the learning rate of a
    step. Weights are NaN where no epoch had a held loss that is a number.
    """
    epochs, per_epoch, held_steps, patience = (limits[place] for place in range(4))

    def step(place: Any, weights: Any, first: Any, second: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(weights)
            lost = loss(place, weights)
        gradients = tape.gradient(lost, list(weights))
        moments = (list(first), list(second))
        updated, moments = adam_step(tf, list(weights), gradients, moments, place, rate(place))
        return place + 1, tuple(updated), tuple(moments[0]), tuple(moments[1])

    def held(place: Any, lost: Any, weights: Any) -> Any:
        return place + 1, lost + held_loss(place, weights), weights

    def epoch(number: Any, weights: Any, first: Any, second: Any, still: Any, best: Any, kept: Any) -> Any:
        end = (number + 1) * per_epoch
        start = (number * per_epoch, weights, first, second)
        _, weights, first, second = tf.while_loop(lambda place, *_: place < end, step, start)
        lost = tf.while_loop(lambda place, *_: place < held_steps, held, (0, 0.0, weights))[1]
        # as low as before counts too: without held rows it is 0 every time, and the last weights are kept
        better = lost <= best
        kept = tuple(tf.where(better, new, old) for new, old in zip(weights, kept, strict=True))
        still, best = tf.where(better, 0, still + 1), tf.where(better, lost, best)
        return number + 1, weights, first, second, still, best, kept

    def goes_on(number: Any, *state: Any) -> Any:
        return (number < epochs) & (state[3] < tf.maximum(patience, 1))

    zeros = tuple(tf.zeros_like(weight) for weight in weights)
    none = tuple(tf.fill(tf.shape(weight), math.nan) for weight in weights)
    return tf.while_loop(goes_on, epoch, (0, tuple(weights), zeros, zeros, 0, math.inf, none))[-1]
