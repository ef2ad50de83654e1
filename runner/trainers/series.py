"""One series, made ready for a trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import ConstantDataError, NoDataError, TooShortError, UnfitDataError
from runner.trainer import Dataset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class SeveralColumnsError(UnfitDataError):
    """The trainer takes one value column, and the slice has several."""


def training_values(dataset: Dataset, *, at_least: int, varying: bool) -> Floats:
    """The training values from the first to the last known one, NaN where missing between.

    Raises SeveralColumnsError, NoDataError, TooShortError with fewer than `at_least` known values,
    and ConstantDataError where `varying` is needed and all are the same.
    """
    import numpy as np

    if dataset.train.ndim != 1:
        raise SeveralColumnsError(
            f"the slice has {dataset.train.shape[1]} value columns, this trainer takes one; "
            "name it in `column`"
        )
    values = np.asarray(dataset.train, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    if known.size == 0:
        raise NoDataError("every value of the train range is missing")
    if known.size < at_least:
        raise TooShortError(f"there are {known.size} training values, this trainer needs {at_least}")
    values = values[known[0] : known[-1] + 1]
    if varying and np.nanmax(values) == np.nanmin(values):
        raise ConstantDataError(f"every training value is {np.nanmax(values):g}; this trainer needs variance")
    return values


def require_length(values: Floats, needed: int) -> None:
    """Raise TooShortError where a model that looks back at `needed` values has fewer to go on from."""
    if values.size < needed:
        raise TooShortError(f"there are {values.size} values, the model goes on from {needed}")


def filled(values: ArrayLike, before: float | None = None) -> Floats:
    """Missing values replaced: linearly between known ones, by the nearest one at the ends.

    `before` is the value known before the first, and fills the beginning.
    """
    import numpy as np

    given = np.asarray(values, dtype=np.float64)
    missing = np.isnan(given)
    if not missing.any():
        return given
    result = given.copy()
    places = np.arange(given.size)
    if missing.all():
        result[:] = 0.0 if before is None else before
        return result
    result[missing] = np.interp(places[missing], places[~missing], given[~missing], left=before, right=None)
    return result
