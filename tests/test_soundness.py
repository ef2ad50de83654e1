"""When SQLite must read the whole file before a run, and when it is known to be whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from ledger import soundness
from ledger.errors import NotALedgerError
from ledger.store import Ledger
from tests.fleet import import_slices, train

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def place(tmp_path):
    """A ledger of three slices whose first process has ended as it should."""
    with Ledger.open(tmp_path / "ledger.db") as made:
        import_slices(made, tmp_path, "a", "b", "c")
    return tmp_path / "ledger.db"


def checks(place: Path) -> int:
    """How often SQLite reads the whole file when a run begins."""
    asked = []
    with Ledger.open(place, create=False) as ledger:
        event.listen(ledger.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
        ledger.require_sound()
    return sum("quick_check" in sql for sql in asked)


KILLED = """
import os, sys
from ledger.store import Ledger
from tests.fleet import train
ledger = Ledger.open(sys.argv[1], create=False)
{more}
train(ledger)
os.kill(os.getpid(), 9)
"""


def killed(place: Path, more: str = "") -> None:
    """Record a result in a process that is killed with the result in the log."""
    words = [sys.executable, "-c", KILLED.format(more=more), str(place)]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == -9
    assert log_of(place).stat().st_size > 0


def log_of(place: Path) -> Path:
    return place.with_name("ledger.db-wal")


def test_after_a_clean_stop_the_file_is_not_read_again(place):
    with Ledger.open(place) as ledger:
        train(ledger)

    assert [checks(place), checks(place)] == [0, 0]


def test_a_clean_stop_stays_one_when_the_machine_is_started_anew(place, monkeypatch):
    monkeypatch.setattr("ledger.soundness.boot_id", lambda: "another boot")

    assert checks(place) == 0


@pytest.mark.parametrize("more", ["", "train(ledger); ledger.checkpoint()"])
def test_after_a_kill_that_left_the_log_the_file_is_not_read_either(place, more):
    killed(place, more)

    assert checks(place) == 0


def test_who_only_looks_after_a_kill_leaves_it_known(place):
    killed(place)

    with Ledger.open(place, create=False, read_only=True) as looking:
        looking.status()

    assert checks(place) == 0


@pytest.mark.parametrize("suffixes", [["-wal"], ["-wal", "-shm"]])
def test_after_a_kill_with_the_log_deleted_the_file_is_read_once(place, suffixes):
    killed(place)

    for suffix in suffixes:
        place.with_name(f"ledger.db{suffix}").unlink()

    assert [checks(place), checks(place)] == [1, 0]


def test_after_a_power_cut_the_file_is_read_once(place, monkeypatch):
    killed(place)
    monkeypatch.setattr("ledger.soundness.boot_id", lambda: "another boot")

    assert [checks(place), checks(place)] == [1, 0]


def test_a_checkpoint_that_was_cut_short_makes_the_file_unknown(place):
    killed(place)
    with place.open("r+b") as file:  # the same bytes, but written
        file.write(place.read_bytes()[:1])
    os.utime(place)

    assert [checks(place), checks(place)] == [1, 0]


def test_a_copy_that_was_put_in_its_place_is_read_once(place, tmp_path):
    shutil.copy(place, tmp_path / "kept.db")
    place.unlink()
    shutil.copy(tmp_path / "kept.db", place)

    assert [checks(place), checks(place)] == [1, 0]


def test_what_another_program_wrote_is_read_once(place):
    with closing(sqlite3.connect(place)) as other, other:
        other.execute("INSERT INTO settings VALUES ('mine', '1')")

    assert [checks(place), checks(place)] == [1, 0]


@pytest.mark.parametrize("noted", ["", "{", "[]", '{"file": []}'])
def test_a_note_that_cannot_be_read_says_nothing(place, noted):
    place.with_name("ledger.db.sound").write_text(noted, encoding="utf-8")

    assert checks(place) == 1


def test_damage_met_at_work_is_never_noted_as_whole(place):
    with Ledger.open(place) as ledger, pytest.raises(NotALedgerError), ledger.recording():
        raise_corrupt(ledger)

    assert not soundness.is_known(place)


def raise_corrupt(ledger: Ledger) -> None:
    """Do what SQLite does when it meets a page that makes no sense."""
    with closing(sqlite3.connect(ledger.path)) as raw:
        (root,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'settings'").fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    with ledger.path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    with Ledger.open(ledger.path) as again:
        again.setting("uuid")
