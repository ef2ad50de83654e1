"""The verdicts of a run of checks."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from runner.drift.decision import Check, VerdictKind, adjusted_p, decide


def checked(slice_id="a", p=1e-9, start=0.0, end=10.0, **more):
    return Check(slice_id, p, "level +0.9 sd", start, end, **more)


def calm(count, **more):
    return [checked(f"calm {row}", p=0.5 + row / count / 2, **more) for row in range(count)]


def next_of(verdict, start, end=None, p=1e-9, **more):
    """The check after a verdict, on a window from `start`."""
    after = {"previous": verdict.kind, "previous_reason": verdict.reason, "since": verdict.since}
    return checked(verdict.slice, p, start, start + 10 if end is None else end, **after, **more)


@pytest.mark.parametrize("seed", range(5))
def test_significance_is_that_of_statsmodels(seed):
    rng = np.random.default_rng(seed)
    p = np.concatenate([rng.random(300), rng.random(40) / 1_000, np.ones(20), np.full(10, 0.01)])

    rejected, adjusted, *_ = multipletests(p, alpha=0.05, method="fdr_bh")

    assert adjusted_p(p) == pytest.approx(adjusted, abs=1e-15)
    verdicts = decide([checked(str(row), p=value) for row, value in enumerate(p)])
    assert [verdict.kind == VerdictKind.SUSPECT for verdict in verdicts] == rejected.tolist()


def test_another_false_discovery_rate_may_be_asked_for():
    checks = [checked("a", p=0.02), *calm(1)]

    assert decide(checks, q=0.05)[0].kind == VerdictKind.SUSPECT
    assert decide(checks, q=0.01)[0].kind == VerdictKind.STABLE


def test_what_is_significant_alone_is_not_so_among_many():
    assert decide([checked(p=0.01)])[0].kind == VerdictKind.SUSPECT
    assert decide([checked(p=0.01), *calm(100)])[0].kind == VerdictKind.STABLE


def test_significant_once_is_suspect_and_again_is_drifted():
    first = decide([checked()])[0]
    second = decide([next_of(first, start=11.0)])[0]

    assert first.kind == VerdictKind.SUSPECT
    assert second.kind == VerdictKind.DRIFTED
    assert second.reason == "level +0.9 sd"


def test_a_window_that_overlaps_the_first_confirms_nothing():
    first = decide([checked(end=10.0)])[0]

    assert decide([next_of(first, start=10.0)])[0].kind == VerdictKind.SUSPECT


def test_windows_that_move_on_by_less_than_their_length_confirm_in_the_end():
    verdict, kinds = decide([checked(end=10.0)])[0], []
    for start in (4.0, 8.0, 12.0):
        verdict = decide([next_of(verdict, start=start)])[0]
        kinds.append(verdict.kind)

    assert kinds == [VerdictKind.SUSPECT, VerdictKind.SUSPECT, VerdictKind.DRIFTED]


def test_a_suspicion_that_is_not_confirmed_is_dropped():
    first = decide([checked()])[0]
    second = decide([next_of(first, start=11.0, p=0.7)])[0]
    third = decide([next_of(second, start=22.0)])[0]

    assert [second.kind, third.kind] == [VerdictKind.STABLE, VerdictKind.SUSPECT]


def test_an_insufficient_check_leaves_the_suspicion_as_it_was():
    first = decide([checked()])[0]
    second = decide([next_of(first, start=11.0, p=math.nan)])[0]

    assert second.kind == VerdictKind.INSUFFICIENT
    assert second.since == first.since


def test_insufficient_checks_do_not_count_among_the_many():
    insufficient = [checked(f"none {row}", p=math.nan) for row in range(1_000)]

    verdicts = decide([checked(p=0.01), *insufficient])

    assert verdicts[0].kind == VerdictKind.SUSPECT
    assert {verdict.kind for verdict in verdicts[1:]} == {VerdictKind.INSUFFICIENT}


def test_what_has_drifted_and_was_not_trained_again_stays_drifted():
    drifted = decide([next_of(decide([checked()])[0], start=11.0)])[0]

    assert decide([next_of(drifted, start=15.0)])[0].kind == VerdictKind.DRIFTED


def fleet(hit, there, group, p=1e-9):
    return [checked(f"{group} {row}", p=p if row < hit else 0.8, database=group) for row in range(there)]


def test_many_slices_of_a_database_that_turn_together_have_a_common_cause():
    verdicts = decide([*fleet(7, 20, "db"), *fleet(1, 20, "other"), *calm(100)])

    assert [verdict.kind for verdict in verdicts[:7]] == [VerdictKind.COMMON_CAUSE] * 7
    assert verdicts[0].reason == (
        "level +0.9 sd; common cause: 7 of 20 slices of database db turned suspect together"
    )
    assert verdicts[20].kind == VerdictKind.SUSPECT
    assert verdicts[7].kind == VerdictKind.STABLE


@pytest.mark.parametrize(("hit", "there"), [(6, 20), (19, 19), (30, 100)])
def test_no_more_than_30_percent_or_fewer_than_20_slices_have_no_common_cause(hit, there):
    assert decide(fleet(hit, there, "db"))[0].kind == VerdictKind.SUSPECT


def test_a_metric_can_have_a_common_cause_across_databases():
    checks = [checked(str(row), database=f"db {row}", column="cpu") for row in range(20)]

    assert "column cpu" in decide(checks)[0].reason


def test_a_common_cause_is_held_for_one_more_window_and_told_then():
    first = decide(fleet(20, 20, "db"))[0]
    second = decide([next_of(first, start=11.0)])[0]

    assert first.kind == VerdictKind.COMMON_CAUSE
    assert second.kind == VerdictKind.DRIFTED
    assert second.reason.endswith("common cause: 20 of 20 slices of database db turned suspect together")


def test_a_common_cause_that_is_gone_on_the_next_window_is_forgotten():
    first = decide(fleet(20, 20, "db"))[0]

    assert decide([next_of(first, start=11.0, p=0.9)])[0].kind == VerdictKind.STABLE


def test_what_was_suspect_before_does_not_turn_again():
    held = [next_of(verdict, start=5.0, database="db") for verdict in decide(fleet(20, 20, "db"))]

    verdicts = decide([*held, checked("new", database="db")])

    assert verdicts[-1].kind == VerdictKind.SUSPECT


def test_verdicts_come_in_the_order_of_the_checks():
    checks = [checked(str(row), p=value) for row, value in enumerate([0.9, 1e-9, math.nan, 0.2, 1e-9])]

    assert [verdict.slice for verdict in decide(checks)] == ["0", "1", "2", "3", "4"]


def test_no_checks_give_no_verdicts():
    assert decide([]) == []


def test_a_quarter_of_a_million_checks_are_judged_in_seconds():
    p = np.random.default_rng(0).random(250_000) ** 3
    checks = [
        Check(str(row), value, "", 0.0, 1.0, database=str(row % 5_000), column=str(row % 7))
        for row, value in enumerate(p.tolist())
    ]

    begun = time.process_time()
    verdicts = decide(checks)

    assert len(verdicts) == 250_000
    assert time.process_time() - begun < 10  # about one on an idle machine
