"""Cutting data into what is trained on and what is tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ledger.ranges import interval
from ledger.records import Slice
from ledger.tabular import TIME_NAMES
from runner.errors import MissingColumnError, NoDataError, NotNumericError, ResultError
from runner.timeaxis import TimeAxis, time_axis

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Data: TypeAlias = pd.Series[float] | pd.DataFrame


RETURNED = "what get_data() returned"


@dataclass(frozen=True, slots=True)
class Cut:
    """The data of one slice: a Series for one value column, a DataFrame for several, by time."""

    train: Data
    test: Data
    labels: NDArray[np.bool_] | None = None  # (test rows,) which are known to be anomalous


def cut_columns(columns: Mapping[Any, Any], axis: TimeAxis, row: Slice) -> Cut:
    """Cut value columns by the slice's ranges; rows of equal time stay, in the order of the source.

    Raises NoDataError when a range selects nothing but missing values, NotNumericError for text,
    MissingColumnError where there is no column besides the time.
    """
    import numpy as np

    if not columns:
        raise MissingColumnError(f"{axis.source} has no column besides its time {str(axis.index.name)!r}")
    parts: list[Any] = []
    for which in ("train", "test"):
        start, end = row[f"{which}_from"], row[f"{which}_to"]
        places, index = axis.part(interval(start, end))
        part = {name: numbers_in(column, places, name, axis.source) for name, column in columns.items()}
        if not len(index) or all(np.isnan(values).all() for values in part.values()):
            what = "only missing values" if len(index) else "no rows"
            raise NoDataError(
                f"{axis.source}: the {which} range {start} to {end} selects {what}; "
                f"the source has {axis.span()}"
            )
        parts.append(frame_of(part, index))
    return Cut(*parts)


def frame_of(part: Mapping[Any, NDArray[np.float64]], index: pd.Index[Any]) -> Data:
    """Columns as a Series, where it is one, or as a DataFrame, by time."""
    import pandas as pd

    index = index.view()  # its name and frequency can be set: others have this one too
    if len(part) == 1:
        ((name, values),) = part.items()
        return pd.Series(values, index=index, name=name)
    return pd.DataFrame(part, index=index)


def numbers_in(column: Any, places: Any, name: Any, source: str) -> NDArray[np.float64]:
    """Some rows of a column as floats, NaN where a value is missing or infinite.

    Raises NotNumericError naming `source` and the first value that is no number.
    """
    import numpy as np
    import pandas as pd

    if isinstance(column, np.ndarray):
        values = column[places]
    else:
        chosen = column.iloc[places]
        if not pd.api.types.is_numeric_dtype(chosen):
            chosen = _parsed(chosen, name, source)
        values = chosen.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _parsed(column: pd.Series[Any], name: Any, source: str) -> pd.Series[Any]:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna() & column.notna() & (column.astype("string").str.strip() != "")
    if wrong.any():
        raise NotNumericError(
            f"{source}: column {name!r} holds {str(column[wrong].iloc[0])[:60]!r}, which is no "
            "number; correct it there, or turn it into one in get_data() of a worker file"
        )
    return numbers


def cut(data: Any, row: Slice) -> Cut:
    """Cut what a user's get_data returned.

    That is a pair (train, test), which is taken as it stands, or one Series or DataFrame whose
    index, or column called timestamp, time, date, datetime or ds, holds the time. Raises
    ResultError for anything else, and as `cut_columns` does.
    """
    if isinstance(data, Cut):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        train, test = map(part_of, data)
        return Cut(train, test)
    columns, times = columns_of(data)
    return cut_columns(columns, time_axis(times, RETURNED), row)


def columns_of(data: Any) -> tuple[dict[Any, pd.Series[Any]], pd.Series[Any] | pd.Index[Any]]:
    """The value columns of a Series or DataFrame, by name, and the time of each row.

    Raises ResultError for anything else.
    """
    import pandas as pd

    frame = data.to_frame() if isinstance(data, pd.Series) else data
    if not isinstance(frame, pd.DataFrame):
        raise ResultError(
            f"get_data() returned a {type(data).__name__}; it returns a pair (train, test), "
            "or one Series or DataFrame to cut"
        )
    named = [name for name in frame.columns if str(name).lower() in TIME_NAMES]
    times: pd.Series[Any] | pd.Index[Any] = frame.index
    if named and not isinstance(frame.index, pd.DatetimeIndex):
        times = frame[named[0]]
        frame = frame.drop(columns=named[0])
    return {name: frame[name] for name in frame.columns}, times


def part_of(part: Any) -> Data:
    """One part of a pair that get_data returned, as pandas knows it. Raises ResultError for what is none."""
    import numpy as np
    import pandas as pd

    if not isinstance(part, (pd.Series, pd.DataFrame)):
        try:
            numbers = np.asarray(part, dtype=np.float64) if isinstance(part, list) else part
            part = pd.Series(numbers, dtype=np.dtype(np.float64))
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
