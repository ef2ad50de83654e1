"""What a value owes to those before it: an autoregression, and the innovations that remain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

ORDERS = 8
TOLERANCE = 0.1  # of a step: what differs by less is a regular step
REGULAR = 0.5  # below this share of regular steps the rows are taken as they follow each other
LONGEST = 5.0  # steps that then still are neighbours


def runs_of(at: Floats, step: float, *, irregular: bool) -> NDArray[np.intp] | None:
    """How many regular steps lead up to each point without a break, shape (n,); None if all are regular.

    Where the sampling is `irregular`, any step forward of at most five median steps is one.
    """
    import numpy as np

    steps = np.diff(at)
    if irregular:
        regular = (steps > 0) & (steps <= LONGEST * step)
    else:
        regular = np.abs(steps - step) <= TOLERANCE * step
    if regular.all():
        return None
    counted = np.arange(at.size)
    breaks = np.where(np.concatenate([[True], ~regular]), counted, 0)
    found: NDArray[np.intp] = counted - np.maximum.accumulate(breaks)
    return found


@dataclass(frozen=True, slots=True)
class Innovations:
    """The innovations of a series, shape (m,), and where in it they are (None: without a break)."""

    values: Floats
    places: Places | None

    def products(self) -> Floats:
        """Each innovation times the one a step before, where both are there."""
        import numpy as np

        both: Floats = self.values[1:] * self.values[:-1]
        if self.places is None:
            return both
        together = np.flatnonzero(np.diff(self.places) == 1)
        return both.take(together)


def innovations(values: Floats, phi: Floats, runs: Places | None) -> Innovations:
    """`values` less what `phi`, shape (p,), foretells; only after p regular steps without a break."""
    import numpy as np

    p = phi.size
    found = values[p:].copy()
    for lag in range(1, p + 1):
        found -= phi[lag - 1] * values[p - lag : values.size - lag]
    if runs is None:
        return Innovations(found, None)
    places = np.flatnonzero(runs[p:] >= max(p, 1))
    return Innovations(found[places], places)


def autocovariances(values: Floats, runs: Places | None, lags: int) -> Floats:
    """Autocovariances of centred values at lags 0 to `lags`, over pairs without a break between them."""
    import numpy as np

    n = values.size
    found = np.zeros(lags + 1)
    for lag in range(min(lags, n - 1) + 1):
        products = values[lag:] * values[: n - lag]
        if runs is not None and lag:
            kept = products[runs[lag:] >= lag]
            found[lag] = kept.mean() * (1 - lag / n) if kept.size else 0.0
        else:
            found[lag] = products.sum() / n
    return found


def fitted(covariances: Floats, counts: Floats) -> Floats:
    """The coefficients of the order from 0 to p that BIC chooses, by the Levinson–Durbin recursion.

    `covariances` are those at lags 0 to p; `counts`, same shape, how many values each order would be
    judged on: an order is not taken that leaves less than half of them. Source: Durbin (1960);
    Brockwell & Davis, "Time Series: Theory and Methods", §8.2.
    """
    import numpy as np

    variance, phi = float(covariances[0]), np.zeros(0)
    best, chosen = counts[0] * math.log(variance), phi
    for order in range(1, covariances.size):
        if counts[order] < counts[0] / 2 or variance <= 1e-12 * covariances[0]:
            break
        reflection = (covariances[order] - phi @ covariances[order - 1 : 0 : -1]) / variance
        reflection = min(max(float(reflection), -0.999), 0.999)
        phi = np.append(phi - reflection * phi[::-1], reflection)
        variance *= 1 - reflection**2
        told = counts[0] * math.log(variance) + order * math.log(counts[0])
        if told < best:
            best, chosen = told, phi
    return chosen
