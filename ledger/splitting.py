"""A split file made from what is there: every series with ranges taken from its own end."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ledger.catalog.found import Names, Notes, Search, Wanted
from ledger.catalog.sources import tables
from ledger.errors import AccessError, LedgerError, RangeError
from ledger.formats import DATABASES, FILES
from ledger.splitrow import RANGES
from ledger.window import NoWindowError, Window

HEADER = ("id", "database", "table", "column", "file", *RANGES)
SCREEN = "-"


@dataclass(slots=True)
class SplitReport:
    """What was written and what was left out."""

    output: str
    notes: Notes
    series: int = 0
    tables: int = 0

    def lines(self) -> Iterator[str]:
        """The report in words."""
        yield f"{self.output}: {self.series} slices from {self.tables} tables or files"
        yield from self.notes.lines()
        if self.notes.urls:
            yield "In runner.toml:\n[databases]"
            yield from (f'"{name}" = "{url}"' for name, url in self.notes.urls.items())
        if self.output != SCREEN:
            yield f"Next: ledger import {self.output}"


def write_split(
    sources: Sequence[str], wanted: Wanted, output: Path, *, overwrite: bool = False
) -> SplitReport:
    """Write a row for every numeric column of every source; `output` `-` is the screen.

    Raises AccessError for a source that is not there, LedgerError for lengths that are none, for an
    `output` that is there already, and where nothing was found: then nothing is written.
    """
    window = Window.parse(wanted.train, wanted.test, wanted.until)
    on_screen = str(output) == SCREEN
    if output.exists() and not on_screen and not overwrite:
        raise LedgerError(f"{output} is there already; --force overwrites it, --output names another file")
    search = Search(wanted, Path.cwd() if on_screen else output.absolute().parent, window.rows)
    report = SplitReport(str(output), search.notes)
    rows = _rows(sources, search, window, report)
    first = next(rows, None)
    if first is None:
        raise LedgerError(_nothing(sources, search.notes))
    with _opened(output) as stream:
        writer = csv.DictWriter(stream, first, lineterminator="\n")
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)
    return report


def _rows(
    sources: Sequence[str], search: Search, window: Window, report: SplitReport
) -> Iterator[dict[str, str]]:
    ids = Names()
    for source in sources:
        for table in tables(source, search):
            try:
                ranges = window.ranges(table)
            except RangeError as error:
                search.notes.skip("have a time column that holds no times", f"{table.name} ({error})")
                continue
            except NoWindowError as error:
                search.notes.skip(str(error), table.name)
                continue
            report.tables += 1
            report.series += len(table.columns)
            for column in table.columns:
                name = ids.take(f"{table.name}.{column}")
                found = {**dict.fromkeys(HEADER, ""), "id": name, **table.source, "column": column}
                yield {**found, **dict(zip(RANGES, ranges, strict=True)), **search.wanted.reading()}


def _nothing(sources: Sequence[str], notes: Notes) -> str:
    places = [f"{kind}://…" if behind else kind for kind, behind, _ in (s.partition("://") for s in sources)]
    told = f"there is no series to make a slice of in {', '.join(places[:3])}; nothing was written"
    looked_for = f"files are looked for that end in {', '.join((*DATABASES, *FILES))}"
    return "\n".join([told, *(notes.lines() if notes.skipped else [looked_for])])


@contextmanager
def _opened(output: Path) -> Iterator[TextIO]:
    """The file to write, put in place when it is whole."""
    if str(output) == SCREEN:
        yield sys.stdout
        return
    temporary = output.with_name(f".{output.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        temporary.replace(output)
    except OSError as error:
        raise AccessError(f"{output} cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
