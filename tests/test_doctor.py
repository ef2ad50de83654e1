"""Each symptom is told with what to do; the machine's facts are given, nothing is faked inside."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text, update

from ledger import __version__
from ledger.database import reading, writing
from ledger.doctor import examine, old_transactions, silent_runners
from ledger.holders import openers
from ledger.schema import attempts, runners, slices
from ledger.store import Ledger
from ledger.surroundings import LARGE_LOG, Mount, Place, Surroundings, all_mounts, place
from ledger.symptoms import large_log, little_space, network, sqlite_race
from tests.fleet import claim, import_slices, keep, train

ROOT = Path(__file__).resolve().parents[1]
MOUNTS = (
    Mount("/", "ext4"),
    Mount("/home", "nfs4"),
    Mount("/home/me/local", "xfs"),
    Mount("/homes", "cifs"),
    Mount("/fuse", "fuse.sshfs"),
    Mount("/vm", "9p"),
    Mount("/rootless", "fuse.fuse-overlayfs"),
    Mount("/over", "ext4"),
    Mount("/over", "lustre"),
    Mount("/drive", "NTFS", remote=True),
)


@pytest.fixture
def ledger(new_place, tmp_path, monkeypatch):
    """A ledger of seven slices, on both databases; model files are in the folder `artifacts`."""
    monkeypatch.chdir(tmp_path)
    with Ledger.open(new_place()) as opened:
        import_slices(opened, tmp_path, *"abcdefg")
        yield opened


@pytest.fixture
def around(ledger):
    """Healthy surroundings."""
    root = Path(ledger.artifact_root())
    return Surroundings(
        now=datetime.now(UTC),
        version=__version__,
        sqlite_version=(3, 51, 3),
        ledger=Place("the ledger", ledger.path or root, Mount("/", "ext4"), 10**12),
        artifacts=Place("the folder of the model files", root, Mount("/", "ext4"), 10**12),
    )


def told(ledger: Ledger, around: Surroundings) -> list[str]:
    return [symptom.sentence for symptom in examine(ledger.engine, ledger.artifact_store(), around)]


def test_a_ledger_at_work_is_healthy(ledger, around):
    assert told(ledger, around) == []
    train(ledger)
    keep(ledger, claim(ledger))

    assert told(ledger, around) == []


@pytest.mark.parametrize(
    ("version", "noted"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
        (None, False),
    ],
)
def test_the_race_of_older_sqlites_is_advice_and_no_fault(version, noted):
    symptoms = sqlite_race(version)

    assert [symptom.note for symptom in symptoms] == [True] * noted


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/ledger.db", None),
        ("/home/me/ledger.db", "nfs4"),
        ("/home/me/local/ledger.db", None),
        ("/homes/ledger.db", "cifs"),
        ("/homeless/ledger.db", None),
        ("/fuse/ledger.db", "fuse.sshfs"),
        ("/vm/ledger.db", "9p"),
        ("/rootless/ledger.db", None),
        ("/over/ledger.db", "lustre"),
        ("/drive/ledger.db", "NTFS"),
    ],
)
def test_a_ledger_on_a_network_file_system_is_told_with_where_to_move_it(path, kind):
    symptoms = network(place("the ledger", Path(path), MOUNTS), is_ledger=True)

    assert [symptom.note for symptom in symptoms] == [False] * (kind is not None)
    assert [f"The ledger {path} is on a network file system ({kind})" in s.sentence for s in symptoms] == [
        True
    ] * len(symptoms)


def test_model_files_on_a_network_file_system_are_worth_a_note():
    (symptom,) = network(place("the folder of the model files", Path("/home/x"), MOUNTS), is_ledger=False)

    assert symptom.note


def test_a_link_leads_to_where_the_ledger_really_is(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    mounts = (Mount("/", "ext4"), Mount(str(tmp_path.resolve() / "far"), "nfs"))

    assert place("the ledger", tmp_path / "near" / "ledger.db", mounts).mount == mounts[1]


def test_the_mounts_of_this_machine_are_known():
    assert any(Path.cwd().is_relative_to(mount.point) for mount in all_mounts())


@pytest.mark.parametrize(("free", "symptoms"), [(10**9, 0), (10**9 - 1, 1), (None, 0)])
def test_a_disk_that_is_nearly_full_is_told_once(tmp_path, free, symptoms):
    mount = Mount("/", "ext4")
    places = [Place("the ledger", tmp_path / "a", mount, free), Place("models", tmp_path / "b", mount, free)]

    assert len(little_space(places)) == symptoms


def test_a_full_disk_of_the_models_alone_is_told_too(tmp_path):
    places = [
        Place("the ledger", tmp_path / "a", Mount("/", "ext4"), 10**12),
        Place("models", tmp_path / "b", Mount("/b", "ext4"), 5_000_000),
    ]

    (symptom,) = little_space(places)

    assert symptom.sentence.startswith(f"Only 5 MB are free for models {tmp_path / 'b'}")


def test_a_log_that_does_not_shrink_is_told_with_who_reads():
    assert large_log(LARGE_LOG, ()) == []
    (unknown,) = large_log(LARGE_LOG + 1, ())
    (known,) = large_log(LARGE_LOG + 1, ("sqlite3 (pid 17)",))

    assert unknown.sentence.startswith("The write-ahead log has 268 MB")
    assert "It is open in sqlite3 (pid 17)" in known.sentence


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells open files to administrators only")
def test_who_has_a_file_open_is_found(tmp_path):
    path = tmp_path / "ledger.db"
    path.touch()
    script = "import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=pipe, stdout=pipe) as reader:
        reader.stdout.readline()
        with path.open():  # which is this process's own business
            found = openers(path)
        reader.communicate()

    assert len(found) == 1
    assert f"(pid {reader.pid})" in found[0]
    assert openers(path) == ()


def test_a_dead_runner_that_holds_slices_is_told_with_what_takes_them_back(ledger, around):
    me = ledger.register_runner({})
    with writing(ledger.engine) as conn:
        conn.execute(update(runners).values(boot_id="before the reboot"))
    assert told(ledger, around) == []
    claim(ledger, me)
    claim(ledger, me)

    (sentence,) = told(ledger, around)

    assert sentence.startswith(f"Runner {me} (")
    assert sentence.endswith("died and holds 2 slices: `runner run --resume` takes them back.")


def test_a_runner_elsewhere_that_has_been_silent_for_long_is_told(ledger, around):
    ledger.register_runner({})
    with writing(ledger.engine) as conn:
        conn.execute(update(runners).values(host="elsewhere"))
    others = ledger.live_runners()
    beat = others[0].heartbeat_at

    soon = silent_runners(others, now=beat + timedelta(minutes=9))
    (later,) = silent_runners(others, now=beat + timedelta(minutes=12))

    assert (soon, told(ledger, around)) == ([], [])
    assert "(elsewhere, pid" in later.sentence
    assert "has not been heard of for 12 minutes" in later.sentence


def test_a_silent_runner_elsewhere_with_a_drift_run_is_told_with_what_goes_on_with_that(ledger, around):
    me = ledger.register_drift_runner({})
    run = ledger.begin_drift_run(me, {}, 4)
    silent = ledger.now() - timedelta(minutes=12)
    with writing(ledger.engine) as conn:
        conn.execute(update(runners).values(host="elsewhere", heartbeat_at=silent))

    (sentence,) = told(ledger, around)

    assert sentence.endswith(f"if it is dead, `runner drift --resume` goes on with its drift run {run.id}.")


def test_a_live_runner_of_another_version_is_told(ledger, around):
    ledger.register_runner({})
    ended, dead = ledger.register_runner({}), ledger.register_runner({})
    with writing(ledger.engine) as conn:
        conn.execute(update(runners).values(version="0.0.9"))
        conn.execute(update(runners).where(runners.c.id == dead).values(boot_id="before the reboot"))
    ledger.end_runner(ended, "finished")

    (sentence,) = told(ledger, around)

    assert sentence.startswith("Runner 1 (")
    assert f"runs slice-ledger 0.0.9, this is {__version__}" in sentence


def test_slices_lost_with_their_runner_again_and_again_are_named(ledger, around):
    for _ in range(3):
        ledger.take_back_lost([claim(ledger).runner_id])

    (sentence,) = told(ledger, around)

    assert sentence.startswith("1 slices were lost with their runner three times and are trained last: 'a'.")


def test_of_many_lost_slices_five_are_named_and_none_that_is_done(ledger, around):
    with writing(ledger.engine) as conn:
        conn.execute(update(slices).values(deferred=1))
        conn.execute(update(slices).where(slices.c.id == "a").values(status="failed"))

    (sentence,) = told(ledger, around)

    assert "6 slices were lost" in sentence
    assert "'b', 'c', 'd', 'e', 'f', …" in sentence


@pytest.mark.parametrize("column", [runners.c.heartbeat_at, attempts.c.finished_at])
def test_times_in_the_future_are_told(ledger, around, column):
    train(ledger)
    ahead = around.now + timedelta(hours=2)
    with writing(ledger.engine) as conn:
        conn.execute(update(column.table).values({column.name: ahead}))

    (sentence,) = told(ledger, around)

    assert "are 7200 s in the future" in sentence


def test_a_clock_that_differs_from_the_servers_is_told(new_database, tmp_path):
    with Ledger.open(new_database()) as ledger:
        now = datetime.now(UTC)
        around = Surroundings(now=now, version=__version__, sqlite_version=None, ledger=None, artifacts=None)
        right = told(ledger, around)
        (wrong,) = told(ledger, replace(around, now=now + timedelta(minutes=5)))

    assert right == []
    assert "s off the database server's" in wrong


def test_a_folder_of_models_that_is_gone_is_told(ledger, around):
    file = train(ledger)
    root = Path(ledger.artifact_root())
    file.unlink()
    file.parent.rmdir()
    (root / ledger.uuid()[:8]).rmdir()
    root.rmdir()

    (sentence,) = told(ledger, around)

    assert sentence.startswith(f"{root} is missing, where the model files are")


def test_a_folder_that_takes_no_files_is_told(ledger, around):
    Path(ledger.artifact_root()).write_text("in the way", encoding="utf-8")

    (sentence,) = told(ledger, around)

    assert sentence.startswith("Model files cannot be written in ")


def test_a_folder_that_cannot_be_made_is_told(ledger, around, tmp_path):
    (tmp_path / "file").touch()
    there = replace(around.artifacts, path=tmp_path / "file" / "models")

    (sentence,) = told(ledger, replace(around, artifacts=there))

    assert f"cannot be made, where model files will be: check the rights of {tmp_path / 'file'}" in sentence


def test_a_damaged_file_is_told_and_nothing_else_it_says_is_believed(blank_ledger, tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(blank_ledger.read_bytes())
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA ignore_check_constraints = ON")
        raw.execute("INSERT INTO settings VALUES ('artifact_root', 'memory://doctor')")
        raw.execute("INSERT INTO imports VALUES (1, '', '', '', 0, 0, 0, 0, 0)")
        raw.execute(
            "INSERT INTO slices (id, file, train_from, train_to, test_from, test_to, spec_hash, import_id, "
            "status, deferred) VALUES ('a', 'x', '', '', '', '', '', 1, 'odd', 1)"
        )
    with Ledger.open(path, create=False, read_only=True) as ledger:
        (symptom,) = [each for each in ledger.doctor() if not each.note]

    assert symptom.sentence.startswith("The database is damaged: CHECK constraint failed in slices.")


def test_the_command_exits_with_1_when_something_is_unhealthy(tmp_path):
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        import_slices(ledger, tmp_path, "a")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ledger", "doctor", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    healthy = typed()
    (tmp_path / "artifacts").write_text("in the way", encoding="utf-8")
    unhealthy, as_json = typed(), typed("--json")

    assert (healthy.returncode, healthy.stdout.splitlines()[-1]) == (0, "The ledger is healthy.")
    assert (unhealthy.returncode, as_json.returncode, unhealthy.stderr) == (1, 1, "")
    assert "Model files cannot be written in" in unhealthy.stdout
    assert "healthy" not in unhealthy.stdout
    assert "Model files" in json.loads(as_json.stdout)[-1]["sentence"]


def test_a_transaction_that_stays_open_is_told(new_database):
    with Ledger.open(new_database()) as ledger:
        other = create_engine(ledger.engine.url, connect_args={"application_name": "night report"})
        with other.connect() as old, reading(ledger.engine) as conn:
            old.execute(text("SELECT 1"))
            (symptom,) = old_transactions(conn, older_than=timedelta())
            assert old_transactions(conn) == []
        other.dispose()

    assert symptom.sentence.startswith("night report (pid ")
    assert "idle in transaction) has had a transaction open for 0 minutes" in symptom.sentence
