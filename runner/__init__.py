"""The living part: claim, load, train, gate, keep, record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.trainer import Dataset, Trained

if TYPE_CHECKING:
    from runner.driftrun.start import check_drift
    from runner.loading import load
    from runner.planning.plan import plan
    from runner.start import run

__all__ = ["Dataset", "Trained", "check_drift", "load", "plan", "run"]


def __getattr__(name: str) -> Any:
    # These reach for SQLAlchemy: only who runs or loads pays for it.
    if name == "run":
        from runner.start import run

        return run
    if name == "load":
        from runner.loading import load

        return load
    if name == "plan":
        from runner.planning.plan import plan

        return plan
    if name == "check_drift":
        from runner.driftrun.start import check_drift

        return check_drift
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
