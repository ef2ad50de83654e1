"""SQL of the user's own: answered, and unable to write."""

from __future__ import annotations

import pytest

from ledger.errors import QueryError
from ledger.query import answering


def test_a_query_is_answered_as_a_frame(ledger, make_slice):
    make_slice("a")

    frame = ledger.query("SELECT id, status FROM slice_status")

    assert frame.to_dict("records") == [{"id": "a", "status": "pending"}]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM slices",
        "UPDATE slices SET status = 'failed'",
        "INSERT INTO settings VALUES ('x', 'y')",
        "DROP TABLE slices",
        "CREATE TEMP TABLE t (x)",
        "ATTACH 'other.db' AS other",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "VACUUM INTO 'copy.db'",
        "SELECT 1; DELETE FROM slices",
        "SELECT load_extension('x')",
        "WITH gone AS (SELECT 1) DELETE FROM slices",
        "SELECT nothing FROM nowhere",
        "this is no SQL",
        "",
    ],
)
def test_what_is_more_than_a_question_is_refused_and_changes_nothing(
    ledger, make_slice, tmp_path, monkeypatch, sql
):
    monkeypatch.chdir(tmp_path)
    make_slice("a")

    with pytest.raises(QueryError):
        ledger.query(sql)

    assert ledger.status().total == 1
    assert not list(tmp_path.glob("*other*")) + list(tmp_path.glob("*copy*"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM slices;",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT max(i) FROM n",
        "SELECT avg(value), ':x' FROM metrics WHERE name LIKE 'm%'",
        "SELECT row_number() OVER (ORDER BY id) FROM slices",
    ],
)
def test_every_question_is_answered(ledger, sql):
    assert ledger.query(sql).shape[1] >= 1


def test_the_rows_of_a_large_answer_come_one_by_one(ledger):
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"

    with answering(ledger.engine.url, sql) as answer:
        first = next(answer.rows)

    assert first == (1,)
