"""Trying a worker file beforehand: what it tells, and that it is always the file that is tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.check import check_worker
from runner.errors import WorkerFileError


@pytest.fixture
def project(ledger, tmp_path, monkeypatch):
    """A ledger of two slices, the second with a trainer of its own."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{place},{place % 7}\n" for place in range(60))
    Path("series.csv").write_text(f"time,value\n{rows}", encoding="utf-8")
    Path("split.csv").write_text(
        "id,file,train_from,train_to,test_from,test_to,trainer\n"
        "a,series.csv,0,39,40,59,\nb,series.csv,0,39,40,59,seasonal_naive\n",
        encoding="utf-8",
    )
    ledger.import_slices("split.csv")
    return ledger


def lines(ledger, source: str) -> list[str]:
    """What is told of a worker file, slice by slice."""
    Path("worker.py").write_text(source, encoding="utf-8")
    return [trial.line() for trial in check_worker("worker.py", ledger)]


def test_slices_with_a_trainer_of_their_own_are_trained_by_the_file_too(project):
    told = lines(project, "def train(row, data): return {'rows': len(data.train)}")

    assert [line.rpartition(": ")[2] for line in told] == ["rows 40", "rows 40"]


def test_scores_are_tried_with_their_labels(project):
    Path("worker.py").write_text(
        "from runner import Trained\n"
        "def get_data(row):\n"
        "    import pandas as pd\n"
        "    data = pd.read_csv('series.csv', index_col='time')\n"
        "    return data.assign(odd=(data['value'] == 6).astype(int))\n"
        "def train(row, data): return Trained(scores=data.test, threshold=5.5)\n"
    )

    trial, _ = check_worker("worker.py", project, labels="odd")

    assert trial.error is None
    assert trial.metrics["auc_pr"] == trial.metrics["precision"] == 1


def test_a_file_that_only_reads_leaves_each_slice_its_trainer(project):
    first, second = lines(project, "def get_data(row): return [1.0, 2.0] * 30, [1.0, 2.0]")

    assert "mase" in first
    assert "mase" in second
    assert first.partition(", model ")[2] != second.partition(", model ")[2]


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("os._exit(3)", "the worker process ended: exited with code 3"),
        ("os.kill(os.getpid(), 9)", "the worker process ended: killed by signal 9 (SIGKILL)"),
    ],
)
def test_how_a_worker_ended_is_told_with_what_it_printed_and_the_next_slice_is_tried(project, deed, told):
    first, second = lines(
        project,
        "import os\ndef train(row, data):\n"
        f"    if row.id == 'a':\n        print('so far so good', flush=True)\n        {deed}\n"
        "    return {'m': 1}\n",
    )

    assert first == f"a: {told}\nso far so good"
    assert second.startswith("b: ")
    assert second.endswith("m 1")


def test_a_slice_that_takes_too_long_is_told(project):
    Path("runner.toml").write_text("[run]\ntimeout = 3", encoding="utf-8")

    first, second = lines(
        project, "def train(row, data):\n    while row.id == 'a':\n        pass\n    return {'m': 1}\n"
    )

    assert first == "a: it took longer than 3 seconds and was killed"
    assert second.endswith("m 1")


def test_what_is_no_python_is_told_in_one_line(project):
    with pytest.raises(
        WorkerFileError, match=r"worker\.py, line 2 cannot be imported: invalid syntax"
    ) as caught:
        lines(project, "import os\ndef train(:\n    pass\n")

    assert "\n" not in str(caught.value)


def test_the_growth_is_not_told_after_a_worker_that_ended(project):
    Path("worker.py").write_text(
        "import os\ndef train(row, data):\n    return os._exit(3) if row.id == 'a' else {'m': 1}", "utf-8"
    )

    trials = check_worker("worker.py", project)

    assert [trial.growth for trial in trials] == [None, None]
