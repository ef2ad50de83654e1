"""What the ledger tells of itself."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta

import pandas as pd
import pytest
from sqlalchemy import event, update

from ledger.commands.failures import failures
from ledger.database import reading, writing
from ledger.errors import UnknownSliceError
from ledger.records import Artifact, Facts, Failure, Success
from ledger.requeue import Selection
from ledger.schema import attempts
from ledger.status import MOVES, Outcome, Status
from ledger.store import Ledger


@pytest.fixture
def attempt(ledger, make_slice, clock):
    """Make a slice, claim it, and end the attempt with a success or a failure."""
    runner = ledger.register_runner({})

    def make(slice_id: str, error: Failure | None = None, **columns) -> None:
        make_slice(slice_id, **columns)
        with ledger.recording() as record:
            held = record.claim(runner)
            if error is None:
                record.complete(
                    held, Success({"mae": 0.5}, (Artifact(slice_id, "json", 1, "0"),)), Facts(fit_seconds=1.0)
                )
            else:
                record.fail(held, error, Facts(output="said"), outcome=Outcome.FAILED, retry_at=None)

    return make


def test_the_counts_of_the_states_add_up(ledger, make_slice):
    for state in Status:
        make_slice(f"{state}1", status=state.value)
        make_slice(f"{state}2", status=state.value)

    report = ledger.status()

    assert set(report.counts.values()) == {2}
    assert (report.total, report.done) == (12, 6)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_counting_never_reads_the_whole_table(ledger, make_slice):
    make_slice("a")
    asked = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))

    ledger.status()

    with reading(ledger.engine) as conn:
        plans = [
            str(step[3])
            for sql, values in asked
            if sql.startswith("SELECT") and any(name in sql for name in ("slices", "failures"))
            for step in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]
    assert plans
    assert [
        plan for plan in plans if plan.startswith(("SCAN slices", "SCAN attempts")) and "INDEX" not in plan
    ] == []


def test_the_worst_errors_come_first(ledger, attempt):
    attempt("a", Failure("ValueError", "x"))
    attempt("b", Failure("OSError", "x"))
    attempt("c", Failure("OSError", "y"))

    assert [(error.error_type, error.count) for error in ledger.status().errors] == [
        ("OSError", 2),
        ("ValueError", 1),
    ]


def test_a_rate_is_told_while_a_runner_lives(ledger, attempt, make_slice):
    for number in range(8):
        attempt(str(number))
    make_slice("left")

    report = ledger.status()

    assert report.rate > 0
    assert report.eta[0] < report.eta[1]
    assert [runner.alive for runner in report.runners] == [True]


def test_no_rate_is_told_when_the_clock_was_set_back(ledger, attempt):
    for number in range(8):
        attempt(str(number))

    before = Ledger(ledger.engine, lambda: ledger.now() - timedelta(days=1))

    assert (before.status().rate, before.status().eta) == (None, None)


def test_no_rate_is_told_when_nobody_runs(ledger, attempt):
    attempt("a")
    ledger.end_runner(1, "finished")

    assert (ledger.status().rate, ledger.status().runners) == (None, ())


def test_slices_of_dead_runners_are_counted(ledger, make_slice):
    make_slice("a")
    runner = ledger.register_runner({})
    with ledger.recording() as record:
        record.claim(runner)
    from sqlalchemy import text

    with writing(ledger.engine) as conn:
        conn.execute(text("UPDATE runners SET pid_started = 'another'"))

    assert ledger.status().abandoned == 1


def test_the_same_error_of_many_slices_is_told_once_with_what_queues_them_again(ledger, attempt):
    for number in range(3):
        attempt(str(number), Failure("OSError", f"/data/{number}.csv: line {number * 7} is bad"))
    attempt("odd", Failure("OSError", "something else"))
    attempt("other", Failure("KeyError", "'x'"))

    groups = ledger.failures()

    assert [(group.error_type, group.count, group.example) for group in groups] == [
        ("OSError", 3, "0"),
        ("OSError", 1, "odd"),
        ("KeyError", 1, "other"),
    ]
    assert groups[2].requeue.startswith("ledger requeue --where \"last_error_type = 'KeyError'\"")


NASTY = '\'$(rm)` \\ 100% of "x" -- wait!'


@pytest.mark.parametrize("message", ["odd", f"odd {NASTY}", "", "series-b: odd\nmore of it"])
def test_what_a_group_says_queues_that_group_again_and_no_other(ledger, attempt, message):
    attempt("series-a", Failure("OSError", "even"))
    attempt("series-b", Failure("OSError", message))
    (condition,) = [
        shlex.split(group.requeue)[3] for group in ledger.failures() if group.example == "series-b"
    ]

    report = ledger.requeue(Selection(where=condition))

    assert report.queued == 1
    assert [group.example for group in ledger.failures()] == ["series-a"]


def test_messages_that_name_their_slice_are_one_group(ledger, attempt):
    attempt("web.cpu", Failure("ValueError", "no rows for web.cpu"))
    attempt("web.disk", Failure("ValueError", "no rows for web.disk"))

    (group,) = ledger.failures()

    assert group.count == 2


def test_of_very_many_groups_the_largest_are_printed(ledger, place, attempt, capsys):
    for number in range(22):
        attempt(str(number), Failure(f"Error{number}", "x"))

    failures(place)

    lines = capsys.readouterr().out.splitlines()
    assert sum(" × " in line for line in lines) == 20
    assert lines[-1] == "… and 2 slices in 2 smaller groups; --json shows all"


def test_failures_without_a_class_are_queued_again_too(ledger, make_slice, attempt):
    attempt("a", Failure("ValueError", "x"))
    with writing(ledger.engine) as conn:
        conn.execute(update(attempts).values(error_type=None))

    (group,) = ledger.failures()

    assert ledger.requeue(Selection(where=shlex.split(group.requeue)[3])).queued == 1


def test_the_history_of_a_slice_is_complete(ledger, attempt):
    attempt("a", extra=json.dumps({"region": "eu"}))

    history = ledger.history("a")

    assert history.status["status"] == "succeeded"
    assert history.attempts[0].metrics == {"mae": 0.5}
    assert history.attempts[0].artifacts[0].path == "a"


def test_an_unknown_slice_is_told(ledger):
    with pytest.raises(UnknownSliceError, match="no slice has the id 'x'"):
        ledger.history("x")


def test_current_metrics_are_those_of_the_champion_alone(ledger, attempt):
    attempt("a")
    runner = ledger.register_runner({})
    ledger.requeue(ledger_selection("a"))
    with ledger.recording() as record:
        held = record.claim(runner)
        record.complete(held, Success({"mae": 9.0}, passed=False, verdict="worse"), Facts())

    assert list(ledger.query("SELECT value FROM current_metrics")["value"]) == [0.5]


def ledger_selection(*ids: str):
    from ledger.requeue import Selection

    return Selection(ids=ids)


def test_the_diagram_of_the_docs_shows_every_move_and_no_other():
    from pathlib import Path

    page = (Path(__file__).parents[1] / "docs" / "states.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    told = {
        (Status(row[1].strip(" `")), Status(target.strip(" `")))
        for row in rows
        for target in row[2].split(",")
    }

    assert told == MOVES


def test_the_docs_explain_every_view_and_column():
    from pathlib import Path

    from ledger.views import VIEWS

    page = (Path(__file__).parents[1] / "docs" / "ledger.md").read_text(encoding="utf-8")
    missing = [f"{view.name}.{name}" for view in VIEWS for name in view.columns if f"`{name}`" not in page]

    assert missing == []
    assert [view.name for view in VIEWS if f"`{view.name}`" not in page] == []


def test_the_age_of_a_waiting_slice_is_told_in_the_view(ledger, make_slice, clock):
    make_slice("a", status="waiting", not_before=clock.now + timedelta(seconds=5))

    (told,) = ledger.query("SELECT not_before FROM slice_status")["not_before"]

    assert pd.Timestamp(told).isoformat() == "2026-01-01T00:00:05+00:00"
