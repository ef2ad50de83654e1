"""A machine that went down in the middle of a run, and a disk that had promised too much."""

from __future__ import annotations

import pytest
from sqlalchemy import text, update

import runner
from ledger.database import writing
from ledger.schema import runners
from ledger.store import Ledger
from tests.fleet import import_slices, train
from tests.invariants import broken, successes

WORKER = "def get_data(row):\n    return [1.0], [2.0]\n\ndef train(row, data, folder):\n"
WORKER += "    (folder / 'model.bin').write_bytes(row.id.encode())\n    return None\n"


@pytest.fixture
def went_down(place, tmp_path, monkeypatch):
    """A ledger of three slices: two were trained, each by a runner that went down with this machine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "worker.py").write_text(WORKER, encoding="utf-8")
    with Ledger.open(place, create=False) as ledger:
        import_slices(ledger, tmp_path, "a", "b", "c")
        files = [train(ledger), train(ledger)]
        with writing(ledger.engine) as conn:
            conn.execute(update(runners).values(boot_id="before the power cut"))
        yield ledger, files


def resume(ledger: Ledger) -> tuple[int, list[str]]:
    told: list[str] = []
    options = {"worker": "worker.py", "workers": 0, "quiet": True}
    return runner.run(ledger, resume=True, say=told.append, **options).succeeded, told


def test_a_model_that_was_cut_short_is_trained_again(went_down):
    ledger, (first, _) = went_down
    first.write_bytes(b"")

    trained, told = resume(ledger)

    assert trained == 2
    assert told[-1] == "1 slices are trained again: their model files did not outlive a power cut"
    assert broken(ledger.engine.url.render_as_string(hide_password=False), imported=3) == []


def test_models_that_are_whole_are_trained_once(went_down):
    ledger, _ = went_down

    trained, _ = resume(ledger)

    assert trained == 1
    assert successes(ledger.engine.url.render_as_string(hide_password=False)) == {"a": 1, "b": 1, "c": 1}


def test_only_the_machine_that_went_down_is_looked_at(went_down):
    ledger, (first, second) = went_down
    first.write_bytes(b"")
    second.write_bytes(b"")
    with writing(ledger.engine) as conn:
        conn.execute(text("UPDATE runners SET host = 'elsewhere' WHERE id = 1"))
        conn.execute(text("UPDATE runners SET ended_at = started_at, ending = 'finished' WHERE id = 2"))

    assert ledger.train_again_what_a_power_cut_took() == 0
