"""When a worker process is replaced by a fresh one."""

from __future__ import annotations

import os

import pytest

import runner
from ledger.database import reading
from ledger.store import Ledger
from runner.wear import LEFT_OPEN, LOOK_EVERY, Wear, open_in

HEADER = "id,file,train_from,train_to,test_from,test_to\n"
WORKER = """
import os, threading

KEPT = []

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
{body}
    return {{"pid": float(os.getpid())}}
"""
KEEPS = {
    "files": "    KEPT.extend(open(os.devnull) for _ in range(5))",
    "threads": "    KEPT.append(threading.Event())\n"
    "    threading.Thread(target=KEPT[-1].wait, daemon=True).start()",
    "memory": "    KEPT.append(os.urandom(2**20))",
    "nothing": "    pass",
}


@pytest.fixture
def pids(sqlite_place, tmp_path, monkeypatch):
    """Train so many slices with one worker that keeps something; the processes that did, in their order."""
    monkeypatch.chdir(tmp_path)

    def run(keeps: str, count: int) -> list[float]:
        (tmp_path / "worker.py").write_text(WORKER.format(body=KEEPS[keeps]), encoding="utf-8")
        rows = "".join(f"{number},x,0,1,2,3\n" for number in range(count))
        (tmp_path / "split.csv").write_text(HEADER + rows, encoding="utf-8")
        with Ledger.open(sqlite_place) as ledger:
            ledger.import_slices(tmp_path / "split.csv")
            summary = runner.run(ledger, worker="worker.py", workers=1, quiet=True)
            with reading(ledger.engine) as conn:
                told = conn.exec_driver_sql("SELECT value FROM metrics ORDER BY attempt_id").scalars().all()
        assert (summary.exit_code, summary.succeeded, summary.crashed, summary.retried) == (0, count, 0, 0)
        return [float(pid) for pid in told]

    return run


def test_a_worker_is_replaced_after_so_many_slices(pids, monkeypatch):
    monkeypatch.setattr("runner.wear.SLICES_PER_WORKER", 10)

    trained_by = pids("nothing", 30)

    assert len(set(trained_by)) == 3
    assert trained_by == sorted(trained_by, key=trained_by.index)  # ten slices each, one after the other


def test_a_worker_that_keeps_nothing_stays(pids):
    assert len(set(pids("nothing", 3 * LOOK_EVERY))) == 1


@pytest.mark.parametrize(
    ("keeps", "limit", "most"),
    [("files", "LEFT_OPEN", 100), ("threads", "LEFT_OPEN", 20), ("memory", "GROWTH", 2**24)],
)
def test_a_worker_that_keeps_more_and_more_is_replaced(pids, monkeypatch, keeps, limit, most):
    monkeypatch.setattr(f"runner.wear.{limit}", most)

    assert len(set(pids(keeps, 3 * LOOK_EVERY))) > 1


def test_what_is_open_is_counted_in_files_and_threads():
    before = open_in(os.getpid())
    ends = os.pipe()

    after = open_in(os.getpid())
    for end in ends:
        os.close(end)

    assert after - before == 2


def test_a_process_that_is_gone_has_nothing_open():
    assert open_in(2**22 + 1) == 0


def test_a_worker_that_leaves_files_open_is_worn_out_before_the_system_refuses_more(monkeypatch):
    left = iter([10, 10 + LEFT_OPEN, 10 + LEFT_OPEN + 1])
    monkeypatch.setattr("runner.wear.open_in", lambda _: next(left))
    monkeypatch.setattr("runner.wear.memory_of", lambda _: 0)
    wear = Wear()

    told = [wear.is_too_much(1, None) for _ in range(2 * LOOK_EVERY)]

    assert told == [False] * (2 * LOOK_EVERY - 1) + [True]
