"""What every drift detector promises, as assertions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from runner.drift.detector import DriftDetector
from runner.drift.finding import Finding
from runner.drift.packing import ProfileError

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 4_096  # bytes of a profile: there are 250,000


def check_drift_detector(
    detector: Any, train: pd.Series[float], test: pd.Series[float], moved: pd.Series[float]
) -> None:
    """Assert that a drift detector keeps its promises; `moved` is a window that has drifted from `train`.

    Its profile must be a few bytes, and the same for the same data; its findings must be the same for
    the same window, tell the drifted window from the test range, survive missing values, and say
    `insufficient` where nothing can be said. The series must be left as they are. Raises
    AssertionError naming the promise that is broken.
    """
    assert isinstance(detector, DriftDetector), "a detector has name, profile() and check()"
    assert detector.name, "the detector has no name"
    before = [each.copy() for each in (train, test, moved)]
    profile = detector.profile(train, test)
    assert isinstance(profile, bytes), f"profile() gave {type(profile).__name__} instead of bytes"
    assert len(profile) <= LARGEST, f"the profile has {len(profile)} bytes, more than {LARGEST}"
    assert detector.profile(train, test) == profile, "the same data gave another profile"
    _check_findings(detector, profile, test, moved)
    _check_refusals(detector, profile, train, moved)
    kept = zip(before, (train, test, moved), strict=True)
    assert all(old.equals(new) for old, new in kept), "the detector changed a series that it was given"


def _check_findings(
    detector: DriftDetector, profile: bytes, test: pd.Series[float], moved: pd.Series[float]
) -> None:
    calm, found = _found(detector, profile, test), _found(detector, profile, moved)
    for finding in (calm, found):
        assert finding.insufficient is None, f"enough values are insufficient: {finding.insufficient}"
        assert 0 <= finding.p <= 1, f"p is {finding.p}"
    assert found.p < calm.p, f"the drifted window has p {found.p}, the test range {calm.p}"
    assert found.statistic, "what was found has no name"
    assert found.reason, "what was found has no reason"
    holed = moved.copy()
    holed.iloc[1::5] = float("nan")
    assert _found(detector, profile, holed).p == _found(detector, profile, holed.dropna()).p, (
        "missing values and missing rows are not taken alike"
    )


def _check_refusals(
    detector: DriftDetector, profile: bytes, train: pd.Series[float], moved: pd.Series[float]
) -> None:
    short = detector.profile(train.iloc[:3], None)
    cases = {
        "an empty window": (profile, moved.iloc[:0]),
        "one value": (profile, moved.iloc[:1]),
        "only missing values": (profile, moved * float("nan")),
        "three training values": (short, moved),
    }
    for name, (given, window) in cases.items():
        finding = _found(detector, given, window)
        assert finding.insufficient, f"{name}: nothing says that it is insufficient"
        assert finding.p != finding.p, f"{name}: p is {finding.p} instead of NaN"
    try:
        detector.check(b"something else", moved)
    except ProfileError:
        return
    raise AssertionError("bytes that are no profile raise no ProfileError")


def _found(detector: DriftDetector, profile: bytes, window: pd.Series[float]) -> Finding:
    """The finding, after the same window has given it twice."""
    first, second = detector.check(profile, window), detector.check(profile, window)
    assert isinstance(first, Finding), f"check() gave {type(first).__name__} instead of a Finding"
    assert repr(dataclasses.astuple(first)) == repr(dataclasses.astuple(second)), (
        "the same window gave another finding"
    )
    return first
