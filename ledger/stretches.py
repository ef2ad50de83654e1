"""The queue in stretches: slices that read one table or file and have one trainer, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from ledger.database import reading
from ledger.queue import PENDING, WAITING
from ledger.records import Ranges, Source
from ledger.schema import imports, slices
from ledger.splitrow import RANGES
from ledger.store import Ledger

_ACTIVE = [func.coalesce(slices.c[f"active_{name}"], slices.c[name]) for name in RANGES]
_ALIKE = (
    slices.c.database_name,
    slices.c.table_name,
    slices.c.file,
    slices.c.import_id,
    *_ACTIVE,
    slices.c.deferred,
    slices.c.priority,
    slices.c.trainer,
    slices.c.params,
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Slices still to be trained that are read together and trained alike."""

    source: Source
    rank: tuple[int, int]  # lower ones are claimed first
    trainer: str | None
    params: str | None  # JSON
    group: str | None  # of one of them
    first: int  # the position of the first one
    last: int  # and of the last one
    slices: int
    import_id: int


def stretches(ledger: Ledger) -> list[Stretch]:
    """What is pending or waiting, in the order in which it will be claimed.

    A ledger of a million tables of one slice each takes some 350 MB.
    """
    with reading(ledger.engine) as conn:
        folders = _folders(conn)
        ranges: dict[Ranges, Ranges] = {}  # most slices share theirs
        found = []
        for row in conn.execute(_counted(), execution_options={"stream_results": True}):
            database, table, file, import_id, *written = row[: 4 + len(RANGES)]
            deferred, priority, trainer, params, group, first, last, count = row[4 + len(RANGES) :]
            active = Ranges(*written)
            active = ranges.setdefault(active, active)
            source = Source(database, table, file, folders[import_id], active)
            rank = (deferred, -priority)
            found.append(Stretch(source, rank, trainer, params, group, first, last, count, import_id))
        return found


def positions(conn: Connection, stretch: Stretch, start: int, count: int) -> list[int]:
    """The positions of `count` slices of a stretch, from its slice number `start` on."""
    alike = [
        slices.c.trainer.is_not_distinct_from(stretch.trainer),
        slices.c.params.is_not_distinct_from(stretch.params),
    ]
    wanted = select(slices.c.position).where(*_of_source(stretch), *alike)
    return list(conn.execute(wanted.order_by(slices.c.position).offset(start).limit(count)).scalars())


def columns(conn: Connection, stretch: Stretch) -> tuple[str, ...]:
    """The columns that slices read from the stretch's table between its first slice and its last."""
    wanted = select(slices.c.column_name).where(*_of_source(stretch), slices.c.column_name.is_not(None))
    return tuple(conn.execute(wanted.order_by(slices.c.position)).scalars())


def _of_source(stretch: Stretch) -> list[ColumnElement[bool]]:
    source = stretch.source
    return [
        slices.c.position.between(stretch.first, stretch.last),  # so that not every slice is looked at
        slices.c.database_name.is_not_distinct_from(source.database),
        slices.c.table_name.is_not_distinct_from(source.table),
        slices.c.file.is_not_distinct_from(source.file),
        slices.c.import_id == stretch.import_id,
        slices.c.deferred == stretch.rank[0],
        slices.c.priority == -stretch.rank[1],
        *(column == getattr(source.ranges, name) for column, name in zip(_ACTIVE, RANGES, strict=True)),
        or_(PENDING, WAITING),
    ]


def _counted() -> Select[Any]:
    first = func.min(slices.c.position)
    return (
        select(*_ALIKE, func.min(slices.c.model_group), first, func.max(slices.c.position), func.count())
        .where(or_(PENDING, WAITING))
        .group_by(*_ALIKE)
        .order_by(slices.c.deferred, slices.c.priority.desc(), first)
    )


def _folders(conn: Connection) -> dict[int, str]:
    return {row.id: row.folder for row in conn.execute(select(imports.c.id, imports.c.folder))}
