"""The profile of a training range."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import levinson_durbin

from runner.drift.autoregression import autocovariances, fitted
from runner.drift.packing import ProfileError
from runner.drift.profile import Profile
from tests.drift_series import INDEX, TRAIN, noise, parts, profile_of, wave


def test_a_profile_finds_the_season_and_the_autoregression():
    profile = profile_of(5 + noise(0, 0.9) + wave(2.0))

    assert profile.center == pytest.approx(5, abs=0.5)
    assert profile.noise.sum == pytest.approx(0.9, abs=0.03)
    assert profile.seasons[0].size * profile.scale == pytest.approx(2.0, abs=0.4)
    assert profile.noise.level_variance == pytest.approx(1.9 / 0.1, rel=0.4)


def test_a_profile_comes_back_from_its_bytes_as_it_was():
    profile = profile_of(noise(1, 0.9) + wave())

    content = profile.to_bytes()

    assert Profile.from_bytes(content) == profile
    assert Profile.from_bytes(content).floors == profile.floors
    assert len(content) < 400


def test_the_same_data_give_the_same_bytes():
    values = noise(2, 0.9) + wave()

    assert profile_of(values).to_bytes() == profile_of(values.copy()).to_bytes()


def changed(content, place, value):
    body = bytearray(content[:-4])
    body[place] = value
    return bytes(body) + struct.pack("<I", zlib.crc32(bytes(body)))


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda content: b"", "0 bytes are no drift profile"),
        (lambda content: b"\x80\x04pickle", "are no drift profile"),
        (lambda content: content[:20], "20 bytes are no drift profile"),
        (lambda content: content[:-9], "is damaged"),
        (lambda content: content[:50] + bytes([content[50] ^ 1]) + content[51:], "is damaged"),
        (lambda content: changed(content, 2, 9), "has version 9, this program reads version 1"),
    ],
)
def test_bytes_that_are_no_profile_are_refused_with_the_next_step(broken, told):
    content = profile_of(noise(3)).to_bytes()

    with pytest.raises(ProfileError, match=told) as caught:
        Profile.from_bytes(broken(content))

    assert "train the slice again" in str(caught.value)


def test_the_autoregression_is_that_of_statsmodels():
    values = noise(4, 0.8, count=TRAIN)
    values -= values.mean()

    found = fitted(autocovariances(values, None, 2), np.array([2_000.0, 1_999.0, 1_998.0]))

    _, known, *_ = levinson_durbin(values, nlags=found.size)
    assert found == pytest.approx(known, abs=1e-9)


def test_values_that_are_not_finite_are_left_out():
    train, test, _ = parts(noise(5) + wave())
    holed = train.copy()
    holed.iloc[::7] = np.nan
    holed.iloc[3::70] = np.inf

    profile = Profile.of(holed, test)

    assert profile == Profile.of(holed[np.isfinite(holed)], test)
    assert profile.noise.sum == pytest.approx(0.5, abs=0.1)


def test_missing_times_are_left_out():
    train, _, _ = parts(noise(5))
    index = train.index.to_series()
    index.iloc[10] = pd.NaT

    profile = Profile.of(pd.Series(train.to_numpy(), pd.DatetimeIndex(index)), None)

    assert profile.size == TRAIN - 1


def test_where_most_values_are_equal_the_scale_is_their_sd():
    values = np.where(np.random.default_rng(0).random(3_000) < 0.2, 10.0, 0.0)

    profile = profile_of(values)

    assert profile.scale == pytest.approx(4.0, rel=0.1)


@pytest.mark.parametrize("value", [0.0, 7.0, -5.5e8])
def test_a_constant_has_no_noise(value):
    profile = profile_of(np.full(3_000, value))

    assert profile.noise is None
    assert profile.scale == 0
    assert profile.center == value


def test_rounding_errors_are_no_noise():
    values = 0.1 + np.random.default_rng(0).integers(-2, 3, 3_000) * 1e-17

    assert profile_of(values).noise is None


def test_a_season_without_noise_gives_finite_numbers():
    profile = profile_of(wave())

    assert np.isfinite([profile.scale, profile.noise.sigma, profile.noise.level_variance]).all()
    assert profile.scale > 0


@pytest.mark.parametrize("count", [0, 1, 2, 99])
def test_a_short_range_gives_a_profile_without_noise(count):
    train, _, _ = parts(noise(6))

    assert Profile.of(train.iloc[:count], None).noise is None


def test_epoch_seconds_and_times_give_the_same_profile():
    train, test, _ = parts(noise(7) + wave())
    seconds, milliseconds = (
        [pd.Series(each.to_numpy(), each.index.as_unit("ms").asi8 // unit) for each in (train, test)]
        for unit in (1_000, 1)
    )

    assert Profile.of(*seconds) == Profile.of(train, test)
    assert Profile.of(*milliseconds) == Profile.of(train, test)


def test_rows_out_of_order_are_sorted():
    train, test, _ = parts(noise(8) + wave())

    assert Profile.of(train.iloc[::-1], test) == Profile.of(train, test)


def test_the_season_of_row_numbers_is_found_at_training():
    rows = pd.Series(noise(9) + wave(period=70), np.arange(3_000))

    profile = Profile.of(rows.iloc[:2_000], rows.iloc[2_000:2_500])

    assert profile.seasons[0].period == pytest.approx(70, rel=0.01)


def test_row_numbers_without_a_season_have_none():
    assert Profile.of(pd.Series(noise(10, 0.9), np.arange(3_000)), None).seasons == ()


def test_a_week_is_looked_for_where_the_range_holds_three():
    index = pd.date_range("2026-01-05", periods=3_000, freq="h")
    weekly = pd.Series(noise(11) + wave(period=168), index)

    assert [season.name for season in Profile.of(weekly, None).seasons] == ["daily", "weekly"]
    assert [season.name for season in Profile.of(weekly.iloc[:400], None).seasons] == ["daily"]


def test_given_periods_are_taken_instead_of_those_of_the_calendar():
    train, _, _ = parts(noise(12))

    profile = Profile.of(train, None, periods=[6 * 3600.0])

    assert [season.period for season in profile.seasons] == [6 * 3600.0]


def test_no_wave_is_fitted_that_the_step_cannot_show():
    index = pd.date_range("2020-01-01", periods=800, freq="D")

    profile = Profile.of(pd.Series(noise(13, count=800), index), None)

    assert [(season.name, season.amplitudes.size) for season in profile.seasons] == [("weekly", 3)]


def test_what_counts_up_is_described_by_its_increments():
    total = np.cumsum(np.maximum(10 + noise(14), 0))
    total[1_000:] -= total[1_000]

    profile = profile_of(total)

    assert profile.counter
    assert profile.center == pytest.approx(10, abs=0.3)


def test_what_rose_once_is_no_counter():
    assert not profile_of(np.where(np.arange(3_000) < 900, 1.0, 2.0)).counter


def test_a_random_walk_is_no_counter():
    assert not profile_of(np.cumsum(noise(15))).counter


def test_an_incident_in_training_hardly_moves_the_profile():
    calm = noise(16) + wave()
    hit = calm.copy()
    hit[700:720] += 50

    before, after = profile_of(calm), profile_of(hit)

    assert after.scale == pytest.approx(before.scale, rel=0.05)
    assert after.center == pytest.approx(before.center, abs=0.1)
    assert after.seasons[0].size == pytest.approx(before.seasons[0].size, rel=0.1)


def test_the_floor_is_what_the_test_range_showed():
    values = noise(17) + wave()
    values[TRAIN:2_500] += 1.5

    profile = profile_of(values)

    assert profile.floor("level") > 1.2
    assert profile.floor("scale") == pytest.approx(np.log(1.15))


def test_innovations_are_taken_across_regular_steps_only():
    train, test, _ = parts(noise(18, 0.9))
    kept = np.random.default_rng(0).random(TRAIN) > 0.2

    profile = Profile.of(train[kept], test)

    assert profile.noise.sum == pytest.approx(0.9, abs=0.04)


def test_irregular_times_are_taken_as_they_follow_each_other():
    at = np.cumsum(np.random.default_rng(0).exponential(900, 3_000))
    series = pd.Series(noise(19), INDEX[0] + pd.to_timedelta(at, unit="s"))

    profile = Profile.of(series.iloc[:2_000], None)

    assert profile.irregular
    assert profile.noise.sum == pytest.approx(0.5, abs=0.1)


def test_time_zones_do_not_matter():
    train, test, _ = parts(noise(20) + wave())
    abroad = [each.tz_localize("UTC").tz_convert("Asia/Tokyo") for each in (train, test)]

    assert Profile.of(*abroad) == Profile.of(train, test)


STORED = bytes.fromhex(
    "64700109010196000000000000c0bf56da41000000b54257da410000000000208c40ddba269eb422de3f1b7601a1c39f"
    "f03f000000000018e54004f8c5493df496103e2dde8d3deb287c3ded4464be145d933db3fbf33d52652a3d122f293fd2"
    "65853f5d54833f53e195418ddb5a3f6506053f8bedb4bcf000c63f4194453f00a087a990bf8bc7f2cd8cd11dd58cd73d"
    "da84dccdde7ae4f7e474e60ee786e713ea3eebd1ecb3ed94ee01efa9f10bf62bf711f9b5f970fb0dfd07fe1bff7e00d3"
    "00cd0110035e044305310691070d09ff0b6b0c8b0db30f4410c2100212ec12c713c51665173a1a471e932018225c23f9"
    "24e926c52ad22b69303d36a0363d49694b0000203f0000803e0000403e0000003e0000403fa4488381"
)
"""The profile of a slice, in version 1, as a ledger may hold it for years."""


def test_a_profile_that_was_stored_still_says_the_same():
    profile = Profile.from_bytes(STORED)

    noise, (season,) = profile.noise, profile.seasons
    assert (profile.timed, profile.counter, profile.irregular, profile.size) == (True, False, False, 150)
    assert (profile.start, profile.end, profile.step) == (1767571200.0, 1767705300.0, 900.0)
    assert (profile.center, profile.scale) == pytest.approx((0.47086825794660375, 1.0390049256597027))
    assert season.period == 43_200
    assert season.amplitudes[[0, 2]] == pytest.approx([0.04926106 + 0.14120084j, -0.22291918 + 0.07195488j])
    assert (noise.sigma, noise.power, noise.tails) == pytest.approx((0.66087446, 1.0421698, 1.0260121))
    assert (noise.spread, noise.spread_variance) == pytest.approx((0.85491258, 0.51962882))
    assert (noise.follows, noise.follows_variance) == pytest.approx((-0.022085926, 1.5469036))
    assert (noise.level_variance, *noise.phi) == pytest.approx((18.735022, 0.77179343))
    assert noise.quantiles[[0, 1, 32, 64]] == pytest.approx([-3.0, -2.70227051, 0.02575684, 2.35656738])
    assert profile.floors == {
        "level": 0.625,
        "scale": 0.25,
        "dynamics": 0.1875,
        "shape": 0.125,
        "season": 0.75,
    }


def test_what_a_profile_says_has_not_changed_without_another_version():
    assert Profile.from_bytes(STORED).to_bytes() == STORED, "bytes mean something else: raise packing.VERSION"
