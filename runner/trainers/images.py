"""Rows of pixels, made ready for a trainer of images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from runner.errors import MissingColumnError, NoDataError, UnfitDataError
from runner.trainer import Dataset

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class ImageShapeError(UnfitDataError):
    """The pixel columns do not make an image of the expected shape."""


def labelled(dataset: Dataset, label: str) -> pd.DataFrame:
    """The training rows that have a label, with names of columns as text.

    Raises MissingColumnError and NoDataError.
    """
    frame: Any = dataset.train
    if frame.ndim == 2:
        frame = frame.rename(columns=str)
    if frame.ndim != 2 or label not in frame:
        raise MissingColumnError(f"the slice has no label column {label!r}; name it with label=…")
    frame = frame[frame[label].notna()]
    if frame.empty:
        raise NoDataError("no row of the train range has a label")
    return frame  # type: ignore[no-any-return]


def plain(labels: pd.Series[Any]) -> NDArray[Any]:
    """Labels as an array that a file without pickle can hold."""
    values = labels.to_numpy()
    return values.astype(str) if values.dtype == object else values


def image_shape(pixels: int, wished: tuple[int, int] | None) -> tuple[int, int]:
    """Rows and columns of an image: those wished for, else a square. Raises ImageShapeError."""
    side = math.isqrt(pixels)
    shape = wished or (side, side)
    if shape[0] * shape[1] != pixels or min(shape) < 2:
        raise ImageShapeError(
            f"{pixels} pixel columns make no image of {shape[0]} × {shape[1]} (at least 2 each way); "
            "name it with shape=rows,columns"
        )
    return shape


def images_of(
    rows: pd.DataFrame, pixels: list[str], shape: tuple[int, int], scale: tuple[float, float]
) -> Floats:
    """Rows as scaled images, (n, h, w, 1); missing pixels are 0. Raises MissingColumnError."""
    import numpy as np

    rows = rows.rename(columns=str)
    missing = [name for name in pixels if name not in rows]
    if missing:
        raise MissingColumnError(f"the rows lack {len(missing)} pixel columns, the first is {missing[0]!r}")
    values = (rows[pixels].to_numpy(dtype=np.float64) - scale[0]) / scale[1]
    return np.nan_to_num(values, nan=0.0).reshape(len(rows), *shape, 1)
