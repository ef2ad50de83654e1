"""A SQLite ledger on a disk of another machine: no runner starts there unless it was asked for."""

from __future__ import annotations

import pytest

import runner
from ledger.database import reading
from ledger.errors import AccessError
from ledger.store import Ledger
from ledger.surroundings import Mount
from tests.fleet import import_slices

WORKER = "def get_data(row):\n    return [1.0], [2.0]\n\ndef train(row, data):\n    return {'m': 1.0}\n"
OPTIONS = {"worker": "worker.py", "workers": 0, "quiet": True}


@pytest.fixture
def on(sqlite_place, tmp_path, monkeypatch):
    """Say of which kind the file system of a ledger with two slices is; the ledger's path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "worker.py").write_text(WORKER, encoding="utf-8")
    with Ledger.open(sqlite_place) as ledger:
        import_slices(ledger, tmp_path, "a", "b")

    def say(kind: str) -> str:
        monkeypatch.setattr("ledger.surroundings.all_mounts", lambda: (Mount("/", kind),))
        return sqlite_place

    return say


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_no_runner_starts_on_a_network_file_system(on, kind):
    place = on(kind)

    with pytest.raises(AccessError, match=rf"on a network file system \({kind}\).*LEDGER_ON_NETWORK=1"):
        runner.run(place, **OPTIONS)

    with Ledger.open(place) as ledger:
        assert ledger.unfinished() == 2


@pytest.mark.parametrize("kind", ["ext4", "overlay", "9p"])
def test_a_runner_starts_on_a_disk_of_this_machine(on, kind):
    assert runner.run(on(kind), **OPTIONS).succeeded == 2


def test_where_it_is_asked_for_the_ledger_is_kept_without_a_log(on, monkeypatch):
    monkeypatch.setenv("LEDGER_ON_NETWORK", "1")

    summary = runner.run(on("nfs4"), **OPTIONS)

    assert (summary.exit_code, summary.succeeded) == (0, 2)
    with Ledger.open(on("nfs4")) as ledger, reading(ledger.engine) as conn:
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
        assert not ledger.path.with_name("ledger.db-wal").exists()


def test_two_runners_share_a_ledger_without_a_log(on, monkeypatch):
    monkeypatch.setenv("LEDGER_ON_NETWORK", "1")
    with Ledger.open(on("nfs4")) as one, Ledger.open(on("nfs4")) as two:
        claims = []
        for ledger in (one, two):
            me = ledger.register_runner({})
            with ledger.recording() as record:
                claims.append(record.claim(me).slice.id)

    assert sorted(claims) == ["a", "b"]
