"""Scores from one-step errors: how strange a value is to a forecaster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

QUANTILE = 0.999


@dataclass(frozen=True, slots=True)
class ResidualScale:
    """The spread of the training residuals, and the score that 1 in 1,000 of them exceeds."""

    sd: float
    threshold: float

    @classmethod
    def of(cls, residuals: Floats) -> ResidualScale:
        """Measure training residuals; missing ones are left out. A perfect fit has sd 1."""
        import numpy as np

        known = residuals[~np.isnan(residuals)]
        sd = float(np.sqrt(np.mean(known**2))) if known.size else 0.0
        sd = sd if sd > 0 else 1.0
        threshold = float(np.quantile(np.abs(known) / sd, QUANTILE)) if known.size else 0.0
        return cls(sd, threshold)

    def scores(self, values: ArrayLike, forecasts: Floats) -> Floats:
        """The one-step errors in residual sds; 0 where a value is missing."""
        import numpy as np

        errors = np.abs(np.asarray(values, dtype=np.float64) - forecasts) / self.sd
        return np.where(np.isnan(errors), 0.0, errors)
