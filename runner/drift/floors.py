"""How large an effect must be to count: a fixed least one, and what the slice's own test range showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.drift.points import Points
    from runner.drift.profile import Profile


def floors_of(profile: Profile, test: Points) -> dict[str, float]:
    """The effect that each statistic shows on the test range, which nobody takes for drift.

    Nothing for a test range that is too short to be compared.
    """
    from runner.drift.panel import check_points

    return {each.statistic: abs(each.effect) for each in check_points(profile, test).evidence}
