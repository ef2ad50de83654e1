"""Convolutional network that classifies rows of pixels by a label column.

Source: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11),
1998; training images are shifted by up to one pixel (Simard et al., ICDAR 2003). One graph serves
every slice of the same architecture, and the whole training happens inside it.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.errors import ConstantDataError, MissingColumnError, TooShortError, UnfitDataError
from runner.params import parameter
from runner.trainer import Dataset, State

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

KERNEL = 3
CHUNK = 1_024


class ImageShapeError(UnfitDataError):
    """The pixel columns do not make an image of the expected shape."""


@dataclass(frozen=True, slots=True)
class Params:
    """The columns, the architecture and the training."""

    label: str = parameter("label", "the column that names what a row shows")
    shape: tuple[int, int] | None = parameter(None, "rows,columns of an image; none: a square")
    filters: int = parameter(16, "filters of the first layer; the second has twice as many")
    hidden: int = parameter(64, "units of the layer before the answer")
    epochs: int = parameter(40, "passes over the training rows")
    batch: int = parameter(32, "rows in one step")
    learning_rate: float = parameter(0.002, "of the Adam optimiser; it falls to 0 over the training")

    def __post_init__(self) -> None:
        sizes = (self.filters, self.hidden, self.epochs, self.batch)
        if min(sizes) < 1 or self.learning_rate <= 0:
            raise ValueError("filters, hidden, epochs and batch are at least 1, learning_rate is above 0")


@dataclass(frozen=True, slots=True)
class Cnn:
    """Trained weights, and how a row becomes an image and an answer a label."""

    weights: list[Any]
    label: str
    pixels: list[str]
    shape: tuple[int, int]
    classes: NDArray[Any]
    scale: tuple[float, float]  # subtracted, then divided by

    @property
    def model_used(self) -> str:
        """What was fitted."""
        return f"CNN({self.weights[0].shape[-1]} filters, {len(self.classes)} classes)"

    def predict(self, rows: pd.DataFrame) -> NDArray[Any]:
        """The likeliest label of each row, shape (n,)."""
        import numpy as np

        images = _images(rows, self.pixels, self.shape, self.scale)
        parts = [
            _forward(images[start : start + CHUNK], self.weights) for start in range(0, len(images), CHUNK)
        ]
        return np.asarray(self.classes[np.concatenate(parts).argmax(axis=1)])

    def state(self) -> State:
        """The weights in single precision, as they were trained, and the names."""
        import numpy as np

        return {
            **{f"weight_{place}": np.asarray(each, np.float32) for place, each in enumerate(self.weights)},
            "label": self.label,
            "pixels": self.pixels,
            "shape": list(self.shape),
            "classes": self.classes,
            "scale": list(self.scale),
        }


def train(dataset: Dataset, params: Params) -> Cnn:
    """Train on every row with a label. Rows with missing pixels have them filled with the mean."""
    import numpy as np

    frame: Any = dataset.train
    if frame.ndim != 2 or params.label not in frame:
        raise MissingColumnError(f"the slice has no label column {params.label!r}; name it with label=…")
    frame = frame[frame[params.label].notna()]
    if len(frame) < params.batch:
        raise TooShortError(
            f"there are {len(frame)} training rows, this trainer needs {params.batch} (batch)"
        )
    classes, answers = np.unique(frame[params.label].to_numpy(), return_inverse=True)
    if classes.size < 2:
        raise ConstantDataError("every training row has the same label")
    pixels = [str(name) for name in frame.columns if name != params.label]
    shape = _shape(len(pixels), params.shape)
    raw = frame[pixels].to_numpy(dtype=np.float64)
    scale = (float(np.nanmean(raw)), float(np.nanstd(raw)) or 1.0)
    images = _images(frame, pixels, shape, scale).astype(np.float32)
    chance = np.random.default_rng(dataset.seed)
    weights = _trained(images, answers.astype(np.int32), classes.size, params, chance)
    return Cnn(weights, params.label, pixels, shape, classes, scale)


def restore(state: State) -> Cnn:
    """The model whose `state` was saved."""
    import numpy as np

    count = sum(name.startswith("weight_") for name in state)
    weights = [np.asarray(state[f"weight_{place}"], dtype=np.float64) for place in range(count)]
    return Cnn(
        weights,
        state["label"],
        state["pixels"],
        (state["shape"][0], state["shape"][1]),
        state["classes"],
        (state["scale"][0], state["scale"][1]),
    )


def _shape(pixels: int, wished: tuple[int, int] | None) -> tuple[int, int]:
    side = math.isqrt(pixels)
    shape = wished or (side, side)
    if shape[0] * shape[1] != pixels or min(shape) < 2 * KERNEL:
        raise ImageShapeError(
            f"{pixels} pixel columns make no image of {shape[0]} × {shape[1]} "
            f"(at least {2 * KERNEL} each way); "
            "name it with shape=rows,columns"
        )
    return shape


def _images(
    rows: pd.DataFrame, pixels: list[str], shape: tuple[int, int], scale: tuple[float, float]
) -> Floats:
    import numpy as np

    values = (rows[pixels].to_numpy(dtype=np.float64) - scale[0]) / scale[1]
    return np.nan_to_num(values, nan=0.0).reshape(len(rows), *shape, 1)


def _forward(images: Floats, weights: list[Any]) -> Floats:
    """Two convolutions, the maximum of each 2 × 2, two dense layers: (n, h, w, 1) → (n, classes)."""
    import numpy as np

    found = images
    for kernel, bias in (weights[0:2], weights[2:4]):
        padded = np.pad(found, ((0, 0), (1, 1), (1, 1), (0, 0)))
        patches = np.lib.stride_tricks.sliding_window_view(padded, (KERNEL, KERNEL), axis=(1, 2))
        found = np.maximum(np.einsum("nhwcij,ijcf->nhwf", patches, kernel, optimize=True) + bias, 0.0)
    count, height, width, filters = found.shape
    pooled = found[:, : height // 2 * 2, : width // 2 * 2].reshape(
        count, height // 2, 2, width // 2, 2, filters
    )
    flat = pooled.max(axis=(2, 4)).reshape(count, -1)
    return np.asarray(np.maximum(flat @ weights[4] + weights[5], 0.0) @ weights[6] + weights[7])


def _trained(
    images: Any, answers: Any, classes: int, params: Params, chance: np.random.Generator
) -> list[Any]:
    import numpy as np

    count = len(images)
    per_epoch = count // params.batch
    order = np.concatenate(
        [chance.permutation(count)[: per_epoch * params.batch] for _ in range(params.epochs)]
    )
    steps = params.epochs * per_epoch
    shifts = chance.integers(0, 3, (steps, 2)).astype(np.int32)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    graph = _graph(params.learning_rate, images.shape[1], images.shape[2])
    places = order.reshape(steps, params.batch).astype(np.int32)
    initial = _initial(images.shape[1:3], classes, params, chance)
    found = graph(padded, answers, places, shifts, np.int32(steps), *initial)
    return [np.asarray(each, dtype=np.float64) for each in found]


def _initial(shape: tuple[int, ...], classes: int, params: Params, chance: np.random.Generator) -> list[Any]:
    """He normal weights (He et al., ICCV 2015) and zero biases."""
    import numpy as np

    flat = (shape[0] // 2) * (shape[1] // 2) * 2 * params.filters
    sizes = (
        (KERNEL, KERNEL, 1, params.filters),
        (KERNEL, KERNEL, params.filters, 2 * params.filters),
        (flat, params.hidden),
        (params.hidden, classes),
    )
    weights: list[Any] = []
    for size in sizes:
        spread = np.sqrt(2.0 / np.prod(size[:-1]))
        weights += [chance.normal(0, spread, size).astype(np.float32), np.zeros(size[-1], np.float32)]
    return weights


@functools.cache
def _graph(rate: float, height: int, width: int) -> Any:
    """A training as one function. XLA is slower than plain TensorFlow for this network."""
    from runner.trainers.adam import adam_step
    from runner.trainers.tensorflow import tensorflow

    tf = tensorflow()

    def forward(images: Any, weights: list[Any]) -> Any:
        found = images
        for kernel, bias in (weights[0:2], weights[2:4]):
            found = tf.nn.relu(tf.nn.conv2d(found, kernel, 1, "SAME") + bias)
        pooled = tf.nn.max_pool2d(found, 2, 2, "VALID")
        flat = tf.reshape(pooled, (tf.shape(images)[0], -1))
        return tf.nn.relu(flat @ weights[4] + weights[5]) @ weights[6] + weights[7]

    def train(padded: Any, answers: Any, places: Any, shifts: Any, steps: Any, *initial: Any) -> Any:
        def step(place: Any, weights: Any, first: Any, second: Any) -> Any:
            rows = places[place]
            down, right = shifts[place][0], shifts[place][1]
            images = tf.gather(padded, rows)[:, down : down + height, right : right + width]
            images = tf.ensure_shape(images, (None, height, width, 1))
            with tf.GradientTape() as tape:
                tape.watch(weights)
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(
                        tf.gather(answers, rows), forward(images, list(weights))
                    )
                )
            gradients = tape.gradient(loss, list(weights))
            falling = rate * 0.5 * (1.0 + tf.cos(math.pi * tf.cast(place / steps, tf.float32)))
            moments = (list(first), list(second))
            updated, moments = adam_step(tf, list(weights), gradients, moments, place, falling)
            return place + 1, tuple(updated), tuple(moments[0]), tuple(moments[1])

        zeros = tuple(tf.zeros_like(weight) for weight in initial)
        return tf.while_loop(lambda place, *_: place < steps, step, (0, tuple(initial), zeros, zeros))[1]

    return tf.function(train, reduce_retracing=True)
