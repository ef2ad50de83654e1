"""The columns of a file in bounded memory, while it is parsed and afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from runner.fetching import fitting

if TYPE_CHECKING:
    import pandas as pd

CELLS = 4_000_000
"""Values parsed at one time: 32 MB of numbers."""


def parsed(
    stream: IO[bytes],
    names: list[str],
    wanted: list[str],
    columns: Sequence[str] | None,
    options: Mapping[str, Any],
) -> pd.DataFrame:
    """The wanted columns, as many as a worker keeps; parsed in parts, so few more are ever there."""
    import pandas as pd

    # Naming all columns would let longer lines pass unseen.
    some = None if wanted == names else wanted
    kept, count, parts = list(wanted), 0, []
    with pd.read_csv(stream, usecols=some, chunksize=max(1, CELLS // len(wanted)), **options) as reader:
        for part in reader:
            count += len(part)
            kept = kept_columns(kept, columns, count)
            parts.append(part[kept] if len(kept) < len(wanted) else part)
    if len(parts) == 1:
        return parts[0]
    return pd.DataFrame({name: pd.concat([part[name] for part in parts]) for name in kept})


def kept_columns(wanted: Sequence[str], columns: Sequence[str] | None, rows: int) -> list[str]:
    """The columns that a worker keeps of a file with so many rows: the first of `columns` and the time.

    The others are a bonus: those that slices need last are left out where all would take too much.
    """
    if columns is None:
        return list(wanted)
    rank = {name: place for place, name in reversed(list(enumerate(columns)))}  # the time has none
    first = sorted(wanted, key=lambda name: rank.get(name, 0))[: fitting(len(wanted), rows, least=2)]
    return [name for name in wanted if name in first]
