"""Which model serves: promoted, rolled back, and never without its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from typer.testing import CliRunner

from ledger.cli import app
from ledger.database import reading, writing
from ledger.errors import ArtifactError, LedgerError, QueryError, UnknownSliceError
from ledger.registry import NoModelError
from ledger.requeue import Selection
from ledger.schema import drift_profiles, promotions
from ledger.store import Ledger
from tests.fleet import claim, complete, import_slices, keep

ALL = Selection(where="1 = 1")


@pytest.fixture
def ledger(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Ledger.open(place, create=False) as opened:
        import_slices(opened, tmp_path, "a", "b")
        yield opened


def train(ledger, *, runner=None, passed=True, ids=("a", "b")):
    """A new model of each slice; return the run."""
    runner = ledger.register_runner({}) if runner is None else runner
    ledger.requeue(Selection(ids=ids))
    for _ in ids:
        held = claim(ledger, runner)
        complete(ledger, held, keep(ledger, held), passed=passed)
    return runner


def serving(ledger):
    """The attempts whose models serve."""
    rows = ledger.query("SELECT id, champion_attempt FROM slice_status ORDER BY id")
    return rows["champion_attempt"].tolist()


def run(ledger, *words):
    return CliRunner().invoke(app, [*words, "--ledger", str(ledger.engine.url.render_as_string(False))])


def test_a_rollback_returns_to_the_champion_before_step_by_step(ledger):
    for _ in range(3):
        train(ledger)
    seen = [serving(ledger)]
    for _ in range(3):
        report = ledger.roll_back(Selection(ids=("a",)))
        seen.append(serving(ledger))

    assert seen == [[3, 3], [2, 3], [1, 3], [1, 3]]
    assert (report.rolled_back, report.first) == (0, 1)
    assert ledger.verify().sound


def test_a_rollback_of_a_run_takes_back_what_it_trained_and_only_once(ledger):
    train(ledger)
    run_id = train(ledger, ids=("b",))

    first, again = (ledger.roll_back(Selection(run=run_id)) for _ in range(2))

    assert (first.rolled_back, again.rolled_back) == (1, 0)
    assert serving(ledger) == [1, 1]


def test_what_was_promoted_by_hand_and_rolled_back_leaves_what_was_there(ledger):
    for _ in range(2):
        train(ledger)
    ledger.promote("a", 1)
    promoted = serving(ledger)
    ledger.roll_back(Selection(ids=("a",)))
    back = serving(ledger)
    ledger.roll_back(Selection(ids=("a",)))
    further = serving(ledger)

    assert (promoted, back, further) == ([1, 2], [2, 2], [1, 2])
    assert ledger.roll_back(Selection(ids=("a",))).first == 1


def test_the_next_model_follows_the_one_that_was_rolled_back_to(ledger):
    for _ in range(2):
        train(ledger)
    ledger.roll_back(ALL)
    train(ledger)

    ledger.roll_back(ALL)

    assert serving(ledger) == [1, 1]


def test_every_change_of_champion_is_a_row_of_its_own(ledger):
    for _ in range(2):
        train(ledger, ids=("a",))
    ledger.promote("a", 1)
    ledger.roll_back(Selection(ids=("a",)))

    with reading(ledger.engine) as conn:
        rows = conn.execute(select(promotions.c.why, promotions.c.before_id).order_by(promotions.c.id)).all()
    assert [row.why for row in rows] == ["trained", "trained", "promoted", "rolled back"]
    assert [row.before_id for row in rows] == [None, 1, 2, 1]
    log = ledger.query("SELECT attempt, why FROM champions WHERE slice_id = 'a'")
    assert log.iloc[0].tolist() == [2, "rolled back"]


def test_a_rejected_model_serves_where_somebody_says_so(ledger):
    train(ledger)
    train(ledger, passed=False)

    ledger.promote("a", 2)

    assert serving(ledger) == [2, 1]
    assert ledger.verify().sound


def test_a_slice_that_is_being_trained_keeps_its_champion(ledger):
    for _ in range(2):
        train(ledger)
    ledger.requeue(Selection(ids=("a",)))
    claim(ledger)

    with pytest.raises(LedgerError, match="is being trained"):
        ledger.promote("a", 1)
    report = ledger.roll_back(ALL)

    assert (report.rolled_back, report.running) == (1, 1)
    assert serving(ledger) == [2, 1]


def test_what_cannot_be_promoted_is_told(ledger):
    train(ledger, ids=("a",))

    with pytest.raises(UnknownSliceError):
        ledger.promote("x", 1)
    with pytest.raises(NoModelError, match="has no attempt 7"):
        ledger.promote("a", 7)
    with pytest.raises(LedgerError, match="serves for slice 'a' already"):
        ledger.promote("a", 1)


def test_a_model_whose_file_was_altered_is_not_promoted(ledger):
    for _ in range(2):
        train(ledger, ids=("a",))
    Path(ledger.artifact_store().place(ledger.model_files("a", 1)[0].path)).write_bytes(b"other")

    with pytest.raises(ArtifactError):
        ledger.promote("a", 1)
    assert serving(ledger)[0] == 2


def test_a_selection_that_is_none_is_told(ledger):
    with pytest.raises(LedgerError, match="say which slices"):
        ledger.roll_back(Selection())
    with pytest.raises(LedgerError, match="there is no run 99"):
        ledger.roll_back(Selection(run=99))
    with pytest.raises(QueryError):
        ledger.roll_back(Selection(where="nothing = 1"))


def test_older_models_give_up_their_files_and_a_champion_never(ledger):
    for _ in range(4):
        train(ledger, ids=("a",))
    for _ in range(2):
        ledger.roll_back(Selection(ids=("a",)))
    paths = {
        number: Path(ledger.artifact_store().place(ledger.model_files("a", number)[0].path))
        for number in range(1, 5)
    }

    told = ledger.gc(keep=1, dry_run=True)
    kept = {number for number, path in paths.items() if path.exists()}
    done = ledger.gc(keep=1)

    assert (told.older, kept) == (done.older, {1, 2, 3, 4})
    assert done.older.files == 2
    assert {number for number, path in paths.items() if path.exists()} == {2, 4}
    assert ledger.gc(keep=1).older.files == 0
    assert ledger.verify().lines()[0].startswith("All is well")
    assert ledger.query("SELECT count(*) AS n FROM metrics")["n"][0] == 4


def test_profiles_go_with_the_files_of_models_that_nothing_will_serve_again(ledger):
    for _ in range(3):
        train(ledger, ids=("a",))
    ledger.roll_back(Selection(ids=("a",)))  # 2 serves, 3 is the newest
    with writing(ledger.engine) as conn:
        conn.execute(
            insert(drift_profiles),
            [{"attempt_id": n, "detector": "panel", "column_name": "", "profile": b"x"} for n in (1, 2, 3)],
        )

    foretold = ledger.gc(keep=1, dry_run=True)
    before = ledger.query("SELECT attempt_id FROM drift_profiles")["attempt_id"].tolist()
    done, again = ledger.gc(keep=1), ledger.gc(keep=1)

    assert sorted(before) == [1, 2, 3]
    assert (foretold.older, again.older.profiles) == (done.older, 0)
    assert "1 profile of what older models were trained on would be removed" in foretold.lines()
    assert "1 profile of what older models were trained on removed" in done.lines()
    assert len(again.lines()) == 1
    assert sorted(ledger.query("SELECT attempt_id FROM drift_profiles")["attempt_id"]) == [2, 3]


def test_a_model_whose_files_were_given_up_is_not_promoted_and_not_rolled_back_to(ledger):
    for _ in range(3):
        train(ledger, ids=("a",))
    ledger.gc(keep=1)

    with pytest.raises(
        NoModelError, match="`ledger gc` removed the files of that model on .*ledger requeue a"
    ):
        ledger.promote("a", 1)
    report = ledger.roll_back(Selection(ids=("a",)))

    assert (report.rolled_back, report.gone, serving(ledger)[0]) == (0, 1, 3)
    assert report.lines()[1] == ("1 keep their champion: `ledger gc` has removed the files of the one before")


def test_files_that_were_given_up_when_gc_was_killed_go_the_next_time(ledger):
    for _ in range(2):
        train(ledger, ids=("a",))
    path = Path(ledger.artifact_store().place(ledger.model_files("a", 1)[0].path))
    with writing(ledger.engine) as conn:
        conn.execute(
            text("UPDATE artifacts SET removed_at = :now WHERE attempt_id = 1"),
            {"now": "2026-01-01T00:00:00.000000Z"},
        )

    ledger.gc()

    assert not path.exists()
    assert ledger.verify().sound


def test_the_commands_say_what_serves_and_what_became_of_it(ledger):
    for _ in range(2):
        train(ledger)

    listed = run(ledger, "champions", "a", "--csv")
    back = run(ledger, "rollback", "--where", "id = 'a'")
    promoted = run(ledger, "promote", "a", "2")
    missing = run(ledger, "champions", "--metric", "mae", "--where", "why = 'promoted'", "--csv")
    collected = run(ledger, "gc", "--keep", "1")

    header, row = listed.stdout.splitlines()
    assert header == "slice_id,attempt,trainer,model_used,trained_at,since,why,metric,value"
    assert row.startswith("a,2,")
    assert row.endswith(",trained,mae,1.0")
    assert back.stdout.splitlines() == ["1 slices are served by the champion before"]
    assert promoted.stdout.splitlines()[0] == "The model of attempt 2 serves for slice a now"
    assert len(missing.stdout.splitlines()) == 2
    assert "2 files of older models" in collected.stdout


def test_where_nothing_serves_nothing_is_listed_and_an_unknown_id_is_told(ledger):
    empty = run(ledger, "champions", "a", "--csv")
    unknown = run(ledger, "champions", "a", "x")

    assert (empty.exit_code, len(empty.stdout.splitlines())) == (0, 1)
    assert isinstance(unknown.exception, UnknownSliceError)


def test_a_champion_that_its_promotions_contradict_is_found(ledger):
    for _ in range(2):
        train(ledger, ids=("a",))
    with writing(ledger.engine) as conn:
        conn.execute(text("UPDATE slices SET champion_id = 1 WHERE id = 'a'"))

    assert ledger.verify().findings == ("slice 'a': its champion has the id 1, its last promotion says 2",)
