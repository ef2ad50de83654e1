"""The second tier: whether the champion itself does worse on the recent window than on its test range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RATIO = 1.15
P = 0.01
FEWEST = 30  # finite errors on each side
CLIP = 4.0  # robust standard deviations of the test errors: an incident is no drift


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Whether the model's errors confirm a drift.

    confirmed: True, False (harmless), None where there are too few errors to say; ratio of the mean absolute
    errors, recent to test; p, one-sided; NaN both where confirmed is None.
    """

    confirmed: bool | None
    ratio: float
    p: float
    reason: str


def confirm(test_errors: Floats, recent_errors: Floats) -> Confirmation:
    """Compare the model's one-step errors on its test range and on the recent window, any shape (n,), (m,).

    Confirmed where the mean absolute error has grown by at least 15 % with p ≤ .01, by the normal
    distribution and long-run variances (Newey & West 1987, Bartlett weights, the lag of Andrews 1991's
    plug-in for an autoregression of order one). Errors that are not finite are left out.
    """
    import numpy as np
    from scipy.special import ndtr

    before, now = (np.asarray(errors, dtype=np.float64).ravel() for errors in (test_errors, recent_errors))
    before, now = np.abs(before[np.isfinite(before)]), np.abs(now[np.isfinite(now)])
    for size, name in ((before.size, "test"), (now.size, "recent")):
        if size < FEWEST:
            return Confirmation(None, math.nan, math.nan, f"only {size} {name} errors; {FEWEST} are needed")
    limit = CLIP * 1.4826 * float(np.median(before)) or math.inf
    before, now = np.minimum(before, limit), np.minimum(now, limit)
    ratio = _ratio(float(now.mean()), float(before.mean()))
    error = math.sqrt(long_run_variance(before) / before.size + long_run_variance(now) / now.size)
    distance = float(now.mean() - before.mean())
    p = float(ndtr(-distance / error)) if error else float(distance <= 0)
    confirmed = ratio >= RATIO and p <= P
    told = f"the model's error is {ratio:.2f} times that on its test range (p {p:.2g})"
    return Confirmation(confirmed, ratio, p, told if confirmed else f"harmless: {told}")


def _ratio(now: float, before: float) -> float:
    if before:
        return now / before
    return math.inf if now else 1.0


def long_run_variance(values: Floats) -> float:
    """n times the variance of the mean of n autocorrelated values, shape (n,).

    Bartlett weights up to the lag 1.1447 · (n · 4ρ² / (1 − ρ²)²)^⅓ (Andrews 1991, equation 6.4),
    ρ the lag-1 correlation, at most .97; never less than half of the plain variance.
    """

    centred = values - values.mean()
    plain = float(centred @ centred) / values.size
    if plain <= 0:
        return 0.0
    rho = min(abs(float(centred[1:] @ centred[:-1]) / values.size / plain), 0.97)
    lag = min(int(1.1447 * (values.size * 4 * rho**2 / (1 - rho**2) ** 2) ** (1 / 3)), values.size // 4)
    found = plain
    for k in range(1, lag + 1):
        found += 2 * (1 - k / (lag + 1)) * float(centred[k:] @ centred[:-k]) / values.size
    return max(found, plain / 2)
