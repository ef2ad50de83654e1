"""What a drift detector is: it describes a training range in bytes, and compares a window with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import pandas as pd

    from runner.drift.finding import Finding


@runtime_checkable
class DriftDetector(Protocol):
    """A detector: `runner.testing.check_drift_detector` says whether one keeps its promises.

    `name` is recorded with each check. Both methods are plain functions of their arguments: no clock, no
    file, no chance, and the series given are left as they are. They are indexed by time or by row
    numbers and may hold NaN.
    """

    name: str

    def profile(self, train: pd.Series[Any], test: pd.Series[Any] | None) -> bytes:
        """All that `check` must know of the two ranges, in a few hundred bytes."""
        ...

    def check(self, profile: bytes, window: pd.Series[Any]) -> Finding:
        """Compare a recent window with what `profile` gave.

        The finding's p is small where the window is another than the training range: under no change
        it is at most α in a share α of the windows. Where nothing can be said, `insufficient` says why and
        p is NaN. Raises ProfileError for bytes that are not its own.
        """
        ...


@dataclass(frozen=True, slots=True)
class Panel:
    """The built-in detector: five statistics on the innovations of the series.

    periods: the seasons, in seconds or rows; None for those of the calendar.
    """

    periods: Sequence[float] | None = None
    name: str = "panel"

    def profile(self, train: pd.Series[Any], test: pd.Series[Any] | None) -> bytes:
        """The bytes of a Profile."""
        from runner.drift.profile import Profile

        return Profile.of(train, test, self.periods).to_bytes()

    def check(self, profile: bytes, window: pd.Series[Any]) -> Finding:
        """The panel's finding. Raises ProfileError for bytes that are no profile."""
        from runner.drift.panel import check
        from runner.drift.profile import Profile

        return check(Profile.from_bytes(profile), window)
