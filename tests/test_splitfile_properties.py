"""Any split file: kept word for word, or refused whole with the line and column of what is wrong."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select

from ledger.database import reading
from ledger.errors import SplitFileError
from ledger.schema import imports, slices
from ledger.splitfile import LONGEST_FIELD
from ledger.store import Ledger

RANGES = ("train_from", "train_to", "test_from", "test_to")
HEADER = ("id", "database", "table", "column", "file", *RANGES)
WITHIN = ("0", "9", "10", "14")
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
FILLED = WORDS.filter(str.strip)
LOOKALIKES = ("1", "01", " 1", "1 ", "1.0", "1e0", "1e3", "1000", "9" * 40, "é", "e\u0301", "'", '"', "a\nb")
IDS = st.sampled_from(LOOKALIKES) | FILLED
SOURCES = st.tuples(st.none(), st.none(), st.none(), FILLED) | st.tuples(
    FILLED, FILLED, FILLED | st.none(), st.none()
)
NAMES = FILLED.map(str.strip).filter(
    lambda name: name not in (*HEADER, "trainer", "params", "group", "priority")
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
LINE_ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def tables(draw) -> list[list[str]]:
    """A header with columns of the user's own, and rows of sound content."""
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    ids = draw(st.lists(IDS, min_size=1, max_size=6, unique=True))
    own = st.lists(WORDS, min_size=len(names), max_size=len(names))
    rows = [[id, *(word or "" for word in draw(SOURCES)), *WITHIN, *draw(own)] for id in ids]
    return [[*HEADER, *names], *rows]


def written(table: list[list[str]], separator: str = ",", line_end: str = "\n") -> str:
    """The table as CSV. (Python's own writer leaves a lone carriage return without quotes.)"""

    def field(word: str) -> str:
        return '"' + word.replace('"', '""') + '"' if set(word) & {separator, '"', "\r", "\n"} else word

    return "".join(separator.join(map(field, row)) + line_end for row in table)


@pytest.fixture(scope="module")
def imported(blank_ledger: Path) -> Callable[[bytes], AbstractContextManager[tuple[Ledger, Path]]]:
    """A new ledger, and a split file of these bytes."""

    @contextmanager
    def importing(content: bytes) -> Iterator[tuple[Ledger, Path]]:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(blank_ledger, Path(folder, "ledger.db"))
            path = Path(folder, "split.csv")
            path.write_bytes(content)
            with Ledger.open(Path(folder, "ledger.db"), create=False) as ledger:
                yield ledger, path

    return importing


def rows_of(ledger: Ledger) -> list[tuple[object, ...]]:
    """The slices in the order of import."""
    columns = ("id", "database_name", "table_name", "column_name", "file", *RANGES, "extra")
    with reading(ledger.engine) as conn:
        return [
            tuple(row)
            for row in conn.execute(select(*(slices.c[name] for name in columns)).order_by(slices.c.position))
        ]


def stored(table: list[list[str]]) -> list[tuple[object, ...]]:
    """What of a table must be in the ledger."""
    names = table[0][len(HEADER) :]
    return [
        (
            row[0],
            *(word or None for word in row[1:5]),
            *WITHIN,
            dict(zip(names, row[len(HEADER) :], strict=True)) or None,
        )
        for row in table[1:]
    ]


def found(ledger: Ledger) -> list[tuple[object, ...]]:
    """The slices, with the user's own columns as a mapping."""
    return [(*row[:-1], json.loads(row[-1]) if row[-1] else None) for row in rows_of(ledger)]


def is_untouched(ledger: Ledger) -> bool:
    """Whether nothing of any import is there."""
    with reading(ledger.engine) as conn:
        return not rows_of(ledger) and conn.execute(select(imports)).first() is None


@given(tables(), ENCODINGS, LINE_ENDS)
def test_every_word_of_a_sound_file_comes_back_as_it_was_written(imported, table, encoding, line_end):
    with imported(written(table, line_end=line_end).encode(encoding)) as (ledger, path):
        first = ledger.import_slices(path)
        again = ledger.import_slices(path, prune=True)

        assert (first.added, first.rows) == (len(table) - 1, len(table) - 1)
        assert (again.added, again.changed, again.retired, again.unchanged) == (0, 0, 0, len(table) - 1)
        assert found(ledger) == stored(table)


@given(tables(), st.sampled_from(";\t|"))
def test_a_file_with_another_separator_is_refused(imported, table, separator):
    with imported(written(table, separator).encode()) as (ledger, path):
        with pytest.raises(SplitFileError, match="line 1"):
            ledger.import_slices(path)

        assert is_untouched(ledger)


FAULTS = st.sampled_from(
    [
        ("id", " ", "the id is empty"),
        ("id", "a\0b", "holds a NUL character"),
        ("train_from", "", "is empty"),
        ("train_from", "soon", "neither a number nor a time"),
        ("train_from", "-NaN", "neither a number nor a time"),
        ("train_to", "-1", "comes before train_from"),
        ("test_from", "9999-12", "'9999-12' is a time and '14' a number"),
        ("test_to", "2", "comes before test_from"),
    ]
)


@given(tables(), FAULTS, st.integers(0, 5), ENCODINGS, LINE_ENDS)
def test_one_wrong_field_is_told_with_its_line_and_column(imported, table, fault, place, encoding, line_end):
    column, value, told = fault
    place = 1 + place % (len(table) - 1)
    table[place][HEADER.index(column)] = value
    line = 1 + len(re.findall("\r\n|\r|\n", written(table[:place], line_end=line_end)))

    with imported(written(table, line_end=line_end).encode(encoding)) as (ledger, path):
        with pytest.raises(SplitFileError) as caught:
            ledger.import_slices(path)

        assert caught.value.problems == (caught.value.problems[0],)
        assert caught.value.problems[0].startswith(f"{path}, line {line}, column {column}: ")
        assert told in caught.value.problems[0]
        assert is_untouched(ledger)


@given(tables(), st.data())
def test_an_id_that_stands_twice_is_told_with_both_lines(imported, table, data):
    row = data.draw(st.sampled_from(table[1:]))
    first, last = (
        1 + len(re.findall("\r\n|\r|\n", written(table[:end]))) for end in (table.index(row), len(table))
    )

    with imported(written([*table, row]).encode()) as (ledger, path):
        with pytest.raises(SplitFileError) as caught:
            ledger.import_slices(path)

        assert caught.value.problems == (
            f"{path}, line {last}, column id: the id {row[0]!r} stands in line {first} already",
        )
        assert is_untouched(ledger)


SOUND = b'id,file,train_from,train_to,test_from,test_to,note\na,x.csv,0,9,10,14,"b\nc"\nd,x.csv,0,9,10,14,\n'
SPLINTERS = st.sampled_from(
    [b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xfe", b"\xc3", b"\xef\xbb\xbf", b"NaN", b" "]
)


@st.composite
def damaged(draw) -> bytes:
    """A sound file with some bytes of it replaced."""
    content = draw(st.sampled_from([SOUND, SOUND.decode().encode("utf-16"), b"\xef\xbb\xbf" + SOUND]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        content = (
            content[:start]
            + draw(SPLINTERS | st.binary(max_size=3))
            + content[start + draw(st.integers(0, 9)) :]
        )
    return content


@given(st.binary() | damaged())
@example(b"")
@example(b"\xff\xfe")
@example(b"\xff\xfea")
@example(SOUND.splitlines(keepends=True)[0])
@example(SOUND.replace(b"x.csv", b"\0"))
@example(SOUND.replace(b"b\nc", b"x" * 10_000_000))
@example(SOUND.replace(b"note", b"no\0te"))
@example(SOUND.replace(b",0,9,", b",-NaN,-sNaN,"))
@example(SOUND.replace(b",0,9,10,14", b",0001-01-01T00:00+02:00,9999-12,9999-12,9999-12"))
@example(SOUND.decode().encode("utf-32"))
def test_any_bytes_are_imported_whole_or_refused_whole(imported, content):
    with imported(content) as (ledger, path):
        try:
            report = ledger.import_slices(path)
        except SplitFileError:
            assert is_untouched(ledger)
            return

        assert report.added == report.rows == len(rows_of(ledger)) > 0
        assert ledger.import_slices(path).unchanged == report.rows


@pytest.mark.parametrize(("length", "accepted"), [(LONGEST_FIELD, True), (LONGEST_FIELD + 1, False)])
def test_a_field_of_one_megabyte_is_the_longest(imported, length, accepted):
    with imported(SOUND.replace(b"b\nc", b"x" * length)) as (ledger, path):
        if accepted:
            assert ledger.import_slices(path).added == 2
        else:
            with pytest.raises(SplitFileError, match="line 2: field larger than field limit"):
                ledger.import_slices(path)


def test_a_refused_file_leaves_what_was_imported_before(imported):
    with imported(SOUND) as (ledger, path):
        ledger.import_slices(path)
        before = rows_of(ledger)
        path.write_bytes(SOUND.replace(b"x.csv", b"y.csv").replace(b"\nd,", b"\na,"))

        with pytest.raises(SplitFileError, match="stands in line 2 already"):
            ledger.import_slices(path, prune=True)

        assert rows_of(ledger) == before
