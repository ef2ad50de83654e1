"""The rows of a split file as they will stand in the ledger, put into a temporary table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from sqlalchemy import Connection, text

from ledger import faults
from ledger.bulk import Value, alike, insert_columns, nothing_collected
from ledger.splitbatch import Batch
from ledger.splitrow import RANGES, UNDERSTOOD, params_of, priority_of

Text = Sequence[str | None]

COLUMNS = (
    "id",
    "database_name",
    "table_name",
    "column_name",
    "file",
    *RANGES,
    "extra",
    "spec_hash",
    "model_group",
    "trainer",
    "params",
    "priority",
)
SPEC = tuple(name for name in COLUMNS if name != "id")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an import fills in where a row names nothing of its own."""

    trainer: str | None = None
    params: Mapping[str, str] | None = None
    group_by: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """The sound rows of a split file. `check` is called when all were read, and raises what was wrong."""

    batches: Iterable[Batch]
    defaults: Defaults
    check: Callable[[], None]


def stage(conn: Connection, rows: Rows) -> None:
    """Put the rows into the temporary table `staged`; `line` is their order."""
    types = ", ".join(f"{name} {'INTEGER' if name == 'priority' else 'TEXT'}" for name in COLUMNS)
    key = "line INTEGER PRIMARY KEY" if conn.dialect.name == "sqlite" else "line BIGSERIAL PRIMARY KEY"
    conn.execute(text(f"CREATE TEMPORARY TABLE staged ({key}, {types})"))
    put(conn, "staged", rows)
    conn.execute(text("CREATE UNIQUE INDEX staged_id ON staged (id)"))


def put(conn: Connection, table: str, rows: Rows, **same: Value) -> int:
    """Insert every row into `table`, with the columns `same` alike in all; return how many there are.

    Raises what was wrong with them when every row was read.
    """
    count = 0
    with nothing_collected():
        for batch in rows.batches:
            if len(batch):
                insert_columns(conn, table, columns_of(batch, rows.defaults), **same)
            count += len(batch)
            faults.reach("importing")
    rows.check()
    return count


def columns_of(batch: Batch, defaults: Defaults) -> dict[str, Sequence[Value]]:
    """The values of COLUMNS for the rows of a batch."""
    source = [_or_none(batch.column(name)) for name in ("database", "table", "column", "file")]
    ranges = [batch.column(name) for name in RANGES]
    extra = _extra(batch)
    trainer = _each(lambda written: written.strip() or defaults.trainer, batch.column("trainer"))
    params = _params(batch.column("params"), defaults)
    hashes = list(spec_hashes([*source, *ranges, extra, trainer, params]))
    group = _groups(batch, defaults.group_by)
    priority = _each(priority_of, batch.column("priority"))
    values = (batch.column("id"), *source, *ranges, extra, hashes, group, trainer, params, priority)
    return dict(zip(COLUMNS, values, strict=True))


def spec_hashes(decisive: Sequence[Text]) -> Iterator[str]:
    """A fingerprint of each row over all that decides over the model: source, ranges, extra, trainer, params.

    It is that of a JSON list, written here without a call for each value: what stands in all rows is
    written once. Group and priority are left out: changing them trains nothing again.
    """
    template, varying = [], []
    for column in decisive:
        if alike(column):
            template.append(_json(column[0]).replace("%", "%%"))
        else:
            template.append("%s")
            varying.append(_each(_json, column))
    written = f"[{', '.join(template)}]"
    rows = zip(*varying, strict=True) if varying else repeat((), len(decisive[0]))
    for row in rows:
        yield hashlib.blake2b((written % row).encode(), digest_size=16).hexdigest()


def _json(value: str | None) -> str:
    return "null" if value is None else encode_basestring_ascii(value)


def _each(of: Callable[[Any], Any], column: Text) -> list[Any]:
    """`of` every value; few are different."""
    if alike(column):
        return [of(column[0])] * len(column)
    known = {value: of(value) for value in set(column)}
    return [known[value] for value in column]


def _or_none(column: Sequence[str]) -> Text:
    return column if all(column) else [value or None for value in column]


def _extra(batch: Batch) -> Text:
    """The user's own columns as a JSON object for each row, None where there are none."""
    names = sorted(name for name in batch.header if name not in UNDERSTOOD)
    if not names:
        return list(repeat(None, len(batch)))
    keys = [encode_basestring(name) for name in names]
    values = zip(*(map(encode_basestring, batch.column(name)) for name in names), strict=True)
    return ["{" + ", ".join(map("{}: {}".format, keys, row)) + "}" for row in values]


def _params(column: Sequence[str], defaults: Defaults) -> Text:
    def as_json(written: str) -> str | None:
        params = params_of(written) or defaults.params
        return json.dumps(dict(params), ensure_ascii=False, sort_keys=True) if params else None

    return _each(as_json, column)


def _groups(batch: Batch, column: str | None) -> Text:
    named = _or_none(batch.column("group"))
    if column is None:
        return named
    by_column = batch.column(column)
    return [group or other or None for group, other in zip(named, by_column, strict=True)]
