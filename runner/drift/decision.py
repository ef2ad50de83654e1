"""The verdicts of a run of checks: how many findings to believe, and which of them to act on."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

SHARE = 0.3  # of a database's or a metric's slices: more that turn together have a common cause
FEWEST = 20  # slices checked, for a share to mean something
CAUSE = "; common cause: "


class VerdictKind(StrEnum):
    """What a check comes to."""

    STABLE = "stable"
    SUSPECT = "suspect"
    DRIFTED = "drifted"
    COMMON_CAUSE = "common_cause"
    INSUFFICIENT = "insufficient"


HELD = frozenset({VerdictKind.SUSPECT, VerdictKind.COMMON_CAUSE})
KNOWN = HELD | {VerdictKind.DRIFTED}


class Check(NamedTuple):
    """What a decision needs to know of one check; a tuple, as there are 250,000 of them.

    p: the finding's, NaN where it was insufficient; reason: the finding's, or why it was insufficient;
    start, end: first and last position of its window. Of the verdict before, on the same model:
    previous: its kind; previous_reason; since: where the window ended that raised the suspicion.
    """

    slice: str
    p: float
    reason: str
    start: float
    end: float
    database: str | None = None
    column: str | None = None
    previous: str | None = None
    previous_reason: str = ""
    since: float | None = None


class Verdict(NamedTuple):
    """The verdict on one slice.

    adjusted: p after the correction for the number of checks, NaN where insufficient; since: where the
    window ended that raised the suspicion, None for stable and insufficient: to be handed to the next
    check as it is.
    """

    slice: str
    kind: VerdictKind
    adjusted: float
    reason: str
    since: float | None


def decide(checks: Sequence[Check], q: float = 0.05) -> list[Verdict]:
    """Judge all checks of a run together, in their order.

    A check is significant where Benjamini & Hochberg (1995) say so at the false discovery rate `q`
    over all checks that were sufficient. Significant once is `suspect`; again, on a window that does not
    overlap the one that raised the suspicion, `drifted`. Where more than 30 % of the slices of one database
    or of one column turn suspect together, of at least 20 checked, they are `common_cause`
    instead; if it is still there on the next window they are drifted too, and the reason tells the cause.
    An insufficient check leaves a suspicion as it was.
    """
    import numpy as np

    p = np.array([check.p for check in checks], dtype=np.float64)
    adjusted = np.full(p.size, math.nan)
    sufficient = ~np.isnan(p)
    adjusted[sufficient] = adjusted_p(p[sufficient])
    significant = adjusted <= q
    causes = common_causes(checks, significant, sufficient)
    told = zip(checks, adjusted.tolist(), significant.tolist(), strict=True)
    stable = VerdictKind.STABLE
    return [
        _judged(check, value, found, causes)
        if found or value != value
        else Verdict(check.slice, stable, value, check.reason, None)
        for check, value, found in told
    ]


def adjusted_p(p: Floats) -> Floats:
    """The p values of shape (n,) adjusted by Benjamini & Hochberg: significant at q where ≤ q."""
    import numpy as np

    order = np.argsort(p, kind="stable")
    scaled = p[order] * (p.size / np.arange(1, p.size + 1))
    found = np.empty_like(p)
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return found


def common_causes(
    checks: Sequence[Check], significant: Flags, sufficient: Flags
) -> dict[tuple[str, str], str]:
    """The groups, as (kind, name), of which more than 30 % turn suspect in this run, in words."""
    counted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for check, found, there in zip(checks, significant.tolist(), sufficient.tolist(), strict=True):
        if not there:
            continue
        turned = found and check.previous not in KNOWN
        for group in _groups(check):
            count = counted[group]
            count[0] += turned
            count[1] += 1
    return {
        (kind, name): f"{turned} of {there} slices of {kind} {name} turned suspect together"
        for (kind, name), (turned, there) in counted.items()
        if there >= FEWEST and turned > SHARE * there
    }


def _groups(check: Check) -> list[tuple[str, str]]:
    found = []
    if check.database is not None:
        found.append(("database", check.database))
    if check.column is not None:
        found.append(("column", check.column))
    return found


def _judged(check: Check, adjusted: float, significant: bool, causes: dict[tuple[str, str], str]) -> Verdict:
    if not significant:  # insufficient, but for a suspicion that is held
        since = check.since if check.previous in HELD else None
        return Verdict(check.slice, VerdictKind.INSUFFICIENT, adjusted, check.reason, since)
    if check.previous in KNOWN:
        since = check.end if check.since is None else check.since
        again = check.previous == VerdictKind.DRIFTED or (
            check.since is not None and check.start > check.since
        )
        kind = VerdictKind.DRIFTED if again else VerdictKind(str(check.previous))
        _, mark, cause = check.previous_reason.partition(CAUSE)
        return Verdict(check.slice, kind, adjusted, check.reason + mark + cause, since)
    for group in _groups(check):
        if group in causes:
            reason = check.reason + CAUSE + causes[group]
            return Verdict(check.slice, VerdictKind.COMMON_CAUSE, adjusted, reason, check.end)
    return Verdict(check.slice, VerdictKind.SUSPECT, adjusted, check.reason, check.end)
