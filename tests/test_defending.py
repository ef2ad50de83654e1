"""A new model takes over only where it is no worse than the champion on the same test range."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

import runner
from ledger import __version__
from ledger.database import writing
from ledger.requeue import Selection
from ledger.store import Ledger
from tests.series import daily

FIRST = "2026-01-01,2026-01-10,2026-01-11,2026-01-12"
LATER = "2026-01-06,2026-01-15,2026-01-16,2026-01-17"


@pytest.fixture
def project(place, tmp_path, monkeypatch):
    """A folder with one file of 480 hours, and a ledger with one slice of it."""
    monkeypatch.chdir(tmp_path)
    daily(480).rename_axis("time").to_csv("series.csv")
    with Ledger.open(place, create=False) as ledger:
        cut(ledger, FIRST)
        yield ledger


def cut(ledger, ranges):
    """Import the slice with these ranges."""
    Path("split.csv").write_text(f"id,file,train_from,train_to,test_from,test_to\na,series.csv,{ranges}\n")
    ledger.import_slices("split.csv")


def train(ledger, **options):
    """Train the slice, again if it was; return its last attempt."""
    ledger.requeue(Selection(where="1 = 1"))
    runner.run(ledger, **{"workers": 0, "quiet": True, **options})
    log = ledger.query("SELECT * FROM attempt_log ORDER BY number DESC LIMIT 1")
    return log.astype(object).where(log.notna(), None).iloc[0]


def champion(ledger):
    return ledger.query("SELECT champion_attempt FROM slice_status")["champion_attempt"][0]


def worker(text):
    Path("worker.py").write_text(text)
    return {"worker": "worker.py"}


def metric(value, model="[1]"):
    """A worker file whose every model has this metric."""
    return worker(
        f"from runner import Trained\ndef train(row, data):\n    return Trained({{'loss': {value}}}, {model})\n"
    )


@pytest.mark.parametrize("trainer", ["seasonal_naive", "autoreg", "arima", "pca", "isolation_forest"])
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_training_again_on_the_same_data_is_no_worse(project, trainer):
    train(project, trainer=trainer)

    again = train(project, trainer=trainer)

    assert (again["outcome"], champion(project)) == ("succeeded", 2)


def test_a_worse_model_is_rejected_with_both_scores_and_the_champion_serves(project):
    first = train(project, trainer="arima")

    second = train(project, trainer="seasonal_naive")

    assert (second["outcome"], champion(project)) == ("rejected", 1)
    mae = project.query("SELECT value FROM metrics WHERE name = 'mae' ORDER BY attempt_id")["value"]
    assert (second["compared_by"], second["score"], second["champion_score"]) == ("mae", mae[1], mae[0])
    assert mae[1] > mae[0]
    assert second["reason"].startswith(
        f"mae {mae[1]:.6g} is worse than the champion's {mae[0]:.6g} (attempt 1;"
    )
    assert first["reason"] is None
    assert first["compared_by"] is None


def test_what_the_tolerance_allows_takes_over(project):
    train(project, trainer="arima")

    second = train(project, trainer="seasonal_naive", tolerance="1000%")

    assert (second["outcome"], champion(project)) == ("succeeded", 2)
    assert "against the champion's" in second["reason"]


def test_the_champion_is_scored_on_the_new_test_range_as_it_would_serve_there(project):
    train(project, trainer="autoreg")
    old = runner.load(project, "a")
    cut(project, LATER)

    second = train(project, trainer="seasonal_naive")

    series = daily(480)
    recent, tested = series["2026-01-06":"2026-01-15"], series["2026-01-16":"2026-01-17"]
    known = list(recent.to_numpy()[-old.weights.size :])
    for _ in tested:
        known.append(old.constant + old.weights @ np.array(known[: -old.weights.size - 1 : -1]))
    expected = np.abs(known[old.weights.size :] - tested.to_numpy()).mean()
    assert second["champion_score"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_the_waves_of_a_champion_stay_where_they_are_in_time(project):
    options = {"trainer": "arima", "params": {"order": "1,0,0", "harmonics": "1"}}
    train(project, **options)
    cut(project, "2026-01-06 05:00:00,2026-01-15 16:00:00,2026-01-15 17:00:00,2026-01-17")

    second = train(project, **options)

    assert second["champion_score"] < 0.5  # five hours off, the wave of height 3 would be missed by 2


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_champion_that_was_trained_on_the_test_range_is_no_measure(project):
    cut(project, LATER)
    train(project, trainer="arima")
    cut(project, FIRST)

    second = train(project, trainer="seasonal_naive")

    assert (second["outcome"], second["compared_by"]) == ("succeeded", None)
    assert second["reason"].endswith("(attempt 1): it was trained on a part of the test range")


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("ranges", "outcome", "reason"),
    [
        (
            FIRST,
            "rejected",
            "loss 2 is worse than the champion's 1 (attempt 1, as recorded; smaller is better",
        ),
        (LATER, "succeeded", "not compared with the champion (attempt 1): a model of your own is scored by"),
    ],
)
def test_a_model_of_ones_own_has_its_recorded_metrics_for_the_same_test_range_only(
    project, ranges, outcome, reason
):
    train(project, **metric(1))
    cut(project, ranges)

    second = train(project, **metric(2), compare="loss")

    assert (second["outcome"], second["reason"][: len(reason)]) == (outcome, reason)


def test_a_worker_file_scores_its_earlier_models_itself(project):
    train(project, **metric(1, model="{1: 2.5}"))  # kept as a pickle
    cut(project, LATER)

    second = train(
        project,
        **worker(
            "from runner import Trained\n"
            "def train(row, data):\n    return Trained({'gain': 3.0}, [1])\n"
            "def evaluate(row, data, model):\n    return {'gain': model[1] + len(data.test)}\n"
        ),
        compare="-gain",
    )

    assert (second["outcome"], second["champion_score"], second["score"]) == ("rejected", 50.5, 3.0)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("evaluate", "told"),
    [
        ("raise ValueError('of another kind')", "of another kind"),
        ("return None", "the metrics are a NoneType; they are a mapping of names to numbers"),
    ],
)
def test_an_evaluate_that_fails_costs_the_comparison_and_not_the_model(project, evaluate, told):
    train(project, **metric(1))
    cut(project, LATER)

    second = train(
        project,
        **worker(f"def train(row, data):\n    return {{'loss': 2}}\ndef evaluate(*_):\n    {evaluate}\n"),
    )

    assert (second["outcome"], second["reason"]) == (
        "succeeded",
        f"not compared with the champion (attempt 1): {told}",
    )


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("mine", [False, True])
def test_a_champion_whose_file_was_altered_is_replaced_and_the_run_says_so(project, mine):
    train(project, **(metric(0) if mine else {"trainer": "arima"}))
    for path in Path("artifacts").rglob("*.json"):
        path.write_text("{}")
    project.requeue(Selection(where="1 = 1"))

    summary = runner.run(
        project,
        compare="loss" if mine else None,
        **(metric(1) if mine else {"trainer": "seasonal_naive"}),
        workers=0,
        quiet=True,
    )

    assert (summary.succeeded, summary.uncompared) == (1, 1)
    assert any("replaced a champion without a comparison" in line for line in summary.lines())


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_without_a_comparison_every_model_that_passes_takes_over(project):
    train(project, trainer="arima")

    second = train(project, trainer="seasonal_naive", compare="none")

    assert (second["outcome"], second["reason"], second["compared_by"]) == ("succeeded", None, None)


def test_a_model_that_misses_the_gate_is_told_with_the_gate_and_the_scores(project):
    train(project, trainer="arima")

    second = train(project, trainer="seasonal_naive", gates=["mae<0"])

    assert second["outcome"] == "rejected"
    assert second["reason"].endswith("is not < 0")
    assert second["champion_score"] < second["score"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_champion_serves_through_a_training_that_fails(project):
    train(project, trainer="arima")

    second = train(project, **worker("def train(row, data):\n    raise ValueError('no')\n"), max_attempts=1)

    assert (second["outcome"], champion(project)) == ("failed", 1)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_the_option_is_typed_with_its_minus(project):
    train(project, **metric(1))
    words = [
        "run",
        "--worker",
        "worker.py",
        "--workers",
        "0",
        "--quiet",
        "--compare",
        "-loss",
        "--tolerance",
        "5%",
    ]
    project.requeue(Selection(where="1 = 1"))

    from typer.testing import CliRunner

    from runner.cli import app

    metric(2)
    done = CliRunner().invoke(app, [*words, "--ledger", project.name])

    assert done.exit_code == 0, done.output
    assert "larger is better, tolerance 5%" in project.query("SELECT reason FROM attempts")["reason"][1]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_champions_of_other_code_are_told_with_the_command_that_queues_them(project):
    train(project, **metric(1))
    said = []
    changed = metric(2)

    runner.run(project, workers=0, quiet=True, say=said.append, **changed)
    unchanged = []
    runner.run(project, workers=0, quiet=True, say=unchanged.append, **metric(1))

    assert said[0] == "1 champions were trained by other code than today's; to train them again:"
    condition = shlex.split(said[1])[-1]
    assert said[1].startswith(
        "ledger requeue --where \"champion_code <> CASE WHEN trainer IS NULL THEN 'sha256 "
    )
    assert unchanged == []
    assert project.requeue(Selection(where=condition)).queued == 1


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_champions_of_built_in_trainers_are_of_other_code_after_an_upgrade(project):
    train(project, trainer="seasonal_naive")
    with writing(project.engine) as conn:
        conn.execute(text("UPDATE attempts SET code_version = 'slice-ledger 0.0.1'"))
    said = []

    runner.run(project, trainer="autoreg", workers=0, quiet=True, say=said.append)

    assert said[1] == f"ledger requeue --where \"champion_code <> 'slice-ledger {__version__}'\""
    assert project.requeue(Selection(where=shlex.split(said[1])[-1])).queued == 1
