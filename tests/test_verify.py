"""Every broken guarantee is found and named; what crashes leave behind is told from what proves a loss."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.artifacts import ArtifactStore
from ledger.database import writing
from ledger.errors import AccessError, DamagedError
from ledger.requeue import Selection
from ledger.status import Outcome
from ledger.store import Ledger
from ledger.verify import SHOWN, verify
from tests.every_state import fill
from tests.fleet import claim, complete, import_slices, keep, lose, train

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def ledger(new_place, tmp_path, monkeypatch):
    """A ledger of three slices, on both databases; model files are in the folder `artifacts`."""
    monkeypatch.chdir(tmp_path)
    with Ledger.open(new_place()) as opened:
        import_slices(opened, tmp_path, "a", "b", "c")
        yield opened


@pytest.fixture
def sqlite_ledger(blank_ledger, tmp_path):
    """The same as a SQLite file whose three slices are in the file itself, not in its log."""
    shutil.copy(blank_ledger, tmp_path / "ledger.db")
    with Ledger.open(tmp_path / "ledger.db") as opened:
        import_slices(opened, tmp_path, "a", "b", "c")
        opened.checkpoint()
        yield opened


def break_it(ledger: Ledger, *statements: str) -> None:
    """Write what the program never would: foreign keys and constraints are off."""
    if ledger.path is not None:
        with closing(sqlite3.connect(ledger.path, isolation_level=None)) as raw:
            raw.execute("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                raw.execute(statement)
        return
    with writing(ledger.engine) as conn:
        conn.execute(text("SET session_replication_role = replica"))
        for statement in statements:
            conn.execute(text(statement))


def test_a_ledger_at_work_is_sound(ledger):
    train(ledger)
    lose(ledger)
    keep(ledger, claim(ledger))

    verification = ledger.verify()

    assert verification.findings == ()
    assert [verification.counts[name] for name in ("slices", "succeeded", "running", "files")] == [3, 1, 1, 1]
    assert verification.lines()[0].startswith("All is well: 3 slices and 1 model files")


def test_a_ledger_that_has_something_of_everything_does_not_contradict_itself(new_place, tmp_path):
    with Ledger.open(new_place()) as ledger:
        fill(ledger, tmp_path)

        findings = ledger.verify().findings

    assert [finding for finding in findings if "cannot be read" not in finding] == []


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "UPDATE attempts SET outcome = 'running', finished_at = NULL WHERE slice_id = 'b'",
            "slice 'b' has 2 running attempts at once",
        ),
        (
            "UPDATE attempts SET outcome = 'lost', finished_at = started_at WHERE slice_id = 'b'",
            "slice 'b' is running, but its attempt 2 is not",
        ),
        (
            "UPDATE slices SET status = 'pending', runner_id = NULL WHERE id = 'b'",
            "slice 'b' is pending at attempt 2, but its attempt 2 is still running",
        ),
        (
            "UPDATE runners SET ended_at = started_at, ending = 'stopped'",
            "slice 'b' is held by runner 3, which has ended (stopped)",
        ),
        (
            "UPDATE slices SET champion_id = NULL WHERE id = 'a'",
            "slice 'a' succeeded, but has no champion",
        ),
        (
            "UPDATE slices SET champion_id = 2 WHERE id = 'a'",
            "slice 'a': its champion, the attempt with id 2, is no success of this slice",
        ),
        (
            "UPDATE slices SET champion_id = 99 WHERE id = 'a'",
            "slice 'a': its champion, the attempt with id 99, is no success of this slice",
        ),
        (
            "UPDATE metrics SET attempt_id = 2",
            "metrics belong to the attempt with id 2, which gave no model",
        ),
        (
            "UPDATE artifacts SET attempt_id = 2",
            "belongs to the attempt with id 2, which gave no model",
        ),
        (
            "UPDATE slices SET attempt = 1 WHERE id = 'b'",
            "slice 'b' is at attempt 1, but has an attempt 2",
        ),
        (
            "UPDATE slices SET attempt = 7 WHERE id = 'a'",
            "slice 'a' was claimed 7 times, but has only 1 attempts: rows were lost",
        ),
        (
            "DELETE FROM attempts WHERE slice_id = 'b' AND number = 1",
            "slice 'b' was claimed 2 times, but has only 1 attempts: rows were lost",
        ),
        (
            "DELETE FROM slices WHERE id = 'b'",
            "slice 'b' is not there, but has attempts: its row was lost",
        ),
        (
            "DELETE FROM slices WHERE id = 'c'",
            "3 slices were imported, but only 2 are there: rows were lost",
        ),
        ("DELETE FROM artifacts", "of attempt 1, which succeeded, but no row names the file"),
        (
            "UPDATE artifacts SET path = '../../elsewhere'",
            "'../../elsewhere' cannot be the name of a model file",
        ),
    ],
    ids=lambda value: value if value.startswith(("UPDATE", "DELETE")) else "",
)
def test_every_broken_guarantee_is_found_and_names_the_slice(ledger, statement, sentence):
    train(ledger)
    lose(ledger)
    claim(ledger)
    assert ledger.verify().findings == ()

    break_it(ledger, statement)

    assert any(sentence in finding for finding in ledger.verify().findings)


def test_a_state_that_there_is_not_is_found(sqlite_ledger):
    break_it(sqlite_ledger, "UPDATE slices SET status = 'unheard of' WHERE id = 'c'")

    assert sqlite_ledger.verify().findings == ("the database is damaged: CHECK constraint failed in slices",)


def test_states_that_do_not_add_up_are_found(new_database, tmp_path):
    with Ledger.open(new_database()) as ledger:
        import_slices(ledger, tmp_path, "a", "b", "c")
        statement = "UPDATE slices SET status = 'unheard of' WHERE id = 'c'"
        break_it(ledger, "ALTER TABLE slices DROP CONSTRAINT known_status", statement)

        findings = ledger.verify().findings

    assert findings == ("the states add up to 2 slices, but there are 3",)


@pytest.mark.parametrize("content", [None, b"", b"other text"], ids=["gone", "empty", "altered"])
def test_a_model_file_that_is_not_what_was_recorded_is_found_with_its_slice(ledger, content):
    file = train(ledger)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)

    (finding,) = ledger.verify().findings

    assert finding.startswith("slice 'a', attempt 1: the model file ")
    assert str(file) in finding


def test_an_altered_file_is_no_finding_once_its_slice_was_trained_again(ledger):
    file = train(ledger)
    file.write_bytes(b"other text")
    before = ledger.verify()
    ledger.requeue(Selection(ids=("a",)))

    complete(ledger, held := claim(ledger), keep(ledger, held))
    after = ledger.verify()

    assert not before.sound
    assert after.sound
    assert after.outlived == (file.relative_to(ledger.artifact_root()).as_posix(),)
    assert "1 files of models that later ones have replaced are missing or altered" in after.lines()[-1]


def test_a_champion_that_later_models_did_not_replace_must_be_there(ledger):
    file = train(ledger)
    ledger.requeue(Selection(ids=("a",)))
    complete(ledger, held := claim(ledger), keep(ledger, held), passed=False)

    file.unlink()

    assert [finding.partition(":")[0] for finding in ledger.verify().findings] == ["slice 'a', attempt 1"]


def test_what_a_crash_left_is_harmless_and_told_with_what_removes_it(ledger):
    file = lose(ledger)

    verification = ledger.verify()

    assert verification.sound
    assert verification.orphans == (file.relative_to(ledger.artifact_root()).as_posix(),)
    assert "1 files that no row names" in verification.lines()[-1]
    assert "`ledger gc`" in verification.lines()[-1]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TIMEOUT, Outcome.CRASHED, Outcome.INTERRUPTED])
def test_a_file_of_any_attempt_without_a_model_is_harmless(ledger, outcome):
    lose(ledger)
    break_it(ledger, f"UPDATE attempts SET outcome = '{outcome}'")

    verification = ledger.verify()

    assert (verification.findings, len(verification.orphans)) == ((), 1)


def copied_without_its_log(ledger: Ledger, folder: Path) -> Ledger:
    """What somebody has who copies `ledger.db` and the model files while the log holds the rest."""
    assert ledger.path is not None
    folder.mkdir()
    shutil.copy(ledger.path, folder)
    shutil.copytree(ledger.artifact_root(), folder / "artifacts")
    return Ledger.open(folder / "ledger.db", create=False)


def test_a_ledger_copied_without_its_log_is_older_than_its_model_files(sqlite_ledger, tmp_path):
    train(sqlite_ledger)

    with copied_without_its_log(sqlite_ledger, tmp_path / "copy") as copy:
        verification = copy.verify()

    (finding,) = verification.findings
    assert finding.startswith("slice 'a': the file ")
    assert finding.endswith("is of attempt 1, but the ledger knows 0 attempts only: the ledger is older")
    assert "copied without its -wal" in verification.advice[0]
    assert "`runner run --resume` trains those slices again" in verification.advice[0]


def test_files_of_slices_that_were_imported_after_the_copy_prove_it_too(blank_ledger, tmp_path):
    shutil.copy(blank_ledger, tmp_path / "ledger.db")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        import_slices(ledger, tmp_path, "a")
        train(ledger)
        with copied_without_its_log(ledger, tmp_path / "copy") as copy:
            (finding,) = copy.verify().findings

    assert finding.endswith("is of a slice that the ledger does not know: the ledger is older")


def test_a_log_deleted_after_a_crash_is_never_silently_fine(sqlite_ledger, tmp_path):
    # The last of three results is in the log of a process that ends without closing anything.
    train(sqlite_ledger)
    sqlite_ledger.close()
    script = (
        "import os, sys; from ledger.store import Ledger; from tests.fleet import train\n"
        "train(Ledger.open(sys.argv[1])); os._exit(0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    place = str(sqlite_ledger.path)
    subprocess.run([sys.executable, "-c", script, place], env=environment, check=True)
    log = tmp_path / "ledger.db-wal"
    assert log.stat().st_size > 0

    log.unlink()
    with Ledger.open(place, create=False) as shorter:
        before = shorter.verify()
        train(shorter)
        after = shorter.verify()

    assert [finding.partition(":")[0] for finding in before.findings] == ["slice 'b'"]
    assert after.findings == ()  # it was trained again, as the advice says


def test_a_file_cut_short_proves_a_lost_claim_as_well(sqlite_ledger):
    file = train(sqlite_ledger)
    file.with_name(file.name.replace(".1.json", ".2.json.99.tmp")).touch()

    (finding,) = sqlite_ledger.verify().findings

    assert "is of attempt 2, but the ledger knows 1 attempts only" in finding


def test_an_attempt_that_begins_before_the_files_are_listed_is_no_finding(ledger):
    class Busy(ArtifactStore):
        def files(self):
            keep(ledger, claim(ledger))
            yield from super().files()

    assert verify(ledger.engine, Busy(ledger.artifact_root(), ledger.uuid())).findings == ()


def test_an_attempt_that_ends_after_the_files_are_listed_is_no_finding(ledger):
    held = claim(ledger)
    kept = keep(ledger, held)

    class Late(ArtifactStore):
        def files(self):
            yield from super().files()
            complete(ledger, held, kept)

    verification = verify(ledger.engine, Late(ledger.artifact_root(), ledger.uuid()))

    assert (verification.findings, verification.orphans) == ((), ())


def test_the_files_of_others_are_none_of_its_business(ledger):
    own = train(ledger).parent.parent
    (own / "notes.txt").touch()
    (own.parent / "87654321" / "abc").mkdir(parents=True)
    (own.parent / "87654321" / "abc" / "x-0123456789ab.9.json").touch()

    verification = ledger.verify()

    assert (verification.findings, verification.orphans) == ((), ())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_text_is_told_in_escapes(sqlite_ledger):
    file = lose(sqlite_ledger, "one", "two")
    (file.parent / os.fsdecode(b"\xff")).touch()

    orphans = sqlite_ledger.verify().orphans

    assert len(orphans) == 3
    assert any(path.endswith("\\udcff") for path in orphans)


def test_model_files_behind_a_url_are_checked_the_same_way(ledger):
    root = f"memory://{ledger.uuid()}"
    break_it(ledger, "DELETE FROM settings WHERE key = 'artifact_root'")
    break_it(ledger, f"INSERT INTO settings VALUES ('artifact_root', '{root}')")
    assert ledger.verify().findings == ()
    held = claim(ledger)
    kept = keep(ledger, held)
    complete(ledger, held, kept)
    lose(ledger)

    sound = ledger.verify()
    ledger.artifact_store().remove(kept)
    broken = ledger.verify()

    assert (sound.findings, len(sound.orphans), sound.counts["files"]) == ((), 1, 1)
    assert broken.findings[0].startswith(f"slice 'a', attempt 1: the model file {root}/")


def test_every_one_of_thousands_of_files_is_checked_once(sqlite_ledger):
    break_it(sqlite_ledger, "INSERT INTO settings VALUES ('artifact_root', 'memory://thousands')")
    for _ in range(3):
        held = claim(sqlite_ledger)
        complete(sqlite_ledger, held, keep(sqlite_ledger, held, *(f"part-{n:04}" for n in range(800))))
    sqlite_ledger.artifact_store().remove(sqlite_ledger.model_files("c")[-1:])

    verification = sqlite_ledger.verify()

    assert verification.counts["files"] == 2_400
    assert [finding.partition(":")[0] for finding in verification.findings] == ["slice 'c', attempt 1"]


def test_of_many_findings_the_first_are_told_and_the_others_counted(ledger, tmp_path):
    import_slices(ledger, tmp_path, *(f"s{number}" for number in range(SHOWN + 30)))
    break_it(ledger, "UPDATE slices SET attempt = 3 WHERE id LIKE 's%'")

    findings = ledger.verify().findings

    assert len(findings) == SHOWN + 1
    assert findings[-1] == "… and 30 more of these kinds"


def test_a_damaged_page_is_found_before_anything_else_is_believed(sqlite_ledger, tmp_path):
    import_slices(sqlite_ledger, tmp_path, *map(str, range(3_000)))
    sqlite_ledger.close()
    with (tmp_path / "ledger.db").open("r+b") as file:
        file.seek(-200_000, os.SEEK_END)
        file.write(os.urandom(8_192))

    with Ledger.open(tmp_path / "ledger.db", create=False) as damaged:
        verification = damaged.verify()

    assert verification.findings[0].startswith("the database is damaged: ")
    assert ".recover" in verification.advice[0]


def test_a_ledger_without_identity_looks_at_nobodys_files(sqlite_ledger):
    break_it(sqlite_ledger, "DELETE FROM settings WHERE key = 'uuid'")

    with pytest.raises(DamagedError, match="has lost its identity"):
        sqlite_ledger.verify()


def test_a_file_where_the_folder_of_models_should_be_is_told(sqlite_ledger, tmp_path):
    (tmp_path / "artifacts").write_text("in the way", encoding="utf-8")

    with pytest.raises(AccessError, match="model files in .* cannot be listed: Not a directory"):
        sqlite_ledger.verify()


def typed(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *line.split()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )


def test_the_command_prints_one_sentence_or_what_is_wrong_and_exits_with_6(sqlite_ledger, tmp_path):
    file = train(sqlite_ledger)
    sound = typed(tmp_path, "ledger verify")
    file.unlink()
    broken = typed(tmp_path, "ledger verify")
    as_json = typed(tmp_path, "ledger verify --json")

    assert (sound.returncode, sound.stdout.count("\n"), sound.stderr) == (0, 1, "")
    assert (broken.returncode, broken.stderr, as_json.returncode) == (6, "", 6)
    assert "slice 'a', attempt 1" in broken.stdout
    told = json.loads(as_json.stdout)
    assert (told["sound"], len(told["findings"]), told["counts"]["slices"]) == (False, 1, 3)
