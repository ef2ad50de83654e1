"""Convolutional network that classifies rows of pixels by a label column.

Source: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11),
1998; training images are turned, stretched and shifted a little (`runner.trainers.cnn_graph`).
One graph serves every slice of the same architecture. Predicting needs numpy alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.errors import ConstantDataError, NoDataError
from runner.params import parameter
from runner.trainer import Dataset, State
from runner.trainers.adam import require_finite
from runner.trainers.batches import PATIENCE, batches, room
from runner.trainers.cnn_graph import KERNEL, Architecture, training
from runner.trainers.distortions import distortions
from runner.trainers.images import image_shape, images_of, labelled, plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CHUNK = 1_024


@dataclass(frozen=True, slots=True)
class Params:
    """The columns, the architecture and the training."""

    label: str = parameter("label", "the column that names what a row shows")
    shape: tuple[int, int] | None = parameter(None, "rows,columns of an image; none: a square")
    filters: int = parameter(16, "filters of the first layer; the second has twice as many")
    hidden: int = parameter(64, "units of the layer before the answer")
    epochs: int = parameter(120, "passes over the training rows, at most")
    batch: int = parameter(16, "rows in one step")
    learning_rate: float = parameter(0.004, "of the Adam optimiser; it falls to 0 over the training")
    networks: int = parameter(3, "networks trained from different weights; their answers are averaged")
    distort: bool = parameter(True, "turn, stretch, slant and shift training images a little")
    patience: int = parameter(0, PATIENCE)

    def __post_init__(self) -> None:
        sizes = (self.filters, self.hidden, self.epochs, self.batch, self.networks)
        if min(sizes) < 1 or not 0 < self.learning_rate < math.inf or self.patience < 0:
            raise ValueError(
                "filters, hidden, epochs, batch and networks are at least 1, learning_rate is above 0, "
                "patience is at least 0"
            )


@dataclass(frozen=True, slots=True)
class Cnn:
    """Trained weights, and how a row becomes an image and an answer a label."""

    networks: list[list[Floats]]  # the weights of each: kernel, bias, kernel, bias …
    label: str
    pixels: list[str]
    shape: tuple[int, int]
    classes: NDArray[Any]
    scale: tuple[float, float]  # subtracted, then divided by

    @property
    def model_used(self) -> str:
        """What was fitted."""
        filters = self.networks[0][0].shape[-1]
        return f"CNN({len(self.networks)} networks, {filters} filters, {len(self.classes)} classes)"

    def predict(self, rows: pd.DataFrame) -> NDArray[Any]:
        """The likeliest label of each row, shape (n,). Missing pixels count as the training mean.

        Raises MissingColumnError where a pixel column of the training is not there.
        """
        import numpy as np

        images = images_of(rows, self.pixels, self.shape, self.scale)
        best = np.empty(len(images), dtype=np.intp)
        for start in range(0, len(images), CHUNK):
            part = images[start : start + CHUNK]
            odds = sum(_softmax(_forward(part, weights)) for weights in self.networks)
            best[start : start + CHUNK] = np.argmax(odds, axis=1)
        return np.asarray(self.classes[best])

    def state(self) -> State:
        """The weights in single precision, as they were trained, and the names."""
        import numpy as np

        stacked = [np.stack(each).astype(np.float32) for each in zip(*self.networks, strict=True)]
        return {
            **{f"weight_{place}": each for place, each in enumerate(stacked)},
            "label": self.label,
            "pixels": self.pixels,
            "shape": list(self.shape),
            "classes": self.classes,
            "scale": list(self.scale),
        }


def train(dataset: Dataset, params: Params) -> Cnn:
    """Train on every row with a label; missing pixels are filled with the mean.

    Raises MissingColumnError without the label column, NoDataError without labelled rows or pixels,
    ConstantDataError with one label only, ImageShapeError and DivergedError.
    """
    import numpy as np

    frame = labelled(dataset, params.label)
    classes, answers = np.unique(plain(frame[params.label]), return_inverse=True)
    if classes.size < 2:
        raise ConstantDataError("every training row has the same label; this trainer needs two or more")
    pixels = [str(name) for name in frame.columns if name != params.label]
    shape = image_shape(len(pixels), params.shape)
    raw = frame[pixels].to_numpy(dtype=np.float64)
    if np.isnan(raw).all():
        raise NoDataError("every pixel of the train range is missing")
    scale = (float(np.nanmean(raw)), float(np.nanstd(raw)) or 1.0)
    images = images_of(frame, pixels, shape, scale)
    chance = np.random.default_rng(dataset.seed)
    networks = [
        _trained(images[..., 0], answers, classes.size, params, chance) for _ in range(params.networks)
    ]
    return Cnn(networks, params.label, pixels, shape, classes, scale)


def restore(state: State) -> Cnn:
    """The model whose `state` was saved; it predicts without TensorFlow."""
    import numpy as np

    count = sum(name.startswith("weight_") for name in state)
    stacked = [np.asarray(state[f"weight_{place}"], dtype=np.float64) for place in range(count)]
    shape, scale = state["shape"], state["scale"]
    return Cnn(
        [list(weights) for weights in zip(*stacked, strict=True)],
        state["label"],
        state["pixels"],
        (shape[0], shape[1]),
        np.asarray(state["classes"]),
        (scale[0], scale[1]),
    )


def _softmax(answers: Floats) -> Floats:
    import numpy as np

    odds = np.exp(answers - answers.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _forward(images: Floats, weights: list[Floats]) -> Floats:
    """What `cnn_graph.forward` computes, in numpy: (n, h, w, 1) → (n, classes)."""
    import numpy as np

    found = images
    for kernel, bias in (weights[0:2], weights[2:4]):
        padded = np.pad(found, ((0, 0), (1, 1), (1, 1), (0, 0)))
        patches = np.lib.stride_tricks.sliding_window_view(padded, (KERNEL, KERNEL), axis=(1, 2))
        found = np.maximum(np.einsum("nhwcij,ijcf->nhwf", patches, kernel, optimize=True) + bias, 0.0)
    count, height, width, filters = found.shape
    halves = (count, height // 2, 2, width // 2, 2, filters)
    pooled = found[:, : height // 2 * 2, : width // 2 * 2].reshape(halves).max(axis=(2, 4))
    flat = pooled.reshape(count, -1)
    return np.asarray(np.maximum(flat @ weights[4] + weights[5], 0.0) @ weights[6] + weights[7])


def _trained(
    images: Floats, answers: NDArray[Any], classes: int, params: Params, chance: np.random.Generator
) -> list[Floats]:
    """The weights after one training."""
    import numpy as np

    count, height, width = images.shape
    space = room(count)
    sizes = (params.epochs, params.batch, params.patience)
    plan = batches(count, space, *sizes, chance)
    network = Architecture(height, width, params.filters, params.hidden, classes, params.batch)
    first = network.initial(chance)
    how = distortions(plan.places.size, chance, extent=float(params.distort))
    border = np.full((space, height + 2, width + 2), images.min(), np.float32)
    border[:count, 1:-1, 1:-1] = images
    known = np.zeros(space, np.int32)
    known[:count] = answers
    rate = np.float32(params.learning_rate)
    seen = how.reshape(*plan.places.shape, 6)
    found = training(network)(plan.limits, plan.places, plan.held, border, known, seen, rate, *first)
    return [each.astype(np.float64) for each in require_finite(found, params.learning_rate)]
