"""The panel: what each of its statistics finds, what it must not find, and when it says nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from runner.drift.panel import check
from runner.drift.profile import Profile
from tests.drift_series import ALL, DAY, INDEX, KNOWN, RECENT, noise, parts, profile_of, wave


def found(values, index=INDEX):
    train, test, recent = parts(values, index)
    return check(Profile.of(train, test), recent)


def speaking(finding, p=1e-4):
    """The statistics that speak clearly for a change."""
    return {each.statistic for each in finding.evidence if each.counted and each.p < p}


def with_recent(now, phi=0.5, season=0.0):
    """Noise and a season, and `now` of both from the recent window on."""
    values, daily = noise(1, phi), season * wave(1.0)
    return np.concatenate([(values + daily)[:KNOWN], now(values, daily)[KNOWN:]])


def skewed(values, daily):
    drawn = np.random.default_rng(5).exponential(1.0, values.size) - 1.0
    kept = np.zeros(values.size)
    for row in range(1, kept.size):
        kept[row] = 0.5 * kept[row - 1] + np.sqrt(0.75) * drawn[row]
    return kept


@pytest.mark.parametrize(
    ("statistic", "values"),
    [
        ("level", with_recent(lambda plain, daily: plain + 1.0)),
        ("scale", with_recent(lambda plain, daily: 1.5 * plain)),
        ("shape", with_recent(skewed)),
        ("season", with_recent(lambda plain, daily: plain + wave(1.0))),
        ("season", with_recent(lambda plain, daily: plain + wave(2.0, later=24), season=2.0)),
    ],
)
def test_a_statistic_finds_its_own_change_and_the_others_do_not(statistic, values):
    finding = found(values)

    assert finding.p < 1e-3
    assert finding.statistic == statistic
    assert speaking(finding) == {statistic}


@pytest.mark.parametrize("height", [5.0, 20.0, -1e4])
def test_a_level_far_away_is_told_as_that_and_not_as_noise_that_is_gone(height):
    finding = found(with_recent(lambda plain, daily: plain + height))

    assert finding.statistic == "level"
    assert speaking(finding) == {"level"}


def test_dynamics_finds_that_values_follow_the_one_before_less():
    now = noise(2, 0.3) * np.sqrt((1 - 0.81) / (1 - 0.09))  # innovations as large as they were

    finding = found(np.concatenate([noise(1, 0.9)[:KNOWN], now[KNOWN:]]))

    assert "dynamics" in speaking(finding)
    assert finding.p < 1e-3


@pytest.mark.parametrize(
    ("statistic", "values", "told"),
    [
        ("level", with_recent(lambda plain, daily: plain + 1.0), r"level \+1\.\d sd"),
        ("level", with_recent(lambda plain, daily: plain - 2.0), r"level -[12]\.\d sd"),
        ("scale", with_recent(lambda plain, daily: 2 * plain), r"noise (1\.9|2|2\.1) times as large"),
        ("scale", with_recent(lambda plain, daily: 0 * plain), "stands still at 0"),
        (
            "season",
            with_recent(lambda plain, daily: plain + daily / 2, season=4.0),
            "daily season half as large",
        ),
        ("season", with_recent(lambda plain, daily: plain, season=2.0), "daily season gone"),
        (
            "season",
            with_recent(lambda plain, daily: plain + wave(2.0)),
            r"a daily season of \d\.\d sd appeared",
        ),
        (
            "season",
            with_recent(lambda plain, daily: plain + 2 * daily, season=2.0),
            r"daily season (1\.9|2|2\.1) times",
        ),
        (
            "season",
            with_recent(lambda plain, daily: plain + wave(2.0, later=24), season=2.0),
            r"daily season (6|5\.\d|6\.\d) h later",
        ),
        (
            "season",
            with_recent(lambda plain, daily: plain + wave(2.0, later=-16), season=2.0),
            r"daily season (4|3\.\d|4\.\d) h earlier",
        ),
    ],
)
def test_a_reason_is_put_in_words(statistic, values, told):
    import re

    reasons = {each.statistic: each.reason for each in found(values).evidence}

    assert re.match(told, reasons[statistic])


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.99])
def test_false_alarms_are_rare(phi):
    findings = [found(noise(seed, phi) + wave()) for seed in range(100)]

    assert (
        sum(finding.p <= 0.05 for finding in findings) <= 12
    )  # about 2 are expected, 5 by the nominal level


def test_a_change_is_found_nearly_always():
    findings = [found(np.where(np.arange(ALL) < KNOWN, 0, 1.5) + noise(seed, 0.9)) for seed in range(60)]

    assert sum(finding.p <= 0.05 for finding in findings) >= 50  # all 60 are expected


def test_the_same_window_gives_the_same_finding():
    values = noise(3, 0.9) + wave()

    assert found(values) == found(values.copy())


def test_the_unit_of_the_values_does_not_matter():
    values = with_recent(lambda plain, daily: plain + 1.0)

    plain, tiny, large = (found(values * unit) for unit in (1.0, 1e-9, 5.5e8))

    assert tiny.p == pytest.approx(plain.p, rel=1e-2)
    assert large.p == pytest.approx(plain.p, rel=1e-2)


def test_one_missing_value_changes_nothing_much():
    train, test, recent = parts(noise(4, 0.9))
    holed = recent.copy()
    holed.iloc[[3, 200]] = [np.nan, np.inf]

    profile = Profile.of(train, test)

    assert check(profile, holed).rows == RECENT - 2
    assert check(profile, holed).p == pytest.approx(check(profile, recent).p, abs=0.2)


@pytest.mark.parametrize("height", [8.0, 1e3, 1e12])
@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_an_incident_is_no_drift(height, phi):
    values = noise(5, phi)
    values[2_700:2_736] += height

    assert found(values).p > 0.05


def test_no_level_is_tested_near_a_unit_root():
    finding = found(np.cumsum(noise(6)))

    assert "level" not in {each.statistic for each in finding.evidence}
    assert finding.insufficient is None


def test_a_constant_that_stays_is_stable():
    finding = found(np.full(ALL, 3.0))

    assert finding.p == 1
    assert finding.insufficient is None


def test_a_constant_that_moves_has_drifted():
    finding = found(np.where(np.arange(ALL) < KNOWN + 250, 3.0, 4.0))

    assert finding.p < 1e-3
    assert finding.reason == "was 3 throughout, 50% of the new values are not"


def test_a_few_values_beside_a_constant_are_an_incident():
    values = np.full(ALL, 3.0)
    values[2_700:2_730] = 9.0

    assert found(values).p == 1


def test_a_window_without_any_noise_has_drifted():
    finding = found(np.where(np.arange(ALL) < KNOWN, noise(7), 0.3))

    assert finding.p < 1e-3
    assert finding.reason == "stands still at 0.3"


def test_where_most_values_are_equal_nothing_is_found_without_a_change():
    values = np.where(np.random.default_rng(0).random(ALL) < 0.2, 10.0, 0.0)

    assert found(values).p > 0.05


def test_values_of_few_kinds_have_no_other_shape_without_a_change():
    counts = np.random.default_rng(1).poisson(1.0, ALL).astype(float)

    shape = next(each for each in found(counts).evidence if each.statistic == "shape")

    assert shape.effect < 0.1
    assert shape.p > 0.05


@pytest.mark.parametrize(
    ("window", "told"),
    [
        (lambda recent: recent.iloc[:99], "only 99 new values; 100 are needed"),
        (lambda recent: recent.iloc[:0], "only 0 new values"),
        (lambda recent: recent * np.nan, "only 0 new values"),
        (
            lambda recent: recent.resample("5min").interpolate().iloc[:200],
            "the new values span 69% of a season",
        ),
        (lambda recent: recent.resample("5min").interpolate(), "hardly any two values are 900 apart"),
        (
            lambda recent: recent.reset_index(drop=True),
            "training was indexed by times, the window by row numbers",
        ),
    ],
)
def test_what_cannot_be_compared_is_insufficient(window, told):
    train, test, recent = parts(noise(8) + wave())

    finding = check(Profile.of(train, test), window(recent))

    assert told in finding.insufficient
    assert np.isnan(finding.p)


def test_a_short_training_range_makes_every_check_insufficient():
    train, _, recent = parts(noise(9))

    finding = check(Profile.of(train.iloc[:60], None), recent)

    assert finding.insufficient == "only 60 training values; 100 are needed"


def test_what_the_test_range_showed_already_does_not_count():
    values = noise(10)
    values[2_000:] += 1.0
    train, test, recent = parts(values)

    with_test, without = (
        check(Profile.of(train, test), recent - 0.2),
        check(Profile.of(train, None), recent - 0.2),
    )

    assert with_test.p == 1
    assert without.p < 1e-3


def test_gaps_raise_no_alarm_and_hide_no_change():
    kept = np.random.default_rng(3).random(ALL) > 0.15
    kept[2_650:2_746] = False
    calm, moved = noise(11, 0.9) + wave(), noise(11, 0.9) + wave()
    moved[KNOWN:] += 2.0

    def holed(values):
        series = pd.Series(values, INDEX)[kept]
        profile = Profile.of(series[: INDEX[1_999]], series[INDEX[2_000] : INDEX[KNOWN - 1]])
        return check(profile, series[INDEX[KNOWN] :])

    assert holed(calm).p > 0.05
    assert holed(moved).statistic == "level"
    assert holed(moved).p < 1e-3


def test_a_season_is_placed_by_the_time_and_not_by_the_row():
    values = noise(22) + wave()
    train, test, recent = parts(values)

    finding = check(Profile.of(train, test), recent.iloc[30:])

    assert finding.p > 0.05


def test_a_season_of_row_numbers_is_placed_by_the_row():
    values = noise(13) + wave(period=70)

    calm = found(values, np.arange(ALL))
    later = found(
        np.concatenate([values[:KNOWN], (noise(13) + wave(period=70, later=35))[KNOWN:]]), np.arange(ALL)
    )

    assert calm.p > 0.05
    assert later.statistic == "season"
    assert later.p < 1e-3


def clocks(first_day, hours):
    """A daily season that comes `hours` earlier in the recent window."""
    index = pd.date_range(first_day, periods=ALL, freq="15min")
    season = np.where(np.arange(ALL) < KNOWN, wave(4.0), wave(4.0, later=-4 * hours))
    return found(noise(14) + season, index)


def test_an_hour_after_a_change_of_clocks_is_no_drift():
    assert clocks("2026-03-03", 1).p > 0.05


def test_an_hour_is_a_drift_where_no_clocks_were_changed():
    finding = clocks("2026-05-05", 1)

    assert finding.p < 1e-3
    assert finding.statistic == "season"


def test_three_hours_are_a_drift_after_a_change_of_clocks_too():
    assert clocks("2026-03-03", 3).p < 1e-3


def test_a_counter_that_grows_as_before_is_stable_through_a_new_start():
    total = np.cumsum(np.maximum(10 + noise(15), 0))
    total[2_700:] -= total[2_700]

    assert found(total).p > 0.05


def test_a_counter_that_grows_faster_has_drifted():
    rate = np.maximum(10 + noise(16), 0)
    rate[KNOWN:] += 1.0

    finding = found(np.cumsum(rate))

    assert finding.statistic == "level"
    assert finding.p < 1e-3


def test_a_counter_that_falls_again_and_again_is_found():
    total = np.cumsum(np.maximum(10 + noise(17), 0))
    total[KNOWN:] = 5_000 + 100 * noise(18)[KNOWN:]

    assert found(total).p < 1e-3


def test_the_finding_says_where_its_window_lies():
    train, test, recent = parts(noise(19))

    finding = check(Profile.of(train, test), recent)

    assert finding.start == recent.index[0].timestamp()
    assert finding.end == recent.index[-1].timestamp()
    assert finding.rows == RECENT


def test_the_profile_of_a_season_needs_two_cycles():
    train, _, recent = parts(noise(20))

    assert Profile.of(train.iloc[: 2 * DAY - 8], None).seasons == ()
    assert len(profile_of(noise(20)).seasons) == 1
    assert check(Profile.of(train.iloc[: 2 * DAY - 8], None), recent).insufficient is None
