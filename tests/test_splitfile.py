"""Split files: what is accepted word for word, and every problem with its line and column."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import AccessError, SplitFileError
from ledger.findings import SHOWN, Findings
from ledger.splitbatch import Batch
from ledger.splitfile import read_batches
from ledger.splitrow import RANGES, SOURCE
from ledger.staging import Defaults, columns_of, spec_hashes

FILES = "id,file,train_from,train_to,test_from,test_to"
BOTH = "id,database,table,column,file,train_from,train_to,test_from,test_to"


@pytest.fixture
def read(tmp_path):
    def reading(content: str | bytes):
        path = tmp_path / "split.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        findings = Findings("split.csv")
        rows = []
        for batch in filter(len, read_batches(path, findings)):
            columns = columns_of(batch, Defaults())
            rows += [
                SimpleNamespace(**dict(zip(columns, row, strict=True)))
                for row in zip(*columns.values(), strict=True)
            ]
        return rows, findings

    return reading


def test_both_layouts_may_stand_in_one_file(read):
    rows, findings = read(f"{BOTH}\na,db,t,c,,0,9,10,14\nb,,,,x.csv,0,9,10,14\n")

    assert findings.count == 0
    assert [(row.id, row.database_name, row.file) for row in rows] == [
        ("a", "db", None),
        ("b", None, "x.csv"),
    ]


def test_columns_of_the_users_own_are_kept_as_text(read):
    rows, _ = read(f"{FILES},region,zip\na,x.csv,0,9,10,14,eu,00123\n")

    assert json.loads(rows[0].extra) == {"region": "eu", "zip": "00123"}


def test_trainer_params_group_and_priority_are_understood(read):
    rows, _ = read(f"{FILES},trainer,params,group,priority\na,x.csv,0,9,10,14,arima,order=2,g,7\n")

    assert (rows[0].trainer, rows[0].params, rows[0].model_group, rows[0].priority) == (
        "arima",
        '{"order": "2"}',
        "g",
        7,
    )


def test_several_params_are_separated_by_semicolons(read):
    rows, _ = read(f'{FILES},params\na,x.csv,0,9,10,14,"order=2,1,2; period = 7"\n')

    assert json.loads(rows[0].params) == {"order": "2,1,2", "period": "7"}


@pytest.mark.parametrize("ids", [("1", "01", " 1", "1.0", "1e0"), ("é", "e\u0301"), ("1" * 40, "2" * 40)])
def test_ids_are_text_exactly_as_written(read, ids):
    rows, findings = read(FILES + "\n" + "".join(f"{name},x.csv,0,9,10,14\n" for name in ids))

    assert findings.count == 0
    assert tuple(row.id for row in rows) == ids


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{FILES}\na,x.csv,0,9,10,14\n".encode(),
        f"{FILES}\r\na,x.csv,0,9,10,14\r\n".encode(),
        f"{FILES}\na,x.csv,0,9,10,14\n".encode("utf-16"),
        f"{FILES}\n\na,x.csv,0,9,10,14".encode(),
        b" id , file ,train_from,train_to,test_from,test_to\na,x.csv,0,9,10,14\n",
    ],
    ids=["BOM", "CRLF", "UTF-16", "empty line", "spaces in the header"],
)
def test_what_editors_and_spreadsheets_write_is_read(read, content):
    rows, findings = read(content)

    assert (findings.count, [row.id for row in rows]) == (0, ["a"])


def test_a_quoted_line_break_belongs_to_its_field_and_lines_are_still_counted(read):
    rows, findings = read(f'{FILES},note\na,x.csv,0,9,10,14,"two\nlines"\nb,x.csv,9,0,10,14,\n')

    assert json.loads(rows[0].extra)["note"] == "two\nlines"
    assert findings.problems == ["split.csv, line 4, column train_to: '0' comes before train_from '9'"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "line 1: the file is empty"),
        ("\n" + FILES, "line 1: the line is empty; the first line names the columns"),
        (f"{FILES}\na,x.csv,0,9,10,14\n".encode("utf-16-le"), "line 1: holds NUL characters, as UTF-16"),
        (FILES.replace(",", ";") + "\n", "line 1: has semicolons between the columns"),
        (FILES.replace(",", "\t") + "\n", "line 1: has tabs between the columns"),
        (FILES.replace("id", "ID") + "\n", "column id: the column is missing; 'ID' must be written 'id'"),
        (FILES.replace("file", "File") + "\n", "nor a column database; 'File' must be written 'file'"),
        (f"{FILES}\n", "line 1: there are no rows"),
        ("id,file,train_from,train_to,test_from\n", "line 1, column test_to: the column is missing"),
        ("file,train_from,train_to,test_from,test_to\n", "column id: the column is missing"),
        ("id,train_from,train_to,test_from,test_to\n", "neither a column file nor a column database"),
        (f"{FILES},file\n", "column file: there are two columns of this name"),
        (f"{FILES}\n,x.csv,0,9,10,14\n", "line 2, column id: the id is empty"),
        (f"{FILES}\na,x.csv,0,9,10\n", "line 2: has 5 fields, the header has 6"),
        (f"{FILES}\na,,0,9,10,14\n", "line 2, column file: names neither a file nor a database"),
        (f"{BOTH}\na,db,t,c,x.csv,0,9,10,14\n", "column file: names both a file and a database"),
        (f"{BOTH}\na,db,,c,,0,9,10,14\n", "column table: the table is empty"),
        (f"{FILES}\na,x.csv,9,0,10,14\n", "column train_to: '0' comes before train_from '9'"),
        (f"{FILES}\na,x.csv,soon,9,10,14\n", "column train_from: 'soon' is neither a number nor a time"),
        (f"{FILES}\na,x.csv,,9,10,14\n", "column train_from: is empty"),
        (f"{FILES}\na,x.csv,0,9,2014-01-01,2014-01-02\n", "column test_from: is a time where train_from is"),
        (f"{FILES},params\na,x.csv,0,9,10,14,order\n", "column params: 'order' is not of the form key=value"),
        (f"{FILES},priority\na,x.csv,0,9,10,14,high\n", "column priority: 'high' is no whole number"),
        (f"{FILES}\na,x\0.csv,0,9,10,14\n", "line 2"),
        (f'{FILES}\na,"x.csv,0,9,10,14\n', "line 2: unexpected end of data"),
        (f"{FILES}\na,{'x' * 1_100_000},0,9,10,14\n", "line 2: field larger than field limit"),
    ],
)
def test_a_problem_is_told_with_its_line_and_column(read, content, problem):
    _, findings = read(content)

    assert findings.count >= 1
    assert problem in "\n".join(findings.problems)


def test_a_duplicate_id_is_told_with_both_lines(read):
    _, findings = read(f"{FILES}\na,x.csv,0,9,10,14\nb,x.csv,0,9,10,14\na,y.csv,0,9,10,14\n")

    assert findings.problems == ["split.csv, line 4, column id: the id 'a' stands in line 2 already"]


@pytest.mark.parametrize(
    ("column", "url"),
    [
        ("database", "postgresql://u:secret@h/d"),
        ("database", "postgresql://u:secret/or@h/d"),
        ("database", "postgresql://u:${PW}secret@h/d"),
        ("database", "postgresql://h/d?user=u&password=secret"),
        ("database", "mssql+pyodbc:///?odbc_connect=UID%3Du;PWD%3Dsecret"),
        ("file", "ftp://u:secret@h/x.csv"),
        ("file", "s3://key:secret@bucket/x.csv"),
        ("group", "http://u:secret@h/"),
        ("webhook", "https://u:secret@h/hook"),
        ("webhook", "https://h/hook?client_secret=secret"),
    ],
)
def test_a_password_in_a_url_of_any_column_is_refused_and_not_repeated(read, column, url):
    row = {"id": "a", "database": "", "table": "", "file": "", "group": "", "webhook": ""}
    row |= {"database": url, "table": "t"} if column == "database" else {"file": "x.csv", column: url}

    _, findings = read(
        f"{','.join(row)},train_from,train_to,test_from,test_to\n{','.join(row.values())},0,9,10,14\n"
    )

    assert findings.count == 1
    assert f"line 2, column {column}: the URL holds a password" in findings.problems[0]
    assert "write ${NAME} in its place" in findings.problems[0]
    assert "secret" not in findings.problems[0]


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://u:${PW}@h/d,t,c,",
        "postgresql://h/d?user=u&password=${PW},t,c,",
        "postgresql://u@h:5432/d,t,c,",
        "sqlite:////data/a@b.db,t,c,",
        ",,c,ftp://u:${PW}@h/x.csv",
        ",,c,https://h:9000/data/cpu@node1.csv",
    ],
)
def test_a_url_without_a_password_or_with_a_variable_in_its_place_is_accepted(read, source):
    _, findings = read(f"{BOTH}\na,{source},0,9,10,14\n")

    assert findings.problems == []


def test_text_that_is_not_utf_8_is_told(read):
    rows = "".join(f"{n},x.csv,0,9,10,14\n" for n in range(3_000))

    _, findings = read(f"{FILES}\n{rows}".encode() + b"caf\xe9,x.csv,0,9,10,14\n")

    assert findings.problems == ["split.csv, line 3002: is not UTF-8 text; save the file as UTF-8"]


def test_utf_16_text_that_is_cut_off_is_told(read):
    _, findings = read(f"{FILES}\na,x.csv,0,9,10,14\n".encode("utf-16")[:-1])

    assert findings.problems == ["split.csv: is not whole UTF-16 text; save it as UTF-8"]


def test_the_first_problems_are_told_and_all_are_counted(read):
    _, findings = read(FILES + "\n" + "a,x.csv,9,0,10,14\n" * 30)

    with pytest.raises(SplitFileError, match=r"… and 39 more\nNothing was imported") as caught:
        findings.raise_if_any()

    assert (len(caught.value.problems), caught.value.count) == (SHOWN, 59)


def test_a_test_range_that_overlaps_the_train_range_is_counted_and_accepted(read):
    rows, findings = read(f"{FILES}\na,x.csv,0,9,9,14\nb,x.csv,0,9,10,14\n")

    assert (len(rows), findings.count, findings.overlapping) == (2, 0, 1)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(AccessError, match="cannot be read: No such file"):
        list(read_batches(tmp_path / "none.csv", Findings("none.csv")))


ODD = st.sampled_from(["", " ", "x", "é", '"', "\\", "\x7f", "\u2028", "a=1", "a=1;b", ";", "7", "1_0", "😀"])


@st.composite
def tables(draw):
    """A header and rows that need not be sound."""
    own = draw(st.lists(st.sampled_from(["region", "zip", "Ünïcode"]), unique=True))
    header = [
        "id",
        *draw(st.permutations([*RANGES, *SOURCE, "trainer", "params", "group", "priority", *own])),
    ]
    cells = {name: st.sampled_from(["0", "1", "2026-01-01", "2026-01-02 10:00", "no"]) for name in RANGES}
    row = st.tuples(*(cells.get(name, ODD) for name in header)).map(list)
    return header, draw(st.lists(row, min_size=1, max_size=6))


@given(tables())
def test_rows_that_are_looked_at_together_are_judged_as_if_each_came_alone(table):
    header, rows = table
    together, alone = Findings("x"), Findings("x")

    judged = Batch(header, rows, list(range(2, len(rows) + 2))).sound(together)
    one_by_one = [
        Batch(header, [row], [line]).sound(alone).rows == [row] for line, row in enumerate(rows, start=2)
    ]

    assert judged.rows == [row for row, sound in zip(rows, one_by_one, strict=True) if sound]
    assert (together.problems, together.overlapping) == (alone.problems, alone.overlapping)


@given(st.lists(st.tuples(*[st.none() | st.text()] * 4), min_size=1))
def test_a_fingerprint_is_that_of_the_row_as_a_json_list(rows):
    hashes = list(spec_hashes(list(zip(*rows, strict=True))))

    assert hashes == [hashlib.blake2b(json.dumps(row).encode(), digest_size=16).hexdigest() for row in rows]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_columns_of_the_users_own_become_json_as_the_library_writes_it(values):
    header = ["id", "b", "a"]
    batch = Batch(header, [["x", value, "1"] for value in values], list(range(len(values))))
    extras = columns_of(batch, Defaults())["extra"]

    assert extras == [
        json.dumps({"a": "1", "b": value}, ensure_ascii=False, sort_keys=True) for value in values
    ]


def test_lines_are_counted_through_empty_ones_and_line_ends_in_quotes(read):
    _, findings = read(
        'id,file,train_from,train_to,test_from,test_to,note\n\na,x,0,1,2,3,"one\r\ntwo\nthree"\n\nb,x,0,1,2,3,\nb,x,0,1,2,3,\n'
    )

    assert findings.problems == ["split.csv, line 8, column id: the id 'b' stands in line 7 already"]


def test_a_row_that_ends_in_the_middle_is_told_with_its_line_and_what_is_wrong_before_it(read):
    _, findings = read('id,file,train_from,train_to,test_from,test_to\n,x,0,1,2,3\nb,"x\n')

    assert [problem.partition(";")[0] for problem in findings.problems] == [
        "split.csv, line 2, column id: the id is empty",
        "split.csv, line 3: unexpected end of data",
    ]
