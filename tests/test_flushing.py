"""Model files reach the disk before the ledger names them, several at a time."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import closing
from pathlib import Path

import pytest

import runner
from ledger.artifacts import ArtifactStore, CannotKeepError
from ledger.recording import Recording
from ledger.records import Claim, Facts, Slice
from runner.assignment import Report
from runner.flushing import Flushing

FOLDER = (
    "def train(row, data, folder):\n    (folder / 'model.bin').write_bytes(b'x')\n    return {'m': 1.0}\n"
)


class Store(ArtifactStore):
    """Flushes when it is let, and refuses the attempts named."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root), "0123456789")
        self.let = threading.Event()
        self.groups: list[int] = []
        self.refused: set[str] = set()

    def flush(self, artifacts):
        """Note how many come together."""
        self.let.wait(10)
        files = list(artifacts)
        self.groups.append(len(files))
        if any(file.path in self.refused for file in files):
            raise CannotKeepError("the disk refuses")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def flushing(store):
    with closing(Flushing(store)) as flushing:
        yield flushing
        store.let.set()


def report(store, number: int) -> Report:
    """What a worker says of slice `number`, whose file it has written."""
    held = Claim(Slice(str(number), "0", "1", "2", "3", file="f"), 1, number, 1, "hash", 0, 0)
    return Report(
        held, Facts(), metrics={"m": 1.0}, artifacts=store.keep(str(number), 1, {"m": b"x"}, "file")
    )


def test_a_report_comes_back_when_its_files_are_on_the_disk(flushing, store):
    given = report(store, 1)
    flushing.give(given)
    assert flushing.taken() == []
    assert [held.attempt_id for held in flushing.held] == [1]

    store.let.set()

    assert flushing.woken.poll(10)
    assert flushing.taken() == [given]
    assert flushing.held == []


def test_all_that_come_during_a_flush_share_the_next_one(flushing, store):
    flushing.give(report(store, 0))
    for number in range(1, 6):
        flushing.give(report(store, number))

    store.let.set()

    assert len(flushing.finish()) == 6
    assert sum(store.groups) == 6
    assert len(store.groups) <= 2


def test_a_file_that_the_disk_refuses_spoils_only_its_own_report(flushing, store):
    reports = [report(store, number) for number in range(3)]
    store.refused = {reports[1].artifacts[0].path}
    for each in reports:
        flushing.give(each)

    store.let.set()
    found = {each.held.attempt_id: each for each in flushing.finish()}

    assert [found[number].nothing_kept for number in range(3)] == [None, "the disk refuses", None]
    assert (found[1].artifacts, found[1].metrics) == ((), {})
    assert not Path(store.place(reports[1].artifacts[0].path)).exists()


def test_an_error_that_is_a_bug_ends_the_run_that_waits_for_it(flushing, store, monkeypatch):
    def broken(_):
        raise ZeroDivisionError

    monkeypatch.setattr(store, "flush", broken)
    flushing.give(report(store, 1))

    with pytest.raises(ZeroDivisionError):
        flushing.finish()
    assert flushing.finish() == []


@pytest.fixture
def project(place, ledger, tmp_path, monkeypatch):
    """Three slices of a file, and a worker file that leaves a model in its folder."""
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text("time,v\n" + "".join(f"{n},{n}\n" for n in range(10)), encoding="utf-8")
    Path("worker.py").write_text(FOLDER, encoding="utf-8")
    rows = "".join(f"{number},data.csv,0,6,7,9\n" for number in range(3))
    Path("split.csv").write_text(f"id,file,train_from,train_to,test_from,test_to\n{rows}", encoding="utf-8")
    ledger.import_slices("split.csv")
    return ledger


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("workers", [0, 2])
def test_the_ledger_names_no_file_that_is_not_on_the_disk(project, monkeypatch, workers):
    flushed: set[str] = set()
    unflushed: list[str] = []
    flush, complete = ArtifactStore.flush, Recording.complete

    def flushing(store, artifacts):
        files = list(artifacts)
        flush(store, files)
        flushed.update(file.path for file in files)

    def completing(record, held, success, facts):
        unflushed.extend(file.path for file in success.artifacts if file.path not in flushed)
        return complete(record, held, success, facts)

    monkeypatch.setattr(ArtifactStore, "flush", flushing)
    monkeypatch.setattr(Recording, "complete", completing)

    summary = runner.run(project, worker="worker.py", workers=workers, quiet=True)

    assert summary.succeeded == 3
    assert len(flushed) == 4  # the probe at the start too
    assert unflushed == []


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_disk_that_refuses_one_flush_costs_no_slice(project, monkeypatch):
    fsync, calls = os.fsync, []

    def full_once(fd):
        calls.append(fd)
        if len(calls) == 5:  # two are for the note beside the ledger, two the probe's
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", full_once)

    summary = runner.run(project, worker="worker.py", workers=0, quiet=True)

    assert (summary.succeeded, summary.released) == (3, 1)
