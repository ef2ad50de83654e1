"""Cutting data into what is trained on and what is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ledger.ranges import interval
from ledger.records import Slice
from ledger.tabular import TIME_NAMES
from runner.errors import MissingColumnError, NoDataError, NotNumericError, ResultError
from runner.timeaxis import TimeAxis, time_axis

if TYPE_CHECKING:
    import pandas as pd

    Data = pd.Series[float] | pd.DataFrame


RETURNED = "what get_data() returned"


@dataclass(frozen=True, slots=True)
class Cut:
    """The data of one slice: a Series for one value column, a DataFrame for several, by time."""

    train: Data
    test: Data


def cut_frame(frame: pd.DataFrame, axis: TimeAxis, row: Slice) -> Cut:
    """Cut value columns by the slice's ranges; rows of equal time stay, in the order of the source.

    Raises NoDataError when a range selects nothing but missing values, NotNumericError for text,
    MissingColumnError where there is no column besides the time.
    """
    if not len(frame.columns):
        raise MissingColumnError(f"{axis.source} has no column besides its time {str(axis.index.name)!r}")
    parts = []
    for which in ("train", "test"):
        start, end = row[f"{which}_from"], row[f"{which}_to"]
        inside = axis.inside(interval(start, end))
        part = numeric(frame[inside].set_axis(axis.index[inside], axis=0), axis.source)
        if part.empty or part.isna().to_numpy().all():
            what = "only missing values" if len(part) else "no rows"
            raise NoDataError(
                f"{axis.source}: the {which} range {start} to {end} selects {what}; "
                f"the source has {axis.span()}"
            )
        if not part.index.is_monotonic_increasing:
            part = part.sort_index(kind="stable")
        parts.append(part.iloc[:, 0] if part.shape[1] == 1 else part)
    return Cut(*parts)


def numeric(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """The columns as floats, NaN where a value is missing or infinite.

    Raises NotNumericError naming `source` and the first value that is no number.
    """
    import numpy as np
    import pandas as pd

    columns = {}
    for name in frame.columns:
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            numbers = pd.to_numeric(column, errors="coerce")
            wrong = numbers.isna() & column.notna() & (column.astype("string").str.strip() != "")
            if wrong.any():
                raise NotNumericError(
                    f"{source}: column {name!r} holds {str(column[wrong].iloc[0])[:60]!r}, which is no "
                    "number; correct it there, or turn it into one in get_data() of a worker file"
                )
            column = numbers
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        columns[name] = np.where(np.isfinite(values), values, np.nan)
    return pd.DataFrame(columns, index=frame.index)


def cut(data: Any, row: Slice) -> Cut:
    """Cut what a user's get_data returned.

    That is a pair (train, test), which is taken as it stands, or one Series or DataFrame whose
    index, or column called timestamp, time, date, datetime or ds, holds the time. Raises
    ResultError for anything else, and as `cut_frame` does.
    """
    import pandas as pd

    if isinstance(data, Cut):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return Cut(*(_pandas(part) for part in data))
    frame = data.to_frame() if isinstance(data, pd.Series) else data
    if not isinstance(frame, pd.DataFrame):
        raise ResultError(
            f"get_data() returned a {type(data).__name__}; it returns a pair (train, test), "
            "or one Series or DataFrame to cut"
        )
    named = [name for name in frame.columns if str(name).lower() in TIME_NAMES]
    if named and not isinstance(frame.index, pd.DatetimeIndex):
        return cut_frame(frame.drop(columns=named[0]), time_axis(frame[named[0]], RETURNED), row)
    return cut_frame(frame, time_axis(frame.index, RETURNED), row)


def _pandas(part: Any) -> Data:
    import pandas as pd

    if not isinstance(part, (pd.Series, pd.DataFrame)):
        try:
            part = pd.Series(part, dtype="float64")
        except (TypeError, ValueError):
            raise ResultError(f"get_data() returned a pair with a {type(part).__name__} in it") from None
    if part.empty:
        raise NoDataError("get_data() returned an empty part")
    return part  # type: ignore[no-any-return]


def require_column(wanted: str, there: list[str], place: str) -> None:
    """Raise MissingColumnError, naming columns of a similar name, unless `wanted` is there."""
    if wanted in there:
        return
    import difflib

    near = difflib.get_close_matches(wanted, there, n=3) or there[:5]
    raise MissingColumnError(
        f"{place} has no column {wanted!r}; it has {', '.join(map(repr, near))}"
        + (" and others" if len(there) > len(near) else "")
    )
