"""A backup taken during a run and put back later: only what came after it is trained again."""

from __future__ import annotations

from pathlib import Path

from ledger.backup import back_up
from ledger.store import Ledger
from tests.crash.watching import wait_for
from tests.invariants import broken, successes


def log(folder: Path) -> list[str]:
    return (folder / "log.txt").read_text().splitlines()


def test_a_restored_ledger_trains_only_what_finished_after_the_backup(fleet, start):
    folder = fleet(80, seconds=0.02)
    first = start(folder, "--workers", "2")
    wait_for(folder, first, 20)
    with Ledger.open(folder / "ledger.db") as at_work:  # a command might start when all is over
        back_up(at_work, folder / "kept.db")
    wait_for(folder, first, len(log(folder)) + 20)
    first.kill()
    first.wait()
    done = successes(folder / "kept.db")
    before = len(log(folder))

    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "kept.db").rename(folder / "ledger.db")
    second = start(folder, "--resume")
    out, err = second.communicate()

    assert (second.returncode, err) == (0, "")
    assert 0 < len(done) < before  # more was begun after the backup than it knows of
    trained_again = log(folder)[before:]
    assert sorted(trained_again, key=int) == [str(n) for n in range(80) if str(n) not in done]
    assert broken(folder / "ledger.db", imported=80) == []
    assert successes(folder / "ledger.db") == {str(number): 1 for number in range(80)}
