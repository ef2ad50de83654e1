"""Imports: what is added, changed, kept and retired."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from ledger.database import reading, writing
from ledger.errors import SplitFileError
from ledger.schema import imports, slices

HEADER = "id,file,train_from,train_to,test_from,test_to,region\n"


@pytest.fixture
def split(tmp_path):
    def write(*rows: str, name: str = "split.csv", header: str = HEADER):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def row(ledger):
    def read(slice_id: str):
        with reading(ledger.engine) as conn:
            return conn.execute(select(slices).where(slices.c.id == slice_id)).one()

    return read


def test_every_row_becomes_a_pending_slice_in_the_order_of_the_file(ledger, split, row):
    report = ledger.import_slices(split("b,x.csv,0,9,10,14,eu", "a,x.csv,0,9,10,14,us"))

    assert (report.rows, report.added, report.changed, report.unchanged) == (2, 2, 0, 0)
    assert row("b").position < row("a").position
    assert (row("a").status, row("a").reason, row("a").extra) == ("pending", "new", '{"region": "us"}')


def test_importing_the_same_file_again_changes_nothing(ledger, split):
    path = split("a,x.csv,0,9,10,14,eu")
    ledger.import_slices(path)

    report = ledger.import_slices(path)

    assert (report.added, report.changed, report.unchanged) == (0, 0, 1)
    assert "0 added, 0 changed, 1 unchanged" in report.sentence()
    with reading(ledger.engine) as conn:
        assert conn.execute(select(func.count()).select_from(imports)).scalar() == 1


@pytest.mark.parametrize("status", ["succeeded", "rejected", "failed", "pending", "waiting"])
def test_a_changed_row_is_queued_again_and_its_champion_stays(ledger, split, row, make_slice, clock, status):
    ledger.import_slices(split("a,x.csv,0,9,10,14,eu"))
    waits = {"not_before": clock.now} if status == "waiting" else {}
    with writing(ledger.engine) as conn:
        conn.execute(update(slices).values(status=status, tries=2, active_train_from="5", **waits))

    report = ledger.import_slices(split("a,x.csv,0,8,10,14,eu"))

    found = row("a")
    assert report.changed == 1
    assert (found.status, found.reason, found.train_to) == ("pending", "changed", "8")
    assert (found.tries, found.not_before, found.active_train_from) == (0, None, None)


def test_a_changed_row_that_is_being_trained_keeps_running(ledger, split, row):
    ledger.import_slices(split("a,x.csv,0,9,10,14,eu"))
    runner = ledger.register_runner({})
    with ledger.recording() as record:
        record.claim(runner)

    ledger.import_slices(split("a,x.csv,0,8,10,14,eu"))

    assert (row("a").status, row("a").runner_id, row("a").train_to) == ("running", runner, "8")


def test_a_new_priority_or_group_trains_nothing_again(ledger, split, row):
    header = "id,file,train_from,train_to,test_from,test_to,priority,group\n"
    ledger.import_slices(split("a,x.csv,0,9,10,14,1,g", header=header))
    with writing(ledger.engine) as conn:
        conn.execute(update(slices).values(status="succeeded"))

    report = ledger.import_slices(split("a,x.csv,0,9,10,14,2,h", header=header))

    assert (report.changed, row("a").status) == (0, "succeeded")
    assert (row("a").priority, row("a").model_group) == (2, "h")


def test_a_split_file_that_moved_takes_its_files_with_it(ledger, split):
    ledger.import_slices(split("a,x.csv,0,9,10,14,eu"))
    moved = split("a,x.csv,0,9,10,14,eu", name="elsewhere/split.csv")

    report = ledger.import_slices(moved)

    assert report.unchanged == 1
    runner = ledger.register_runner({})
    with ledger.recording() as record:
        assert record.claim(runner).slice.base == str(moved.parent)


def test_a_slice_that_the_file_no_longer_names_stays_and_is_told(ledger, split, row):
    ledger.import_slices(split("a,x.csv,0,9,10,14,eu", "b,x.csv,0,9,10,14,eu"))

    report = ledger.import_slices(split("a,x.csv,0,9,10,14,eu"))

    assert (report.missing, report.retired, row("b").status) == (1, 0, "pending")
    assert "`--prune` retires them" in report.sentence()


def test_pruning_retires_it_and_a_later_import_brings_it_back(ledger, split, row):
    both = split("a,x.csv,0,9,10,14,eu", "b,x.csv,0,9,10,14,eu", name="both.csv")
    ledger.import_slices(both)

    report = ledger.import_slices(split("a,x.csv,0,9,10,14,eu"), prune=True)

    assert (report.retired, row("b").status, row("a").status) == (1, "retired", "pending")
    ledger.import_slices(both)
    assert row("b").status == "pending"


def test_pruning_leaves_what_is_being_trained_and_says_so(ledger, split, row):
    ledger.import_slices(split("a,x.csv,0,9,10,14,eu", "b,x.csv,0,9,10,14,eu"))
    runner = ledger.register_runner({})
    with ledger.recording() as record:
        record.claim(runner)

    report = ledger.import_slices(split("b,x.csv,0,9,10,14,eu"), prune=True)

    assert (report.missing, report.retired, row("a").status) == (1, 0, "running")
    assert "unless they are being trained" in report.sentence()


def test_the_trainer_and_params_of_an_import_are_for_rows_that_name_none(ledger, split, row):
    header = "id,file,train_from,train_to,test_from,test_to,trainer,params\n"
    path = split("a,x.csv,0,9,10,14,,", "b,x.csv,0,9,10,14,lstm,units=4", header=header)

    ledger.import_slices(path, trainer="autoreg", params={"lags": "3"})

    assert (row("a").trainer, row("a").params) == ("autoreg", '{"lags": "3"}')
    assert (row("b").trainer, row("b").params) == ("lstm", '{"units": "4"}')


@pytest.mark.parametrize(("column", "group"), [("region", "eu"), ("file", "x.csv"), ("train_to", "9")])
def test_any_column_can_group_slices(ledger, split, row, column, group):
    ledger.import_slices(split("a,x.csv,0,9,10,14,eu"), group_by=column)

    assert row("a").model_group == group


def test_the_column_group_groups_slices_also_when_it_is_named(ledger, tmp_path):
    path = tmp_path / "split.csv"
    path.write_text(
        "id,file,train_from,train_to,test_from,test_to,group\na,x.csv,0,9,10,14,g\n", encoding="utf-8"
    )

    ledger.import_slices(path, group_by="group")

    assert list(ledger.query("SELECT model_group FROM slices").model_group) == ["g"]


@pytest.mark.parametrize("column", ["regoin", "params", "id"])
def test_a_column_that_cannot_group_slices_is_refused(ledger, split, column):
    with pytest.raises(
        SplitFileError, match=f"line 1: slices cannot be grouped by '{column}'; there are file"
    ):
        ledger.import_slices(split("a,x.csv,0,9,10,14,eu"), group_by=column)

    assert ledger.status().total == 0


def test_a_dry_run_counts_and_changes_nothing(ledger, split):
    report = ledger.import_slices(split("a,x.csv,0,9,10,14,eu"), dry_run=True)

    assert report.added == 1
    assert "1 would be added" in report.sentence()
    assert ledger.status().total == 0


def test_one_bad_row_keeps_the_whole_file_out(ledger, split):
    path = split("a,x.csv,0,9,10,14,eu", "b,x.csv,9,0,10,14,eu")

    with pytest.raises(SplitFileError, match="line 3, column train_to"):
        ledger.import_slices(path)

    assert ledger.status().total == 0
