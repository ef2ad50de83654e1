"""The rows of a split file as they will stand in the ledger, put into a temporary table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from json.encoder import encode_basestring, encode_basestring_ascii

from sqlalchemy import Connection, text

from ledger import faults
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


def stage(conn: Connection, batches: Iterable[Batch], defaults: Defaults, check: Callable[[], None]) -> None:
    """Put the rows into the temporary table `staged`; `line` is their order.

    `check` is called when every row was read, before anything can be made of them.
    """
    types = ", ".join(f"{name} {'INTEGER' if name == 'priority' else 'TEXT'}" for name in COLUMNS)
    key = "line INTEGER PRIMARY KEY" if conn.dialect.name == "sqlite" else "line BIGSERIAL PRIMARY KEY"
    conn.execute(text(f"CREATE TEMPORARY TABLE staged ({key}, {types})"))
    mark = "?" if conn.dialect.name == "sqlite" else "%s"
    statement = f"INSERT INTO staged ({', '.join(COLUMNS)}) VALUES ({', '.join([mark] * len(COLUMNS))})"
    for batch in batches:
        if len(batch):
            conn.exec_driver_sql(statement, list(rows_of(batch, defaults)))
        faults.reach("importing")
    check()
    conn.execute(text("CREATE UNIQUE INDEX staged_id ON staged (id)"))


def rows_of(batch: Batch, defaults: Defaults) -> Iterator[tuple[str | int | None, ...]]:
    """The rows of a batch with the values of COLUMNS."""
    source = [_or_none(batch.column(name)) for name in ("database", "table", "column", "file")]
    ranges = [batch.column(name) for name in RANGES]
    extra = _extra(batch)
    trainer = [written.strip() or defaults.trainer for written in batch.column("trainer")]
    params = _params(batch.column("params"), defaults)
    return zip(
        batch.column("id"),
        *source,
        *ranges,
        extra,
        spec_hashes([*source, *ranges, extra, trainer, params]),
        _groups(batch, defaults.group_by),
        trainer,
        params,
        map(priority_of, batch.column("priority")),
        strict=True,
    )


def spec_hashes(decisive: Sequence[Text]) -> Iterator[str]:
    """A fingerprint of each row over all that decides over the model: source, ranges, extra, trainer, params.

    It is that of a JSON list, written here without a call for each row. Group and priority are left
    out: changing them trains nothing again.
    """
    written = []
    for column in decisive:
        known = {value: "null" if value is None else encode_basestring_ascii(value) for value in set(column)}
        written.append([known[value] for value in column])
    for row in zip(*written, strict=True):
        yield hashlib.blake2b(f"[{', '.join(row)}]".encode(), digest_size=16).hexdigest()


def _or_none(column: Sequence[str]) -> Text:
    return [value or None for value in column]


def _extra(batch: Batch) -> Text:
    """The user's own columns as a JSON object for each row, None where there are none."""
    names = sorted(name for name in batch.header if name not in UNDERSTOOD)
    if not names:
        return list(repeat(None, len(batch)))
    keys = [encode_basestring(name) for name in names]
    values = zip(*(map(encode_basestring, batch.column(name)) for name in names), strict=True)
    return ["{" + ", ".join(map("{}: {}".format, keys, row)) + "}" for row in values]


def _params(column: Sequence[str], defaults: Defaults) -> Text:
    known = {written: params_of(written) or defaults.params for written in set(column)}
    as_json = {
        written: json.dumps(dict(params), ensure_ascii=False, sort_keys=True) if params else None
        for written, params in known.items()
    }
    return [as_json[written] for written in column]


def _groups(batch: Batch, column: str | None) -> Text:
    named = _or_none(batch.column("group"))
    if column is None:
        return named
    by_column = batch.column(column)
    return [group or other or None for group, other in zip(named, by_column, strict=True)]
