"""The training of a small convolutional network inside one TensorFlow graph.

Sources: "Better performance with tf.function" (tensorflow.org) for the loop in the graph; Simard et
al., ICDAR 2003, for training on distorted images; Szegedy et al., CVPR 2016, for smoothed labels.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Single = NDArray[np.float32]

KERNEL = 3
SMOOTHING = 0.1
"""How much of an answer is spread over all classes, so that 200 rows do not make it too sure of itself."""
TURN = math.radians(15)
STRETCH = 0.2
SLANT = 0.1
SHIFT = 0.5
"""How far a training image is distorted at most: radians, log of the scale, shear, pixels."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """All that fixes the shapes of a network: slices that share it share one graph."""

    height: int
    width: int
    filters: int
    hidden: int
    classes: int

    @property
    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the four kernels, from the first convolution to the answer."""
        flat = (self.height // 2) * (self.width // 2) * 2 * self.filters
        return (
            (KERNEL, KERNEL, 1, self.filters),
            (KERNEL, KERNEL, self.filters, 2 * self.filters),
            (flat, self.hidden),
            (self.hidden, self.classes),
        )

    def initial(self, chance: np.random.Generator) -> list[Single]:
        """He normal kernels (He et al., ICCV 2015), each followed by its zero bias."""
        import numpy as np

        weights: list[Single] = []
        for size in self.sizes:
            spread = math.sqrt(2.0 / math.prod(size[:-1]))
            kernel = chance.normal(0.0, spread, size).astype(np.float32)
            weights += [kernel, np.zeros(size[-1], np.float32)]
        return weights


def distortions(count: int, chance: np.random.Generator, extent: float = 1.0) -> Single:
    """Random small turns, stretches, slants and shifts, (count, 6): a 2 × 2 matrix by rows, then a shift.

    `extent` scales them all; 0 leaves images as they are.
    """
    import numpy as np

    turn, slant, tall, wide, down, right = chance.uniform(-extent, extent, (6, count))
    cosine, sine = np.cos(TURN * turn), np.sin(TURN * turn)
    tall, wide, slant = np.exp(STRETCH * tall), np.exp(STRETCH * wide), SLANT * slant
    matrix = (cosine * tall - sine * slant, -sine * wide, sine * tall + cosine * slant, cosine * wide)
    return np.column_stack([*matrix, SHIFT * down, SHIFT * right]).astype(np.float32)


def distorted(tf: Any, images: Any, how: Any, height: int, width: int) -> Any:
    """Each image seen through its distortion, (n, h + 2, w + 2) with a border → (n, h, w, 1).

    Bilinear; what lies outside is the border.
    """
    rows, columns = tf.meshgrid(tf.range(height), tf.range(width), indexing="ij")
    middle = ((height - 1) / 2, (width - 1) / 2)
    down = tf.cast(tf.reshape(rows, [-1]), tf.float32) - middle[0]
    right = tf.cast(tf.reshape(columns, [-1]), tf.float32) - middle[1]
    y = how[:, 0:1] * down + how[:, 1:2] * right + how[:, 4:5] + middle[0] + 1.0
    x = how[:, 2:3] * down + how[:, 3:4] * right + how[:, 5:6] + middle[1] + 1.0
    y, x = tf.clip_by_value(y, 0.0, height + 1.0), tf.clip_by_value(x, 0.0, width + 1.0)
    top, left = tf.minimum(tf.floor(y), float(height)), tf.minimum(tf.floor(x), float(width))
    below, beside = y - top, x - left
    corner = tf.cast(top, tf.int32) * (width + 2) + tf.cast(left, tf.int32)
    pixels = tf.reshape(images, (-1, (height + 2) * (width + 2)))

    def at(offset: int) -> Any:
        return tf.gather(pixels, corner + offset, batch_dims=1)

    upper = (1.0 - beside) * at(0) + beside * at(1)
    lower = (1.0 - beside) * at(width + 2) + beside * at(width + 3)
    return tf.reshape((1.0 - below) * upper + below * lower, (-1, height, width, 1))


def forward(tf: Any, images: Any, weights: Any) -> Any:
    """Two convolutions, the maximum of each 2 × 2, two dense layers: (n, h, w, 1) → (n, classes)."""
    found = images
    for kernel, bias in (weights[0:2], weights[2:4]):
        found = tf.nn.relu(tf.nn.conv2d(found, kernel, 1, "SAME") + bias)
    pooled = tf.nn.max_pool2d(found, 2, 2, "VALID")
    flat = tf.reshape(pooled, (tf.shape(images)[0], weights[4].shape[0]))
    return tf.nn.relu(flat @ weights[4] + weights[5]) @ weights[6] + weights[7]


@functools.lru_cache(maxsize=64)
def training(network: Architecture) -> Any:
    """A whole training as one function, traced once whatever the number of rows.

    It takes bordered images (rows, h + 2, w + 2), their answers (rows,), the rows of each step
    (steps, batch), their distortions (steps, batch, 6), the learning rate and the first weights,
    and returns the last ones. Plain TensorFlow: XLA was measured to be slower for this network.
    """
    from runner.trainers.adam import adam_step
    from runner.trainers.tensorflow import tensorflow

    tf = tensorflow()

    def train(images: Any, answers: Any, places: Any, how: Any, rate: Any, *initial: Any) -> Any:
        steps = tf.shape(places)[0]

        def step(place: Any, weights: Any, first: Any, second: Any) -> Any:
            rows = places[place]
            seen = distorted(tf, tf.gather(images, rows), how[place], network.height, network.width)
            wanted = tf.one_hot(tf.gather(answers, rows), network.classes)
            wanted = (1.0 - SMOOTHING) * wanted + SMOOTHING / network.classes
            with tf.GradientTape() as tape:
                tape.watch(weights)
                losses = tf.nn.softmax_cross_entropy_with_logits(wanted, forward(tf, seen, weights))
                loss = tf.reduce_mean(losses)
            gradients = tape.gradient(loss, list(weights))
            falling = rate * 0.5 * (1.0 + tf.cos(math.pi * tf.cast(place / steps, tf.float32)))
            moments = (list(first), list(second))
            updated, moments = adam_step(tf, list(weights), gradients, moments, place, falling)
            return place + 1, tuple(updated), tuple(moments[0]), tuple(moments[1])

        zeros = tuple(tf.zeros_like(weight) for weight in initial)
        return tf.while_loop(lambda place, *_: place < steps, step, (0, tuple(initial), zeros, zeros))[1]

    return tf.function(train, input_signature=_signature(tf, network))


def _signature(tf: Any, network: Architecture) -> list[Any]:
    weights = [spec for size in network.sizes for spec in (size, size[-1:])]
    return [
        tf.TensorSpec((None, network.height + 2, network.width + 2)),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None, None, 6)),
        tf.TensorSpec(()),
        *[tf.TensorSpec(size) for size in weights],
    ]
