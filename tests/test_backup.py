"""A backup is the ledger of one moment in one file, whoever was writing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from ledger.backup import back_up
from ledger.database import writing
from ledger.errors import AccessError, LedgerError
from ledger.records import Facts, Success
from ledger.schema import settings
from ledger.store import Ledger
from tests.every_state import fill
from tests.invariants import broken
from tests.rows import rows_of

ROOT = Path(__file__).resolve().parents[1]
HEADER = "id,file,train_from,train_to,test_from,test_to\n"


def test_a_backup_has_every_row_of_the_ledger(new_place, tmp_path):
    with Ledger.open(new_place()) as ledger:
        fill(ledger, tmp_path)
        back_up(ledger, tmp_path / "backup.db")

        with Ledger.open(tmp_path / "backup.db") as restored:
            assert rows_of(restored) == rows_of(ledger)


def test_a_backup_is_one_whole_file(ledger, make_slice, tmp_path):
    make_slice()  # which is in the write-ahead log only

    report = back_up(ledger, tmp_path / "backups.db")

    assert sorted(path.name for path in tmp_path.glob("backups*")) == ["backups.db"]
    with closing(sqlite3.connect(f"file:{report.file}?immutable=1", uri=True)) as raw:
        assert raw.execute("SELECT count(*) FROM slices").fetchone() == (1,)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (report.slices, report.bytes) == (1, report.file.stat().st_size)


def test_a_backup_elsewhere_finds_the_model_files(new_place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with Ledger.open(new_place()) as ledger:
        back_up(ledger, "elsewhere/backup.db")

    with Ledger.open("elsewhere/backup.db") as restored:
        assert restored.artifact_root() == str(tmp_path / "artifacts")


def test_a_root_of_the_users_own_stays_as_it_is_written(ledger, tmp_path):
    with writing(ledger.engine) as conn:
        conn.execute(settings.insert().values(key="artifact_root", value="s3://models/here"))

    back_up(ledger, tmp_path / "backup.db")

    with Ledger.open(tmp_path / "backup.db") as restored:
        assert restored.artifact_root() == "s3://models/here"


def test_a_backup_while_others_write_is_of_one_moment(new_place, tmp_path):
    (tmp_path / "split.csv").write_text(HEADER + "".join(f"{n},x,0,1,2,3\n" for n in range(3_000)))
    stop, begun = Event(), Event()
    with Ledger.open(new_place()) as ledger:
        ledger.import_slices(tmp_path / "split.csv")

        def train() -> None:
            me = ledger.register_runner({})
            while not stop.is_set():
                with ledger.recording() as record:
                    if (held := record.claim(me)) is None:
                        return
                with ledger.recording() as record:
                    record.complete(held, Success({"m": 1.0}), Facts())
                begun.set()

        with ThreadPoolExecutor(1) as pool:
            trained = pool.submit(train)
            begun.wait()
            for number in range(3):
                back_up(ledger, tmp_path / f"backup-{number}.db")
            stop.set()
            trained.result()

    for number in range(3):
        assert wrong_in(tmp_path / f"backup-{number}.db") == []


def wrong_in(backup: Path) -> list[str]:
    with closing(sqlite3.connect(backup)) as raw:
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    return broken(backup, imported=3_000)


def test_a_backup_never_replaces_a_file(ledger, tmp_path):
    (tmp_path / "kept").write_text("something")

    with pytest.raises(LedgerError, match="exists already; give the backup a name of its own"):
        back_up(ledger, tmp_path / "kept")

    assert (tmp_path / "kept").read_text() == "something"


def test_a_backup_into_no_folder_is_told(ledger, tmp_path):
    with pytest.raises(AccessError, match="folder .*none of the backup does not exist"):
        back_up(ledger, tmp_path / "none" / "backup.db")


def test_a_backup_that_the_disk_refuses_leaves_nothing(new_place, tmp_path):
    resource = pytest.importorskip("resource", reason="only POSIX limits the size of files")
    place, folder = new_place(), tmp_path / "backups"
    folder.mkdir()
    (tmp_path / "split.csv").write_text(HEADER + "".join(f"{n},x,0,1,2,3\n" for n in range(5_000)))
    with Ledger.open(place) as ledger:
        ledger.import_slices(tmp_path / "split.csv")

    done = subprocess.run(
        [sys.executable, "-m", "ledger", "backup", str(folder / "backup.db"), "--ledger", place],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )  # fmt: skip

    assert done.returncode == 7, done.stderr
    assert done.stderr.startswith("Error: ")
    assert list(folder.iterdir()) == []


def test_the_command_says_how_to_restore(sqlite_ledger, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ledger", "backup", "backup.db"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "backup.db: 0 slices, 0." in done.stdout
    assert f"rm -f {sqlite_ledger.path} {sqlite_ledger.path}-wal {sqlite_ledger.path}-shm; cp " in done.stdout


def test_what_restores_a_backup_can_be_typed(tmp_path):
    (tmp_path / "two words").mkdir()
    with Ledger.open(tmp_path / "two words" / "ledger.db") as ledger:
        report = back_up(ledger, tmp_path / "two words" / "kept.db")

    assert report.restoring().endswith(
        f"rm -f '{ledger.path}' '{ledger.path}-wal' '{ledger.path}-shm'; cp '{report.file}' '{ledger.path}'"
    )
    elsewhere = replace(report, of="postgresql://h/db?x=1&y=2")
    assert elsewhere.restoring().endswith(" 'postgresql://h/db?x=1&y=2'")
