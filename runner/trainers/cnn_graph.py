"""The training of a small convolutional network inside one TensorFlow graph.

Sources: Simard et al., ICDAR 2003, for training on distorted images; Szegedy et al., CVPR 2016, for
smoothed labels; Loshchilov & Hutter, ICLR 2017, for the learning rate that falls as a cosine.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.trainers.distortions import distorted
from runner.trainers.epochs import run_epochs
from runner.trainers.xla import Training

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Single = NDArray[np.float32]

KERNEL = 3
SMOOTHING = 0.1
"""How much of an answer is spread over all classes, so that 200 rows do not make it too sure of itself."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """All that fixes the shapes of a network: slices that share it share one graph."""

    height: int
    width: int
    filters: int
    hidden: int
    classes: int
    batch: int

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


def forward(tf: Any, images: Any, weights: Any, layers: type[Plain] | type[Products]) -> Any:
    """Two convolutions, the maximum of each 2 × 2, two dense layers: (n, h, w, 1) → (n, classes)."""
    found = images
    for kernel, bias in (weights[0:2], weights[2:4]):
        found = tf.nn.relu(layers.convolution(tf, found, kernel) + bias)
    flat = tf.reshape(layers.pooling(tf, found), (-1, weights[4].shape[0]))
    return tf.nn.relu(flat @ weights[4] + weights[5]) @ weights[6] + weights[7]


class Plain:
    """The layers of TensorFlow."""

    @staticmethod
    def convolution(tf: Any, images: Any, kernel: Any) -> Any:
        """(n, h, w, channels) → (n, h, w, filters); what is outside is 0."""
        return tf.nn.conv2d(images, kernel, 1, "SAME")

    @staticmethod
    def pooling(tf: Any, images: Any) -> Any:
        """The maximum of each 2 × 2."""
        return tf.nn.max_pool2d(images, 2, 2, "VALID")


class Products:
    """The same as products of matrices and plain maxima, which XLA makes twenty times as fast.

    Source: Chellapilla, Puri & Simard, "High Performance Convolutional Neural Networks for Document
    Processing", IWFHR 2006.
    """

    @staticmethod
    def convolution(tf: Any, images: Any, kernel: Any) -> Any:
        """One row per pixel with its neighbours, times the kernel."""
        height, width, deep = images.shape[1:]
        bordered = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
        shifts = [(down, right) for down in range(KERNEL) for right in range(KERNEL)]
        near = [bordered[:, down : down + height, right : right + width] for down, right in shifts]
        rows = tf.reshape(tf.concat(near, axis=3), (-1, KERNEL * KERNEL * deep))
        found = rows @ tf.reshape(kernel, (KERNEL * KERNEL * deep, -1))
        return tf.reshape(found, (-1, height, width, kernel.shape[-1]))

    @staticmethod
    def pooling(tf: Any, images: Any) -> Any:
        """An odd last row or column is left out, as elsewhere."""
        height, width, deep = images.shape[1] // 2, images.shape[2] // 2, images.shape[3]
        even = images[:, : 2 * height, : 2 * width]
        return tf.reduce_max(tf.reshape(even, (-1, height, 2, width, 2, deep)), axis=(2, 4))


@functools.lru_cache(maxsize=64)
def training(network: Architecture) -> Training:
    """A whole training, traced once for every slice of this architecture.

    It takes what `batches` gives, bordered images (rows, h + 2, w + 2), their answers (rows,), the
    distortions of each step (steps, batch, 6), the learning rate and the first weights, and returns
    the last ones or the best.
    """
    from runner.trainers.tensorflow import tensorflow

    tf = tensorflow()
    signature = _signature(tf, network)
    plain = tf.function(_whole(tf, network, Plain), input_signature=signature)
    compiled = tf.function(_whole(tf, network, Products), input_signature=signature, jit_compile=True)
    return Training("cnn", compiled, plain, tf.errors.OpError)


def _whole(tf: Any, network: Architecture, layers: type[Plain] | type[Products]) -> Callable[..., Any]:
    """The training as a function of its tensors."""

    def train(
        limits: Any, places: Any, held: Any, images: Any, answers: Any, how: Any, rate: Any, *initial: Any
    ) -> Any:
        def lost(rows: Any, how: Any, weights: Any) -> tuple[Any, Any]:
            counts, rows = tf.cast(rows >= 0, tf.float32), tf.maximum(rows, 0)
            seen = distorted(tf, tf.gather(images, rows), how, network.height, network.width)
            wanted = tf.one_hot(tf.gather(answers, rows), network.classes)
            wanted = (1.0 - SMOOTHING) * wanted + SMOOTHING / network.classes
            found = forward(tf, seen, weights, layers)
            losses = tf.nn.softmax_cross_entropy_with_logits(wanted, found)
            return tf.reduce_sum(counts * losses), tf.reduce_sum(counts)

        def loss(place: Any, weights: Any) -> Any:
            total, count = lost(places[place], how[place], weights)
            return total / count

        def held_loss(place: Any, weights: Any) -> Any:
            as_it_is = tf.tile([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]], (tf.shape(held)[1], 1))
            return lost(held[place], as_it_is, weights)[0]

        def falling(place: Any) -> Any:
            done = tf.cast(place, tf.float32) / tf.cast(limits[0] * limits[1], tf.float32)
            return rate * 0.5 * (1.0 + tf.cos(math.pi * done))

        return run_epochs(tf, loss, held_loss, limits, falling, initial)

    return train


def _signature(tf: Any, network: Architecture) -> list[Any]:
    weights = [spec for size in network.sizes for spec in (size, size[-1:])]
    return [
        tf.TensorSpec((4,), tf.int32),
        tf.TensorSpec((None, network.batch), tf.int32),
        tf.TensorSpec((None, network.batch), tf.int32),
        tf.TensorSpec((None, network.height + 2, network.width + 2)),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None, network.batch, 6)),
        tf.TensorSpec(()),
        *[tf.TensorSpec(size) for size in weights],
    ]
