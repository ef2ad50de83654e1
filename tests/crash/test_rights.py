"""A ledger or a folder of models that this user may read but not write, or not even that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ledger.store import Ledger
from tests.crash.conftest import ENVIRONMENT
from tests.crash.unprivileged import unprivileged
from tests.crash.watching import answers, ledger_of, wait_for
from tests.invariants import broken, successes


@pytest.fixture
def user(tmp_path):
    """How to start a process for which the modes of files hold."""
    return unprivileged(tmp_path)


@pytest.fixture
def folder(tmp_path, fleet_at):
    """A fleet of three slices whose ledger is in a folder of its own."""
    (tmp_path / "home").mkdir()
    return fleet_at(str(tmp_path / "home" / "ledger.db"))(3, seconds=0)


@pytest.fixture
def ask(folder, user):
    """Ask a command of `ledger`; return its exit code with what it says."""

    def asked(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "ledger", *words]
        environment = {**ENVIRONMENT, "LEDGER_URL": ledger_of(folder)}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **user
        )
        return done.returncode, done.stdout + done.stderr

    return asked


def close(what: str, home: Path) -> None:
    """Take the right to write from the folder, the file, or both."""
    if what != "folder":
        (home / "ledger.db").chmod(0o444)
    if what != "file":
        home.chmod(0o555)


CLOSED = pytest.mark.parametrize("what", ["folder", "file", "both"])


@CLOSED
def test_a_ledger_that_may_not_be_written_is_told_before_anything_is_trained(folder, start, user, what):
    close(what, folder / "home")

    process = start(folder, "--workers", "1", **user)
    _, err = process.communicate()

    assert process.returncode == 7
    assert "ledger.db cannot be written; check the rights of the file and its folder" in err
    assert "Traceback" not in err
    assert (folder / "log.txt").read_text() == ""
    assert answers(folder, "SELECT count(*) FROM attempts") == [(0,)]


@CLOSED
def test_a_ledger_that_may_not_be_written_can_be_read(folder, ask, what):
    close(what, folder / "home")

    code, status = ask("status")
    assert (code, "3 slices, 0 done" in status) == (0, True)
    assert ask("query", "--csv", "SELECT count(*) AS n FROM slices") == (0, "n\n3\n")


def test_where_only_the_folder_is_closed_what_a_runner_has_just_written_is_read(folder, ask):
    with Ledger.open(ledger_of(folder)) as at_work:
        at_work.register_runner({})  # it is in the write-ahead log alone
        close("both", folder / "home")

        assert ask("query", "--csv", "SELECT count(*) AS n FROM runners") == (0, "n\n1\n")


@pytest.mark.parametrize("mode", [0o000, 0o200])
def test_a_ledger_that_may_not_even_be_read_is_told(folder, ask, mode):
    (folder / "home" / "ledger.db").chmod(mode)

    code, told = ask("status")

    assert code == 7
    assert told.startswith(f"Error: the ledger {ledger_of(folder)} cannot be opened")


@pytest.mark.parametrize("words", [("status",), ("import", "split.csv")])
def test_a_ledger_in_a_folder_that_is_missing_or_takes_no_files_is_told(folder, ask, words):
    (folder / "shut").mkdir(mode=0o555)

    missing, said = ask(*words, "--ledger", "none/ledger.db")
    shut, told = ask(*words, "--ledger", "shut/ledger.db")

    assert (missing, shut) == (7, 7)
    assert "Traceback" not in said + told
    assert "Error: " in said
    assert "Error: " in told


def test_a_closed_folder_of_models_is_told_before_anything_is_trained(folder, start, user):
    (folder / "artifacts").mkdir(mode=0o555)

    process = start(folder, "--workers", "1", **user)
    _, err = process.communicate()

    assert process.returncode == 7
    assert "model files cannot be written in" in err
    assert "Permission denied" in err
    assert (folder / "log.txt").read_text() == ""


def shut(root: Path) -> None:
    """Let nobody write into a folder and those in it."""
    for each in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        each.chmod(0o555)


def opened(root: Path) -> None:
    """Let its owner write there again."""
    for each in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        each.chmod(0o755)


def take_away(root: Path) -> None:
    """Remove a folder, and put what is no folder in its place."""
    root.rename(root.with_name("elsewhere"))
    root.write_text("in the way", encoding="utf-8")


def bring_back(root: Path) -> None:
    """Put it back."""
    root.unlink()
    root.with_name("elsewhere").rename(root)


@pytest.mark.parametrize(("away", "back"), [(shut, opened), (take_away, bring_back)])
def test_a_folder_of_models_that_is_closed_or_gone_during_a_run_is_waited_for(
    tmp_path, fleet_at, start, user, away, back
):
    folder = fleet_at(str(tmp_path / "ledger.db"))(30, seconds=0.05)
    process = start(folder, "--workers", "1", **user)
    wait_for(folder, process, 3)

    away(folder / "artifacts")
    told = ""
    while process.poll() is None and "Waiting: " not in told:
        told = process.stderr.readline()
    back(folder / "artifacts")
    process.communicate()

    assert "cannot be written" in told
    assert process.returncode == 0
    assert broken(ledger_of(folder), imported=30) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(30)}
    assert answers(folder, "SELECT max(tries), max(crashes) FROM slices") == [(0, 0)]
