"""Gates: what passes and what does not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import OptionError
from runner.gate import Gate, Gates


@pytest.mark.parametrize(
    ("gate", "value", "passes"),
    [
        ("mae<0.5", 0.4, True),
        ("mae<0.5", 0.5, False),
        ("mae<=0.5", 0.5, True),
        ("mae > 1e-3", 0.01, True),
        ("mae>=1", 0.9, False),
        ("mae==0", 0.0, True),
        ("mae!=0", 0.0, False),
        ("mae<inf", math.inf, False),
        ("mae>-1", math.inf, True),
        ("mae>-inf", -math.inf, False),
    ],
)
def test_a_condition_is_met_or_not(gate, value, passes):
    assert Gates.parse([gate]).verdict({"mae": value}).passed is passes


@given(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.floats(allow_nan=False))
def test_nan_never_passes(compare, limit):
    assert not Gates((Gate("m", compare, limit),)).verdict({"m": math.nan}).passed


def test_the_verdict_tells_every_objection_with_figures():
    verdict = Gates.parse(["mae<0.5", "auc>0.9", "rmse<2"]).verdict({"mae": 0.61, "rmse": 1.0})

    assert not verdict.passed
    assert verdict.reason == "mae 0.61 is not < 0.5; there is no metric auc (there are: mae, rmse)"


def test_without_conditions_every_model_passes():
    assert Gates().verdict({"m": math.nan}).passed


@pytest.mark.parametrize("written", ["", "mae", "mae<", "<0.5", "mae<high", "mae=0.5", "mae<nan", "a b<1"])
def test_text_that_is_no_condition_is_refused_with_an_example(written):
    with pytest.raises(OptionError, match=r"such as 'accuracy>0.95'"):
        Gate.parse(written)
