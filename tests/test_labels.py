"""Labels as a column of the source and as a file of ranges, on their way to the metrics of a run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import runner
from ledger.store import Ledger
from runner.check import check_worker
from runner.cli import app
from runner.config import read_config
from runner.cut import cut
from runner.errors import MissingColumnError, NotNumericError, OptionError
from runner.labels import LabelFile, taken_out
from runner.options import resolve
from runner.timeaxis import TimeError
from tests.reading import TIMES, load, row
from tests.series import daily

DAYS = pd.DatetimeIndex(TIMES)


@pytest.fixture
def labels(tmp_path):
    """Write a file of ranges and read it."""

    def write(*lines: str) -> LabelFile:
        (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
        return LabelFile.read(str(tmp_path / "labels.csv"))

    return write


def test_both_ends_of_a_range_are_labelled(labels):
    read = labels("start,end", "2026-01-02 00:00:00,2026-01-03 00:00:00", "2026-01-07,2026-01-07")

    assert list(read.of_test(row(), DAYS)) == [False, True, True, False, False, False, True]


@pytest.mark.parametrize(
    ("head", "line", "meant"),
    [
        ("file", "a.csv", True),
        ("file", "b.csv", False),
        ("file", "", True),
        ("id", "a", True),
        ("id", "other", False),
        ("database,table", "db,t", True),
        ("database,table", "db,other", False),
        ("columns", "x;v", True),
        ("columns", "x;y", False),
        ("column", "v", True),
    ],
)
def test_a_line_is_for_the_slices_it_names(labels, head, line, meant):
    read = labels(f"{head},start,end", f"{line},2026-01-02,2026-01-02")

    found = read.of_test(row(file="a.csv", database="db", table="t", column="v"), DAYS)

    assert found.any() == meant


def test_a_file_is_the_same_file_from_wherever_it_is_named(labels, tmp_path):
    read = labels("file,start,end", "data/a.csv,2026-01-02,2026-01-02")

    found = read.of_test(row(file="../data/a.csv", base=str(tmp_path / "splits")), DAYS)

    assert found.any()


def test_a_slice_of_all_columns_has_the_labels_of_each(labels):
    read = labels("columns,start,end", "x,2026-01-02,2026-01-02")

    assert read.of_test(row(column=None), DAYS).any()


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_ranges_may_be_in_epoch_seconds_and_milliseconds(labels, unit):
    second, third = ((DAYS[1:3] - pd.Timestamp(0)) // pd.Timedelta(1, unit)).to_list()
    read = labels("start,end", f"{second},{third}")

    assert list(np.flatnonzero(read.of_test(row(), DAYS))) == [1, 2]


def test_rows_without_times_are_labelled_by_number(labels):
    assert list(labels("start,end", "3,4").of_test(row(), pd.Index([2, 3, 4, 5]))) == [
        False,
        True,
        True,
        False,
    ]


def test_times_for_numbered_rows_are_told(labels):
    with pytest.raises(TimeError, match=r"the test range, for .*labels.csv: the ranges are times"):
        labels("start,end", "2026-01-02,2026-01-02").of_test(row(), pd.Index([1, 2]))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["from,to", "1,2"], "have no columns start and end"),
        (["start,end", "1,2", "x,2"], "line 3: 'x' is neither a number nor a time"),
        (["start,end", "3,2"], "line 2: the range ends before it begins"),
        (["start,end", "3"], "line 2: '' is neither"),
    ],
)
def test_a_file_that_cannot_be_understood_is_told_with_its_line(labels, lines, told):
    with pytest.raises(OptionError, match=told):
        labels(*lines)


def test_a_file_that_is_not_there_stops_a_run_before_it_begins(tmp_path):
    with pytest.raises(OptionError, match=r"the labels .*none.csv cannot be read"):
        resolve(given={"labels": str(tmp_path / "none.csv")}, file={})


def test_a_file_named_in_runner_toml_lies_beside_it(tmp_path):
    (tmp_path / "runner.toml").write_text('[run]\nlabels = "labels.csv"\n', encoding="utf-8")

    assert read_config(tmp_path / "runner.toml")["labels"] == str(tmp_path / "labels.csv")


FRAME = pd.DataFrame({"timestamp": TIMES, "v": range(7), "w": range(7), "odd": [0, 0, 0, None, 1, 0, 0]})


@pytest.fixture(params=["file", "database"])
def where(request, tmp_path):
    """Where a slice of FRAME is read from."""
    if request.param == "file":
        FRAME.to_csv(tmp_path / "series.csv", index=False)
        return {"file": "series.csv", "base": str(tmp_path)}
    with closing(sqlite3.connect(tmp_path / "db.db")) as raw:
        FRAME.to_sql("t", raw, index=False)
    return {"database": "db", "table": "t", "base": str(tmp_path)}


def test_a_label_column_is_read_with_the_values_and_is_none_of_them(where):
    one, every = (load(row(column=column, **where), label_column="odd") for column in ("v", None))

    assert one.labels is not None
    assert list(one.labels) == [False, True]
    assert one.test.name == "v"
    assert list(every.test.columns) == ["v", "w"]
    assert list(every.labels) == [False, True]


def test_a_label_column_that_is_not_there_is_told(where):
    with pytest.raises(MissingColumnError, match="has no column 'odds'; it has 'odd'"):
        load(row(column="v", **where), label_column="odds")


def test_labels_are_numbers(tmp_path):
    FRAME.assign(odd="yes").to_csv(tmp_path / "series.csv", index=False)

    with pytest.raises(NotNumericError, match="column 'odd' holds 'yes'"):
        load(row(column="v", file="series.csv", base=str(tmp_path)), label_column="odd")


def test_a_label_column_of_get_data_is_taken_out():
    returned = FRAME.set_index(DAYS)[["v", "odd"]]

    data = taken_out(cut(returned, row()), "odd")

    assert data.test.name == "v"
    assert data.train.name == "v"
    assert list(data.labels) == [False, True]


def test_get_data_without_the_label_column_is_told():
    with pytest.raises(MissingColumnError, match=r"what get_data\(\) returned has no column 'odd'"):
        taken_out(cut(FRAME.set_index(DAYS)[["v"]], row()), "odd")


def test_labels_of_get_data_are_numbers_too():
    part = pd.DataFrame({"v": [1.0, 2.0], "odd": ["no", "yes"]})

    with pytest.raises(NotNumericError, match=r"what get_data\(\) returned: column 'odd' holds 'no'"):
        taken_out(cut((part, part), row()), "odd")


def test_true_false_and_none_are_labels_of_get_data():
    part = pd.DataFrame({"v": [1.0, 2.0, 3.0], "odd": [True, None, False]})

    assert list(taken_out(cut((part, part), row()), "odd").labels) == [True, False, False]


@pytest.fixture
def project(sqlite_place, tmp_path, monkeypatch):
    """A ledger of one slice with a strange day, known by a column and by a file."""
    monkeypatch.chdir(tmp_path)
    series = daily(900)
    series.iloc[820:844] += 20
    known = np.zeros(900, dtype=int)
    known[820:844] = 1
    pd.DataFrame({"value": series, "known": known}).to_csv("series.csv", index_label="timestamp")
    Path("labels.csv").write_text(f"file,start,end\nseries.csv,{series.index[820]},{series.index[843]}\n")
    times = ",".join(str(series.index[place]) for place in (0, 799, 800, 899))
    Path("split.csv").write_text(
        f"id,file,column,train_from,train_to,test_from,test_to\na,series.csv,value,{times}\n"
    )
    with Ledger.open(sqlite_place, create=False) as opened:
        opened.import_slices("split.csv")
        yield opened


@pytest.mark.parametrize("labels", ["known", "labels.csv"])
@pytest.mark.parametrize("trainer", ["pca", "autoreg"])
def test_a_run_records_what_the_scores_are_worth(project, labels, trainer):
    runner.run(project, trainer=trainer, labels=labels, workers=0, quiet=True)

    found = project.query("SELECT name, value FROM current_metrics").set_index("name")["value"]
    assert found["events"] == found["events_found"] == 1
    assert found["vus_pr"] > 0.3
    assert 0 < found["auc_pr"] <= 1
    assert {"precision", "recall", "false_alarms_per_day"} <= set(found.index)


@pytest.fixture
def misnamed(tmp_path):
    """Write labels whose lines are for none of the project's slices; return their path."""

    def write(head: str, line: str) -> str:
        (tmp_path / "other.csv").write_text(f"{head},start,end\n{line},2026-01-02,2026-01-02\n")
        return str(tmp_path / "other.csv")

    return write


@pytest.mark.parametrize(
    ("head", "line", "told"),
    [
        ("file", "serie.csv", "the first is for file 'serie.csv';"),
        ("id,table", "a,metrics", "the first is for id 'a' and table 'metrics';"),
        ("columns", "values;x", "the first is for other columns;"),
    ],
)
def test_labels_for_no_slice_stop_a_run_before_it_begins(project, misnamed, head, line, told):
    labels = misnamed(head, line)

    with pytest.raises(OptionError, match=told):
        runner.run(project, trainer="pca", labels=labels, workers=0, quiet=True)
    with pytest.raises(OptionError, match=told):
        runner.plan(project, trainer="pca", labels=labels, workers=0)

    assert set(project.query("SELECT status FROM slices")["status"]) == {"pending"}
    assert project.query("SELECT count(*) AS n FROM runners")["n"][0] == 0


def test_labels_for_no_slice_are_told_where_a_worker_file_is_tried(project, misnamed):
    Path("worker.py").write_text("def train(row, data):\n    return {'n': 1}\n")

    with pytest.raises(OptionError, match="is for a slice of"):
        check_worker("worker.py", project, labels=misnamed("id", "b"))


def test_labels_without_a_line_and_those_of_a_slice_that_is_done_are_fine(project):
    Path("none.csv").write_text("start,end\n")
    first = runner.run(project, trainer="pca", labels="none.csv", workers=0, quiet=True)

    again = runner.run(project, trainer="pca", labels="labels.csv", workers=0, quiet=True)

    assert (first.succeeded, again.succeeded) == (1, 0)


def test_a_ledger_without_slices_has_nothing_that_labels_could_be_for(sqlite_ledger, misnamed):
    labels = misnamed("id", "b")

    assert runner.run(sqlite_ledger, trainer="pca", labels=labels, workers=0, quiet=True).succeeded == 0


def test_labels_may_stand_in_the_environment(project):
    environment = {"RUNNER_LABELS": "known", "RUNNER_TRAINER": "pca", "RUNNER_WORKERS": "0"}

    result = CliRunner().invoke(app, ["run", "--quiet"], env=environment)

    assert result.exit_code == 0
    assert "vus_pr" in set(project.query("SELECT name FROM current_metrics")["name"])


def test_a_resumed_run_keeps_its_labels(project):
    runner.run(project, trainer="pca", labels="labels.csv", workers=0, limit=1, quiet=True)

    assert project.last_run().options["labels"] == str(Path("labels.csv").absolute())


def test_without_labels_nothing_is_measured_by_them(project):
    runner.run(project, trainer="pca", workers=0, quiet=True)

    assert set(project.query("SELECT name FROM current_metrics")["name"]) == {
        "anomalies",
        "anomaly_rate",
        "score_max",
    }
