"""A ledger of every released schema is upgraded to the newest one and then used."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

import runner
from ledger.hosts import this_process
from ledger.migrate import REVISION
from ledger.requeue import Selection
from ledger.store import Ledger
from ledger.upgrading import upgrade_ledger
from ledger.views import VIEWS
from tests.every_state import HEADER, NAMES
from tests.upgrades.make import FOLDER

RELEASED = sorted(FOLDER.glob("*.sql"))


@pytest.fixture(params=RELEASED, ids=lambda path: path.stem)
def upgraded(request, tmp_path):
    """A ledger of a released schema, loaded and upgraded on the machine where its runner died."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.executescript(request.param.read_text(encoding="utf-8"))
        raw.execute("UPDATE runners SET host = ?", (this_process().host,))
    report = upgrade_ledger(path)
    assert report.before == request.param.stem
    with Ledger.open(path, create=False) as ledger:
        yield ledger


def test_the_newest_schema_has_a_ledger_here():
    assert REVISION in [path.stem for path in RELEASED], "write it with `python -m tests.upgrades.make`"


def test_the_newest_ledger_here_is_what_the_migrations_make(sqlite_ledger):
    with closing(sqlite3.connect(":memory:")) as loaded, closing(sqlite3.connect(sqlite_ledger.path)) as made:
        loaded.executescript((FOLDER / f"{REVISION}.sql").read_text(encoding="utf-8"))

        assert tables_of(loaded) == tables_of(made)


def tables_of(raw: sqlite3.Connection) -> list[tuple[str, str]]:
    sql = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') ORDER BY name"
    return [(name, (code or "").strip()) for name, code in raw.execute(sql)]


def test_what_it_held_is_there(upgraded):
    counts = upgraded.status().counts
    attempts = upgraded.query("SELECT DISTINCT outcome FROM attempts ORDER BY 1")["outcome"].tolist()
    metrics = upgraded.query("SELECT name, value, kind FROM metrics WHERE attempt_id = 1 ORDER BY name")

    assert {str(state) for state, number in counts.items() if number} == {
        "succeeded", "rejected", "waiting", "failed", "running", "pending", "retired",
    }  # fmt: skip
    assert attempts == ["crashed", "failed", "lost", "rejected", "running", "succeeded", "timeout"]
    assert metrics["name"].tolist() == ["bias", "mae", "mase", "rmse", "tiny"]
    assert metrics["kind"].tolist() == ["-inf", "finite", "inf", "nan", "finite"]
    assert metrics["value"].tolist()[1::3] == [0.1 + 0.2, 5e-324]
    assert upgraded.uuid() == "00000000-0000-4000-8000-000000000000"


def test_every_champion_is_known_to_serve_since_it_was_trained(upgraded):
    serving = upgraded.query("SELECT DISTINCT slice_id, why, since, trained_at FROM champions ORDER BY 1")

    assert serving["slice_id"].tolist() == ["champion", "overtaken"]
    assert serving["why"].tolist() == ["trained", "trained"]
    assert (serving["since"] == serving["trained_at"]).all()


def test_every_view_answers(upgraded):
    columns = [list(upgraded.query(f"SELECT * FROM {view.name}").columns) for view in VIEWS]

    assert columns == [list(view.columns) for view in VIEWS]


def test_it_imports_and_runs(upgraded, tmp_path):
    rows = [f"{name},series.csv,,0,9,10,14,seasonal_naive,period=2,g,0,Öst\n" for name in (*NAMES, "new")]
    (tmp_path / "split.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    (tmp_path / "series.csv").write_text("t,v\n" + "".join(f"{n},{n % 3}\n" for n in range(20)))

    imported = upgraded.import_slices(tmp_path / "split.csv")
    upgraded.requeue(Selection(where="status <> 'succeeded'"))
    summary = runner.run(upgraded, resume=True, workers=0, quiet=True)

    assert imported.added == 1
    assert summary.failed == 0
    assert upgraded.status().counts["succeeded"] == len(NAMES) + 1
    assert runner.load(upgraded, "new").predict(2).shape == (2,)
    outcomes = upgraded.query("SELECT outcome FROM attempts WHERE slice_id = 'lost' ORDER BY number")
    assert outcomes["outcome"].tolist() == ["lost", "lost", "succeeded"]
