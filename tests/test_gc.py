"""What no row names is removed; what a runner writes, another ledger owns or nobody can explain stays."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from ledger.artifacts import ArtifactStore
from ledger.database import reading, writing
from ledger.errors import LedgerError
from ledger.gc import PROBE_SECONDS, collect
from ledger.orphans import judge, unnamed
from ledger.schema import settings
from ledger.store import Ledger
from tests.fleet import claim, complete, import_slices, keep, lose, train

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def ledger(new_place, tmp_path, monkeypatch):
    """A ledger of three slices, on both databases; model files are in the folder `artifacts`."""
    monkeypatch.chdir(tmp_path)
    with Ledger.open(new_place()) as opened:
        import_slices(opened, tmp_path, "a", "b", "c")
        yield opened


def end_all(ledger: Ledger) -> None:
    """No runner is at work any more."""
    ledger.take_back_lost([runner.id for runner in ledger.live_runners()])


def files_in(ledger: Ledger) -> set[Path]:
    return {path for path in Path(ledger.artifact_root()).rglob("*") if path.is_file()}


def test_the_file_of_a_runner_that_died_before_its_result_was_recorded_is_removed(ledger):
    named = train(ledger)
    orphan = lose(ledger)
    end_all(ledger)
    assert files_in(ledger) == {named, orphan}
    size = orphan.stat().st_size

    collected = ledger.gc()

    assert files_in(ledger) == {named}
    assert (collected.files, collected.bytes) == (1, size)
    assert ledger.verify().orphans == ()
    assert not orphan.parent.exists()  # it was the only file there


def test_a_dry_run_says_the_same_and_removes_nothing(ledger):
    orphan = lose(ledger)

    collected = ledger.gc(dry_run=True)

    assert collected.lines() == ["1 file (0.0 MB) would be removed"]
    assert orphan.exists()


def test_what_is_being_written_stays_whole_or_cut_short(ledger):
    held = claim(ledger)
    (kept,) = keep(ledger, held)
    whole = Path(ledger.artifact_store().place(kept.path))
    cut_short = whole.with_name(f"{whole.name}.4711.tmp")
    cut_short.touch()

    collected = ledger.gc()
    complete(ledger, held, (kept,))

    assert collected.files == 0
    assert files_in(ledger) == {whole, cut_short}
    assert ledger.verify().sound


def test_a_temporary_file_goes_once_its_attempt_has_ended(ledger):
    named = train(ledger)
    cut_short = named.with_name(f"{named.name}.4711.tmp")
    cut_short.touch()

    ledger.gc()

    assert files_in(ledger) == {named}


def test_a_result_recorded_while_files_are_looked_for_keeps_its_files(ledger):
    # It had no row when the files were listed, and no running attempt when the ledger was read.
    held = claim(ledger)
    kept = keep(ledger, held)
    candidates = unnamed(ledger.engine, ledger.artifact_store().files())
    complete(ledger, held, kept)

    with reading(ledger.engine) as conn:
        orphans = judge(conn, candidates)

    assert len(candidates) == 1
    assert (orphans.left_over, orphans.unexplained) == ((), ())


def test_an_attempt_that_begins_while_files_are_looked_for_keeps_its_files(ledger):
    class Busy(ArtifactStore):
        def files(self):
            keep(ledger, claim(ledger))
            yield from super().files()

    store = Busy(ledger.artifact_root(), ledger.uuid())
    collected = collect(ledger.engine, store, now=datetime.now(UTC))

    assert (collected.files, collected.unexplained, len(files_in(ledger))) == (0, 0, 1)


def test_files_newer_than_the_ledger_stay_unless_they_are_meant(ledger):
    file = train(ledger)
    newer = file.with_name(file.name.replace(".1.json", ".2.json"))
    file.rename(newer)

    kept = ledger.gc()
    end_all(ledger)
    removed = ledger.gc(unexplained=True)

    assert (kept.files, kept.unexplained) == (0, 1)
    assert "1 file stayed that the ledger cannot explain" in kept.lines()[-1]
    assert (removed.files, removed.unexplained) == (1, 0)
    assert not newer.exists()


def test_a_model_whose_row_is_lost_is_kept(ledger):
    file = train(ledger)
    other = file.with_name(file.name.replace(".json", ".npz"))
    other.touch()

    collected = ledger.gc()

    assert (collected.files, collected.unexplained) == (0, 1)
    assert other.exists()


def test_unexplained_files_are_not_removed_under_a_runner(ledger):
    claim(ledger)

    with pytest.raises(LedgerError, match="is at work on this ledger; stop it first"):
        ledger.gc(unexplained=True)


def test_a_folder_that_a_runner_may_be_about_to_fill_stays(ledger):
    orphan = lose(ledger, "one", "two")
    me = ledger.register_runner({})

    ledger.gc()
    while_it_works = orphan.parent.exists()
    ledger.end_runner(me, "finished")
    ledger.gc()

    assert while_it_works
    assert not orphan.parent.exists()
    assert not orphan.parent.parent.exists()


def test_the_files_of_other_ledgers_and_other_people_stay(ledger):
    orphan = lose(ledger)
    end_all(ledger)
    theirs = ArtifactStore(ledger.artifact_root(), "87654321-0000")
    theirs.keep("a", 1, {"model.json": b"{}"}, "json")
    (orphan.parent / "notes.txt").touch()
    (orphan.parent.parent / "abc").mkdir(exist_ok=True)
    before = files_in(ledger)

    ledger.gc()

    assert files_in(ledger) == before - {orphan}


def test_a_probe_left_by_a_crash_goes_when_it_is_old(ledger):
    train(ledger)
    own = Path(ledger.artifact_root()) / ledger.uuid()[:8]
    probe = own / "probe-17"
    probe.touch()
    later = datetime.now(UTC) + timedelta(seconds=PROBE_SECONDS + 60)

    collect(ledger.engine, ledger.artifact_store(), now=datetime.now(UTC))
    soon_after = probe.exists()
    collect(ledger.engine, ledger.artifact_store(), now=later)

    assert (soon_after, probe.exists()) == (True, False)


def test_what_the_disk_does_not_let_go_is_told(ledger):
    orphan = lose(ledger)

    class Stubborn(ArtifactStore):
        def discard(self, path):
            raise PermissionError(13, "Permission denied", path)

    store = Stubborn(ledger.artifact_root(), ledger.uuid())
    collected = collect(ledger.engine, store, now=datetime.now(UTC))

    assert collected.files == 0
    assert collected.lines()[1] == (
        f"1 could not be removed, such as {orphan.relative_to(ledger.artifact_root()).as_posix()}"
    )


@pytest.fixture
def in_memory(tmp_path):
    """A ledger whose model files are in memory, by fsspec."""
    with Ledger.open(tmp_path / "ledger.db") as opened:
        with writing(opened.engine) as conn:
            conn.execute(insert(settings).values(key="artifact_root", value=f"memory://gc-{opened.uuid()}"))
        import_slices(opened, tmp_path, "a", "b")
        yield opened


def test_model_files_behind_a_url_are_collected_too(in_memory):
    held = claim(in_memory)
    complete(in_memory, held, keep(in_memory, held))
    lose(in_memory)

    collected = in_memory.gc()

    assert collected.files == 1
    assert len(list(in_memory.artifact_store().files())) == 1


def test_the_command_says_what_it_did(tmp_path):
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        import_slices(ledger, tmp_path, "a")
        lose(ledger)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ledger", "gc", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    dry, wet, again = typed("--dry-run"), typed(), typed()

    assert [each.returncode for each in (dry, wet, again)] == [0, 0, 0], wet.stderr
    assert dry.stdout == "1 file (0.0 MB) would be removed\n"
    assert wet.stdout == "1 file (0.0 MB) removed\n"
    assert again.stdout == "0 files (0.0 MB) removed\n"
