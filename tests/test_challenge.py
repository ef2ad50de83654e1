"""The rule by which a new model takes over."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.challenge import Challenge, Defence
from runner.errors import OptionError
from runner.gate import Gates
from runner.options import resolve
from runner.values import normalised

INF, NAN = math.inf, math.nan


def challenge(compare=None, tolerance=0.0, gates=()):
    return Challenge.of(compare, tolerance, Gates.parse(gates).gates)


def passes(rule, new, old):
    return rule.rule(new, Defence(7, 3, old)).verdict.passed


@pytest.mark.parametrize(
    ("compare", "tolerance", "new", "old", "passed"),
    [
        ("mae", 0.0, 0.5, 0.5, True),
        ("mae", 0.0, 0.5 * (1 + 1e-9), 0.5, True),
        ("mae", 0.0, 0.501, 0.5, False),
        ("mae", 0.05, 0.524, 0.5, True),
        ("mae", 0.05, 0.526, 0.5, False),
        ("accuracy", 0.05, 0.86, 0.9, True),
        ("accuracy", 0.05, 0.85, 0.9, False),
        ("accuracy", 0.0, 0.95, 0.9, True),
        ("-gain", 0.0, 0.4, 0.5, False),
        ("-gain", 0.0, 0.6, 0.5, True),
        ("-gain", 0.1, -0.54, -0.5, True),
        ("-gain", 0.1, -0.56, -0.5, False),
        ("loss", 0.0, 0.6, 0.5, False),
        ("loss", 0.0, NAN, 0.5, False),
        ("loss", 0.0, NAN, NAN, True),
        ("loss", 0.0, 1e9, NAN, True),
        ("loss", 0.0, INF, 0.5, False),
        ("loss", 0.5, INF, INF, True),
        ("loss", 0.5, NAN, INF, True),
        ("loss", 0.5, 0.5, -INF, False),
        ("-gain", 0.5, 0.5, INF, False),
        ("-gain", 0.5, -INF, 0.5, False),
    ],
)
def test_a_model_is_worse_or_it_is_not(compare, tolerance, new, old, passed):
    name = compare.removeprefix("-")

    assert passes(challenge(compare, tolerance), {name: new}, {name: old}) is passed


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.booleans())
def test_of_two_scores_at_most_one_is_worse_and_none_is_worse_than_itself(one, other, larger):
    rule = challenge("-m" if larger else "m")
    lost = [not passes(rule, {"m": a}, {"m": b}) for a, b in ((one, other), (other, one), (one, one))]

    assert sum(lost[:2]) <= 1
    assert not lost[2]


@pytest.mark.parametrize(
    ("gates", "decides"),
    [
        ([], "mae"),
        (["rmse<2", "mase<1"], "rmse"),
        (["other<2"], "mae"),
        (["auc_pr>0.5"], "auc_pr"),
        (["rmse!=2"], "mae"),
    ],
)
def test_the_metric_of_the_first_gate_decides_else_a_usual_one(gates, decides):
    metrics = {"rmse": 2.0, "mae": 1.0, "vus_pr": 0.5, "auc_pr": 0.5}

    assert challenge(gates=gates).rule(metrics, Defence(7, 3, metrics)).compared_by == decides


def test_the_gate_says_which_direction_is_better():
    assert passes(challenge(gates=["r2>0.5"]), {"r2": 0.9}, {"r2": 0.8})
    assert not passes(challenge(gates=["r2>0.5"]), {"r2": 0.7}, {"r2": 0.8})
    assert passes(challenge(gates=["accuracy<0.9"]), {"accuracy": 0.1}, {"accuracy": 0.8})


def test_the_ruling_tells_rule_and_both_scores():
    ruling = challenge(tolerance=0.05).rule({"mae": 0.61}, Defence(7, 3, {"mae": 0.55}))

    assert ruling.verdict.reason == (
        "mae 0.61 is worse than the champion's 0.55 (attempt 3; smaller is better, tolerance 5%)"
    )
    assert (ruling.compared_by, ruling.champion_score) == ("mae", 0.55)


def test_what_cannot_be_compared_passes_and_says_why():
    apart = challenge("maee").rule({"mae": 0.6}, Defence(7, 3, {"mae": 0.5}))
    unknown = challenge().rule({"mae": 0.6}, Defence(7, 3, {}, "it kept no model"))

    assert (apart.verdict.passed, apart.compared_by) == (True, None)
    assert apart.verdict.reason == (
        "not compared with the champion (attempt 3): they do not both have maee; --compare names a metric"
    )
    assert unknown.verdict.reason == "not compared with the champion (attempt 3): it kept no model"


@pytest.mark.parametrize(
    ("written", "share"), [("5%", 0.05), ("0.05", 0.05), (0.05, 0.05), ("250%", 2.5), (0, 0)]
)
def test_a_tolerance_is_a_share(written, share):
    assert resolve(given=normalised({"tolerance": written}), file={}).tolerance == share


@pytest.mark.parametrize("written", ["5", "-1%", "much", True, "nan", "nan%"])
def test_other_tolerances_are_refused(written):
    with pytest.raises(OptionError, match="tolerance is"):
        resolve(given=normalised({"tolerance": written}), file={})
