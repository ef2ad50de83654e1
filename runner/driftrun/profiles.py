"""What is kept of the data of a training, so that later data can be compared with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledger.records import StoredProfile
from runner.drift.detector import DriftDetector

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = 16
"""Of wider data (images, say, a column for each pixel) there is no profile."""


def profiles_of(detector: DriftDetector, train: Any, test: Any) -> tuple[StoredProfile, ...]:
    """The profile of each column, or why there is none; whatever goes wrong is told, never raised."""
    width = 1 if train.ndim == 1 else train.shape[1]
    if width > COLUMNS:
        told = f"the data has {width} value columns; profiles are kept of up to {COLUMNS}"
        return (StoredProfile(detector.name, "", None, told),)
    columns, others = _columns(train), _columns(test)
    return tuple(_profile(detector, name, each, others.get(name)) for name, each in columns.items())


def _columns(data: pd.Series[Any] | pd.DataFrame) -> dict[str, pd.Series[Any]]:
    import pandas as pd

    if isinstance(data, pd.Series):
        return {"" if data.name is None else str(data.name): data}
    return {str(name): data[name] for name in data.columns}


def _profile(detector: DriftDetector, name: str, train: Any, test: Any) -> StoredProfile:
    try:
        return StoredProfile(detector.name, name, detector.profile(train, test))
    except Exception as error:  # a detector of the user's may raise anything, and text may be in the data
        return StoredProfile(detector.name, name, None, f"{type(error).__name__}: {error}")
