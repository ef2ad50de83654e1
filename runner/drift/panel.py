"""The panel: five statistics of a window against a profile, put together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from runner.drift import constant, counter, dynamics, level, scale, seasonal, shape
from runner.drift.clock import HOUR, may_have_changed
from runner.drift.finding import Evidence, Finding
from runner.drift.points import Points
from runner.drift.profile import SHORTEST, Profile
from runner.drift.season import DAY
from runner.drift.view import View

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 100  # finite values that a window must have
INNOVATIONS = 50
ASK = 0.05  # p of a season below which it is taken as changed, and a change of clocks is asked for
WEIGHTS = {"level": 0.33, "scale": 0.14, "dynamics": 0.13, "shape": 0.13, "season": 0.27}
"""How the chance of a false alarm is shared out (weighted Bonferroni): the floors of scale, dynamics and
shape lie where a p is small anyway, the power of level and season hangs on theirs."""


def check(profile: Profile, window: pd.Series[Any]) -> Finding:
    """Compare `window`, indexed as the training data was, with the profile of that data.

    A finding is `insufficient` with fewer than 100 finite values, less than one cycle of the shortest
    season, or a time step that is not the training's. Values that are not finite are left out.
    """
    return check_points(profile, Points.of(window))


def check_points(profile: Profile, points: Points) -> Finding:
    """Compare points with a profile."""
    if profile.counter and points.at.size:
        points = counter.increments(points, profile.step)
    if (problem := _problem(profile, points)) is not None:
        return _finding(points, (), problem)
    if profile.noise is None:
        return _finding(points, (constant.of(profile, points),))
    view = View.of(profile, profile.noise, points)
    if view.innovations.values.size < INNOVATIONS:
        told = f"hardly any two values are {profile.step:g} apart, as in training"
        return _finding(points, (), told)
    return _finding(points, _by_any_clock(view, evidence(view)))


def evidence(view: View) -> tuple[Evidence, ...]:
    """What each of the five statistics says of a view; those that cannot say anything are left out.

    Where a season has changed, it is taken out of the innovations before the others look at them.
    """
    season = seasonal.of(view)
    if season is not None and season.counted and season.p < ASK:
        view = seasonal.without(view)
    found = (*(each.of(view) for each in (level, scale, dynamics, shape)), season)
    return tuple(each for each in found if each is not None)


def _by_any_clock(view: View, found: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """The evidence by the clock that explains the season best.

    A daily season by local time comes an hour later or earlier after a change of clocks, which is no
    drift: where one may have been, and the season counts, the window is looked at an hour off too.
    """
    if not any(each.statistic == "season" and each.counted and each.p < ASK for each in found):
        return found
    profile, points = view.profile, view.points
    daily = profile.timed and any(season.period == DAY for season in profile.seasons)
    if not (daily and may_have_changed(profile.start, float(points.at[-1]))):
        return found
    shifted = (Points(points.at + hour, points.values, True) for hour in (-HOUR, HOUR))
    looks = (found, *(evidence(View.of(profile, view.noise, each)) for each in shifted))
    return max(looks, key=lambda each: next(e.p for e in each if e.statistic == "season"))


def _problem(profile: Profile, points: Points) -> str | None:
    """Why the window cannot be compared, or None."""
    size = points.at.size
    if profile.size < SHORTEST:
        return f"only {profile.size} training values; {SHORTEST} are needed"
    if size < FEWEST:
        return f"only {size} new values; {FEWEST} are needed"
    if points.timed != profile.timed:
        kinds = ("row numbers", "times")
        return f"training was indexed by {kinds[profile.timed]}, the window by {kinds[points.timed]}"
    shortest = min((season.period for season in profile.seasons), default=0.0)
    if points.span + profile.step < 0.98 * shortest:
        return f"the new values span {points.span / shortest:.0%} of a season; one is needed"
    return None


def _finding(points: Points, found: tuple[Evidence, ...], insufficient: str | None = None) -> Finding:
    start, end = (float(points.at[0]), float(points.at[-1])) if points.at.size else (math.nan, math.nan)
    size = int(points.at.size)
    if not found:
        return Finding("", 0.0, math.nan, insufficient or "", insufficient, size, start, end)
    total = sum(WEIGHTS[each.statistic] for each in found)
    counted = [each for each in found if each.counted]
    strongest = min(counted or found, key=lambda each: each.p / WEIGHTS[each.statistic])
    p = min(1.0, strongest.p * total / WEIGHTS[strongest.statistic]) if counted else 1.0
    return Finding(strongest.statistic, strongest.effect, p, strongest.reason, None, size, start, end, found)
