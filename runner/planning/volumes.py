"""How much a run reads: rows and bytes, by database or folder of files."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ledger.records import Source
from ledger.secrets import masked
from ledger.stretches import Stretch
from runner.errors import RunnerError
from runner.places import place_of

CELL = 8
"""Bytes of a value in memory: a number, or a time."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What is read of one database, or of the files of one folder."""

    source: str
    slices: int
    tables: int  # or files
    rows: int
    bytes: int


def volumes(stretches: Sequence[Stretch], rows: Mapping[int, float], *, readings: float) -> list[Volume]:
    """What a run reads of each source, the largest first.

    `rows` are those of a slice by the first position of its stretch; a table of several slices is
    read `readings` times. Bytes are those of the file, where it is a file of this machine, else of
    the values as they are in memory.
    """
    tables: dict[Source, list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        tables[stretch.source].append(stretch)
    found: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for source, some in tables.items():
        slices = sum(each.slices for each in some)
        times = readings if slices > 1 else 1.0
        read = max(rows[each.first] for each in some)
        size = _file_size(some[0])
        cells = read * CELL * (slices + 1) if size is None else float(size)
        found[_name(source)].append((slices, times * read, times * cells))
    named = [
        Volume(
            source=name,
            slices=sum(slices for slices, _, _ in each),
            tables=len(each),
            rows=round(sum(read for _, read, _ in each)),
            bytes=round(sum(cells for _, _, cells in each)),
        )
        for name, each in found.items()
    ]
    return sorted(named, key=lambda volume: (-volume.bytes, volume.source))


def _name(source: Source) -> str:
    if source.file is None:
        return masked(str(source.database))
    return (
        masked(str(PurePosixPath(source.file).parent)) if "://" not in source.file else _folder(source.file)
    )


def _folder(url: str) -> str:
    return masked(url.rpartition("/")[0] or url)


def _file_size(stretch: Stretch) -> int | None:
    """The bytes of a file of this machine; None for a database, and for what is elsewhere or not there."""
    file = stretch.source.file
    if file is None or "://" in file:
        return None
    with contextlib.suppress(OSError, RunnerError):
        return Path(place_of(file, stretch.source.base).address).stat().st_size
    return None
