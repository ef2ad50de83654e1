"""Whether a value that never moved in training moves now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.drift.finding import Evidence

if TYPE_CHECKING:
    from runner.drift.points import Points
    from runner.drift.profile import Profile

SHARE = 0.1  # of the window that must be different: an incident is no drift


def of(profile: Profile, points: Points) -> Evidence:
    """The share of values that are not the constant; p as if all values were drawn from one urn.

    With k of m different in the window and none of n in training, p is at most (m / (n + m))^k.
    """
    import numpy as np

    from runner.drift.profile import EQUAL

    size = points.at.size
    apart = np.abs(points.values - profile.center) > EQUAL * max(abs(profile.center), EQUAL)
    moved = int(apart.sum())
    p = (size / (profile.size + size)) ** moved
    told = f"was {profile.center:.6g} throughout, {moved / size:.0%} of the new values are not"
    return Evidence("level", moved / size, p, moved / size > SHARE, told)
