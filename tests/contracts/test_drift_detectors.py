"""The built-in drift detector keeps the promises of runner.testing, and a broken one is found out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from runner.drift.detector import Panel
from runner.testing import check_drift_detector
from tests.drift_series import ALL, noise, parts, wave


def three_parts(index=None):
    values = noise(0) + wave()
    values[-500:] += 2.0
    return parts(values) if index is None else parts(values, index)


def test_the_panel_keeps_its_promises():
    check_drift_detector(Panel(), *three_parts())


def test_the_panel_keeps_its_promises_on_row_numbers():
    check_drift_detector(Panel(), *three_parts(np.arange(ALL)))


def test_the_panel_keeps_its_promises_with_periods_of_your_own():
    check_drift_detector(Panel(periods=(12 * 3600.0, 86_400.0)), *three_parts())


class Forgetful(Panel):
    """A panel whose profile is another each time."""

    def profile(self, train, test):
        self.__class__.calls = getattr(self.__class__, "calls", 0) + 1
        return super().profile(train.iloc[self.calls :], test)


class Deaf(Panel):
    """A panel that finds nothing."""

    def check(self, profile, window):
        found = super().check(profile, window)
        return found if found.insufficient else dataclasses.replace(found, p=1.0)


class Meddling(Panel):
    """A panel that writes into the window."""

    def check(self, profile, window):
        found = super().check(profile, window)
        window.iloc[-1:] = 0.0
        return found


@pytest.mark.parametrize(
    ("detector", "told"),
    [
        (Forgetful(), "the same data gave another profile"),
        (Deaf(), "the drifted window has p 1.0"),
        (Meddling(), "another finding|changed a series"),
        (object(), "a detector has name"),
    ],
)
def test_a_broken_detector_is_found_out(detector, told):
    with pytest.raises(AssertionError, match=told):
        check_drift_detector(detector, *(each.copy() for each in three_parts()))
