"""Small random distortions of training images, seen through a bilinear lens inside a TensorFlow graph.

Source: Simard, Steinkraus & Platt, "Best Practices for Convolutional Neural Networks Applied to
Visual Document Analysis", ICDAR 2003.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Single = NDArray[np.float32]

TURN = math.radians(15)
STRETCH = 0.2
SLANT = 0.1
SHIFT = 0.5
"""How far a training image is distorted at most: radians, log of the scale, shear, pixels."""


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
