"""What is known of a season in noise that follows itself, when the autoregression is only estimated."""

from __future__ import annotations

import numpy as np
import pytest

from runner.drift import seasonal
from runner.drift.points import Points
from runner.drift.response import Response
from runner.drift.view import View
from tests.drift_series import noise, parts, profile_of, wave


def seen(seed):
    """Of a calm window: the response, and the daily wave in its innovations along the training's season."""
    values = noise(seed, 0.9) + wave()
    profile = profile_of(values)
    view = View.of(profile, profile.noise, Points.of(parts(values)[2]))
    response = Response.of(profile, profile.seasons[0])
    (larger, _), _ = seasonal._likely(view, profile.seasons[0], response)
    basis, square, _ = seasonal._prepared(view, profile.seasons[0], view.waves[0])
    size = (view.power * (larger @ square @ larger)) ** 0.5
    known = (1 + view.noise.tails * 500 / profile.size) ** 0.5
    return response, float(larger @ basis @ view.innovations.values) / size / known


def test_innovations_of_later_windows_are_as_loud_at_the_season_as_the_response_says():
    found = [seen(seed) for seed in range(400)]

    louder = np.mean([response.louder[0] for response, _ in found])
    sizes = np.array([size for _, size in found])
    assert 1.02 < louder < 1.06
    assert sizes.std() == pytest.approx(louder, abs=3 * louder / 800**0.5)


def test_calm_windows_show_no_smaller_season_than_training_had():
    sizes = np.array([seen(seed)[1] for seed in range(400)])

    assert abs(sizes.mean()) < 3 / 400**0.5


def test_the_autoregression_is_as_good_as_known_where_values_hardly_follow_each_other():
    response = Response.of(profile := profile_of(noise(1, 0.1) + wave()), profile.seasons[0])

    assert response.louder == pytest.approx(np.ones(4), abs=0.01)
    assert response.doubt < 0.01


def test_a_season_half_as_large_again_is_found_and_calm_ones_are_not():
    def p(seed, factor):
        values = noise(seed, 0.9) + np.where(np.arange(3_000) < 2_500, 1.0, factor) * wave()
        profile = profile_of(values)
        return seasonal.of(View.of(profile, profile.noise, Points.of(parts(values)[2]))).p

    calm, larger = (np.array([p(seed, factor) for seed in range(200)]) for factor in (1.0, 1.5))

    assert (calm <= 0.05).mean() <= 0.08
    assert (larger <= 0.0135).mean() >= 0.75
