"""The answer to a query as columns, in bounded memory while it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.windows import BUDGET

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

CELLS = 1_000_000
"""Values that are Python objects at one time: some 32 MB."""


def fetched(conn: Connection, wanted: Select[Any], *, least: int) -> list[Any]:
    """The columns of the answer: the first as a Series, the others as float arrays where they are numbers.

    The first `least` columns come whole. The others are a bonus: the last of them are left out as
    soon as all would take more than a worker keeps.
    """
    import pandas as pd

    width = len(wanted.selected_columns)
    parts: list[list[Any]] = [[] for _ in range(width)]
    count = 0
    answer = conn.execute(wanted, execution_options={"stream_results": True})
    for rows in answer.partitions(max(1, CELLS // width)):
        count += len(rows)
        width = fitting(width, count, least=least)
        for column, values in zip(parts[:width], zip(*rows, strict=True), strict=False):
            column.append(_column(values))
    first, *others = [_joined(each) for each in parts[:width]] if count else [pd.Series([])]
    return [pd.Series(first), *others]


def fitting(width: int, rows: int, *, least: int) -> int:
    """How many of `width` columns of so many rows a worker keeps in memory; at least the first `least`."""
    return max(least, min(width, BUDGET // (8 * max(1, rows))))


def _column(values: tuple[Any, ...]) -> Any:
    import numpy as np
    import pandas as pd

    if set(map(type, values)) <= {float, int, type(None)}:
        return np.array(values, dtype=np.float64)
    return pd.Series(list(values))


def _joined(parts: list[Any]) -> Any:
    import numpy as np
    import pandas as pd

    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return pd.concat([pd.Series(part) for part in parts], ignore_index=True)
