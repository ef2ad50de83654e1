"""The sources given to `ledger split`, one after the other: URLs, files, and folders of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ledger.catalog.databases import in_sqlite, in_url
from ledger.catalog.files import in_file
from ledger.catalog.found import Search, Table
from ledger.errors import AccessError
from ledger.formats import DATABASES, FILES, ends_with
from ledger.schema import APPLICATION_ID


def tables(source: str, search: Search) -> Iterator[Table]:
    """Yield what is in a URL, a SQLite file, a data file, or a folder of such files.

    Of a folder only files are read whose names end as those of data do; a ledger in it, and the
    folder of models beside that, are left out. Raises AccessError for a source that is not there.
    """
    if "://" in source:
        yield from in_url(source, search)
        return
    path = Path(source)
    if not path.exists():
        raise AccessError(f"there is no file or folder {source}")
    for file in _files(path, search):
        if ends_with(file.name, DATABASES):
            yield from in_sqlite(file, search)
        elif search.wanted.takes_table(file.name) and (table := in_file(file, search)) is not None:
            yield table


def _files(path: Path, search: Search) -> Iterator[Path]:
    """The data files of a folder that were not seen yet, or the one file that `path` is."""
    found = [path]
    if path.is_dir():
        known = (*DATABASES, *FILES)
        found = [
            each
            for each in sorted(path.rglob("*"))
            if ends_with(each.name, known) and not _is_hidden(each.relative_to(path)) and each.is_file()
        ]
    ledgers = {each for each in found if ends_with(each.name, DATABASES) and _is_ledger(each)}
    models = {each.parent / "artifacts" for each in ledgers}
    for each in found:
        if each in ledgers:
            search.notes.skip("are ledgers", str(each))
        elif not models.isdisjoint(each.parents):
            search.notes.skip("lie among the models of a ledger", str(each))
        elif each.absolute() not in search.files:
            search.files.add(each.absolute())
            yield each


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_ledger(path: Path) -> bool:
    """Whether a SQLite file carries our mark. It is asked of SQLite: the mark may stand in its log yet."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            mark: int = connection.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.Error:
        return False  # whoever reads it will say what is wrong with it
    return mark == APPLICATION_ID
