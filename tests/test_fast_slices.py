"""Slices of less than a millisecond: a worker holds several, and each is still accounted for by itself."""

from __future__ import annotations

import socket
from collections import Counter

import pytest

import runner
from ledger.database import reading
from ledger.store import Ledger
from runner.pool import Pool
from runner.stride import MOST, Stride

HEADER = "id,file,train_from,train_to,test_from,test_to,more\n"
WORKER = """
import os, signal, sys, time

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
{body}
    return {{"pid": float(os.getpid())}}
"""


@pytest.fixture
def trained(sqlite_place, tmp_path, monkeypatch):
    """Run a worker file over so many slices; the summary, and outcomes and pids by slice."""
    monkeypatch.chdir(tmp_path)

    def run(body: str, count: int, *, more: str = "", workers: int = 2, table_of=lambda _: "x", **options):
        (tmp_path / "worker.py").write_text(WORKER.format(body=f"    {body}"), encoding="utf-8")
        rows = "".join(f"{number},{table_of(number)},0,1,2,3,{more}\n" for number in range(count))
        (tmp_path / "split.csv").write_text(HEADER + rows, encoding="utf-8")
        with Ledger.open(sqlite_place) as ledger:
            ledger.import_slices(tmp_path / "split.csv")
            summary = runner.run(ledger, worker="worker.py", workers=workers, quiet=True, **options)
            with reading(ledger.engine) as conn:
                told = conn.exec_driver_sql(
                    "SELECT a.slice_id, a.outcome, m.value FROM attempts a "
                    "LEFT JOIN metrics m ON m.attempt_id = a.id AND m.name = 'pid' ORDER BY a.id"
                ).all()
        outcomes: dict[str, list[str]] = {}
        for slice_id, outcome, _ in told:
            outcomes.setdefault(slice_id, []).append(outcome)
        return summary, outcomes, {slice_id: pid for slice_id, _, pid in told if pid is not None}

    return run


@pytest.fixture
def handed(monkeypatch):
    """The numbers of slices that workers were allowed to hold besides the one they trained."""
    seen: list[int] = []
    asked = Stride.ahead.fget

    def ahead(stride: Stride) -> int:
        seen.append(asked(stride))
        return seen[-1]

    monkeypatch.setattr(Stride, "ahead", property(ahead))
    return seen


def test_workers_hold_several_fast_slices_and_each_is_trained_once(trained, handed):
    summary, outcomes, _ = trained("pass", 400)

    assert (summary.exit_code, summary.succeeded) == (0, 400)
    assert set(map(tuple, outcomes.values())) == {("succeeded",)}
    assert max(handed) > MOST // 4


def test_one_that_kills_its_worker_costs_those_behind_it_nothing(trained, handed):
    summary, outcomes, _ = trained("if row.id == '300': os._exit(3)", 400, backoff=0.01)

    assert max(handed) > MOST // 4
    assert outcomes.pop("300") == ["crashed"] * 3
    assert set(map(tuple, outcomes.values())) == {("succeeded",)}
    assert (summary.succeeded, summary.failed) == (399, 1)


def test_one_that_hangs_costs_those_behind_it_nothing(trained, handed):
    summary, outcomes, _ = trained(
        "if row.id == '300': time.sleep(600)", 400, timeout=1.0, max_attempts=1, workers=1
    )

    assert max(handed) > MOST // 4
    assert outcomes.pop("300") == ["timeout"]
    assert set(map(tuple, outcomes.values())) == {("succeeded",)}
    assert (summary.succeeded, summary.failed) == (399, 1)


def test_one_that_ends_just_before_its_worker_is_killed_costs_those_behind_it_nothing(trained, handed):
    body = (
        "told = []; signal.signal(signal.SIGTERM, lambda *_: told.append(1))\n"
        "    while row.id == '300' and not told: time.sleep(0.01)\n"
        "    if row.id == '301': time.sleep(5)"
    )
    summary, outcomes, _ = trained(body, 400, timeout=8.0, max_attempts=1, workers=1)

    assert max(handed) > MOST // 4
    assert set(map(tuple, outcomes.values())) == {("succeeded",)}
    assert summary.succeeded == 400


def test_what_a_worker_prints_stays_with_the_slice_that_printed_it(trained, sqlite_place):
    trained("print('this is', row.id)", 200)

    with Ledger.open(sqlite_place) as ledger, reading(ledger.engine) as conn:
        told = conn.exec_driver_sql("SELECT slice_id, output FROM attempts").all()
    assert {slice_id: f"this is {slice_id}\n" for slice_id, _ in told} == dict(map(tuple, told))


def test_rows_and_reports_that_fill_the_line_do_not_stop_it(trained, handed):
    body = (
        "return {f'metric {number:06d}': 1.0 for number in range(12_000)} if int(row.id) >= 150 else {'m': 1}"
    )
    summary, outcomes, _ = trained(body, 190, more="x" * 30_000)

    assert max(handed) > MOST // 4
    assert summary.succeeded == 190
    assert set(map(tuple, outcomes.values())) == {("succeeded",)}


def test_a_worn_worker_ends_its_slices_before_it_is_replaced(trained, monkeypatch):
    monkeypatch.setattr("runner.wear.SLICES_PER_WORKER", 50)

    summary, outcomes, pids = trained("pass", 600)

    assert summary.succeeded == 600
    assert set(map(tuple, outcomes.values())) == {("succeeded",)}
    counts = Counter(pids.values()).values()
    assert len(counts) >= 600 // (50 + MOST)
    assert max(counts) <= 50 + MOST


def test_no_more_slices_are_claimed_than_the_limit_allows(trained, handed):
    summary, outcomes, _ = trained("pass", 400, limit=211)

    assert (summary.succeeded, len(outcomes)) == (211, 211)


@pytest.mark.parametrize("limit", [6, 8, 9])
def test_a_limit_ends_a_run_also_where_one_worker_alone_may_read_what_is_left(
    sqlite_place, tmp_path, monkeypatch, limit
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "worker.py").write_text(WORKER.format(body="    time.sleep(0.1)"), encoding="utf-8")
    ranges = "train_from,train_to,test_from,test_to"
    rows = "".join(f"{n},db{n > 2:d},t,c{n},0,1,2,3\n" for n in range(12))
    (tmp_path / "split.csv").write_text(f"id,database,table,column,{ranges}\n{rows}", encoding="utf-8")
    with Ledger.open(sqlite_place) as ledger:
        ledger.import_slices(tmp_path / "split.csv")

        summary = runner.run(
            ledger, worker="worker.py", workers=2, per_source=1, limit=limit, time_limit=30, quiet=True
        )

    assert (summary.succeeded, summary.stopped_by) == (limit, None)


def test_training_in_this_process_holds_several_too(trained, handed):
    summary, outcomes, _ = trained("pass", 400, workers=0)

    assert max(handed) > MOST // 4
    assert summary.succeeded == 400
    assert set(map(tuple, outcomes.values())) == {("succeeded",)}


def test_slow_slices_behind_fast_ones_are_left_to_whoever_is_free(trained, handed):
    slow = {str(number) for number in range(300, 312)}
    summary, _, pids = trained(
        f"time.sleep(0.3 if row.id in {slow} else 0)",
        600,
        table_of=lambda number: f"{number // 300}{str(number) in slow}",
    )

    assert max(handed) > MOST // 4
    assert summary.succeeded == 600
    shares = Counter(pid for number, pid in pids.items() if number in slow).values()
    assert len(shares) == 2
    assert min(shares) >= 3


def test_one_that_ends_its_worker_in_the_middle_of_an_answer_has_crashed(trained):
    half = (
        "import gc, struct; from multiprocessing.connection import Connection\n"
        "    lines = [each for each in gc.get_objects() if isinstance(each, Connection)]\n"
        "    half = struct.pack('!i', 1_000) + b'half'\n"
        "    if row.id == '5': print([os.write(each.fileno(), half) for each in lines]); os._exit(3)"
    )
    summary, outcomes, _ = trained(half, 10, backoff=0.01)

    assert outcomes.pop("5") == ["crashed"] * 3
    assert set(map(tuple, outcomes.values())) == {("succeeded",)}
    assert (summary.succeeded, summary.failed) == (9, 1)


def test_a_default_timeout_of_the_program_s_sockets_changes_nothing(trained):
    socket.setdefaulttimeout(60.0)
    try:
        summary, _, _ = trained("pass", 6, more="x" * 400_000)
    finally:
        socket.setdefaulttimeout(None)

    assert summary.succeeded == 6


def test_a_run_that_is_told_to_stop_sleeps_while_a_worker_ends_its_slice(trained, monkeypatch):
    looks: list[float] = []
    events = Pool.events

    def looking(pool: Pool, timeout: float, *more):
        looks.append(timeout)
        return events(pool, timeout, *more)

    monkeypatch.setattr(Pool, "events", looking)
    summary, _, _ = trained("time.sleep(3 if row.id == '1' else 0.05)", 200, time_limit=1.0)

    assert 1 <= summary.succeeded < 200
    assert len(looks) < 500


def test_a_child_that_a_training_has_forked_answers_nothing(trained):
    summary, outcomes, _ = trained("os.fork() if int(row.id) % 7 == 0 else None", 200)

    assert summary.succeeded == 200
    assert set(map(tuple, outcomes.values())) == {("succeeded",)}
