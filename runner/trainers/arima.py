"""ARIMA and seasonal ARIMA by exact maximum likelihood, in compiled code or else by statsmodels.

Source: Box, Jenkins, Reinsel & Ljung, Time Series Analysis (2015). The likelihood is that of the
differenced series, as statsmodels has it with simple differencing; `runner.trainers.arma` says how
it is computed. With gaps it is that of the values after the first run of known ones.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import SlowFitWarning
from runner.params import parameter
from runner.trainer import Dataset, State
from runner.trainers.arima_model import Arima, restore
from runner.trainers.residuals import ResidualScale
from runner.trainers.series import training_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.trainers.arma.fit import Fit
    from runner.trainers.arma.orders import Orders

    Floats = NDArray[np.float64]

LONGEST_SEASON = 24
"""Up to here order=auto takes seasonal ARIMA, beyond it harmonic regression with ARIMA errors."""

__all__ = ["Params", "makes_use_of", "restore", "train"]


@dataclass(frozen=True, slots=True)
class Params:
    """The orders of the model, and how a season enters it."""

    order: tuple[int, int, int] | None = parameter(None, "p,d,q; auto (or none): by AICc")
    seasonal: tuple[int, int, int, int] | None = parameter(
        None, "P,D,Q,s; none: no seasonal part, or with order=auto by AICc where the period is at most 24"
    )
    harmonics: str = parameter(
        "by order",
        "waves of the period: a number, auto (by AICc), none; by order: auto for order=auto with a "
        "period above 24, else none",
    )

    def __post_init__(self) -> None:
        if self.order is not None and (min(self.order) < 0 or sum(self.order) == 0):
            raise ValueError(f"order is {self.order}; p, d and q are at least 0, and not all of them are")
        if self.seasonal is not None and (min(self.seasonal) < 0 or self.seasonal[3] < 2):
            raise ValueError(f"seasonal is {self.seasonal}; P, D and Q are at least 0, s is at least 2")
        if self.seasonal is not None and self.order is None:
            raise ValueError("order=auto chooses the seasonal part too; give both or neither")
        if not self.harmonics.isdecimal() and self.harmonics not in ("auto", "none", "by order"):
            raise ValueError(f"harmonics is {self.harmonics!r}; it is a number, auto or none")


def train(dataset: Dataset, params: Params) -> Arima:
    """Fit by exact maximum likelihood; missing values are skipped by the filter."""
    import numpy as np

    from runner.trainers.arma.harmonics import fitted_cycles, without

    values = training_values(dataset, at_least=_least(params), varying=True)
    center, spread = float(np.nanmean(values)), float(np.nanstd(values))
    scaled = (values - center) / spread
    waved, number = _harmonics(params, dataset.period, values.size)
    cycles = fitted_cycles(scaled, dataset.period, number) if waved else None
    season = dataset.period if dataset.period <= LONGEST_SEASON and cycles is None else 1
    found = _fitted(without(scaled, cycles), params, season, dataset)
    name = f"{found.orders} by {found.by}" if found.by else str(found.orders)
    if cycles is not None:
        name += f" with {cycles.frequencies.size} harmonics of {dataset.period}"
    return Arima(
        name=name,
        orders=found.orders.key,
        factors=found.factors,
        phi=found.phi,
        theta=found.theta,
        start=found.state,
        intercept=found.intercept,
        deviation=float(np.sqrt(found.variance)),
        center=center,
        spread=spread,
        residuals=ResidualScale.of(found.errors * spread),
        cycles=cycles,
    )


def _harmonics(params: Params, period: int, size: int) -> tuple[bool, int | None]:
    """Whether there are any, and how many, None for as many as AICc finds."""
    if params.harmonics == "by order":
        return params.order is None and period > LONGEST_SEASON and size >= 2 * period, None
    if params.harmonics == "none":
        return False, 0
    return period > 1, None if params.harmonics == "auto" else int(params.harmonics)


def _fitted(values: Floats, params: Params, season: int, dataset: Dataset) -> Fit:
    from runner.trainers import compiled
    from runner.trainers.arma import by_statsmodels
    from runner.trainers.arma.fit import NoRunError, fit
    from runner.trainers.arma.selection import chosen, chosen_by_squares

    orders, champion = _given(params), _champion(dataset, params)
    if compiled.trouble:
        told = f"{compiled.trouble[0]}: ARIMA models are fitted by statsmodels, which takes many times longer"
        warnings.warn(told, SlowFitWarning, stacklevel=2)
        return by_statsmodels.fit(values, orders) if orders else chosen_by_squares(values, season)
    if orders is None:
        return chosen(values, season, dataset.period, champion)
    try:
        return fit(values, orders, dataset.period, champion[1] if champion else None)
    except NoRunError:
        return by_statsmodels.fit(values, orders)


def makes_use_of(previous: State, params: Params) -> bool:
    """Whether a training begins from the coefficients of an earlier model.

    Given orders must be the same; with order=auto the earlier ones are a candidate.
    """
    from runner.trainers import compiled

    orders, earlier = _given(params), tuple(previous.get("orders", ()))
    return bool(earlier) and (orders is None or earlier == orders.key) and not compiled.trouble


def _given(params: Params) -> Orders | None:
    """The orders that the parameters name, None where the data choose them."""
    from runner.trainers.arma.orders import Orders

    if params.order is None:
        return None
    p, d, q = params.order
    sp, sd, sq, s = params.seasonal or (0, 0, 0, 1)
    return Orders(p, d, q, sp, sd, sq, s, constant=d + sd == 0)


def _champion(dataset: Dataset, params: Params) -> tuple[tuple[int, ...], Floats] | None:
    """The key of the champion's orders and its coefficients, where they are of use."""
    import numpy as np

    if dataset.previous is None or not makes_use_of(dataset.previous, params):
        return None
    return tuple(dataset.previous["orders"]), np.array(dataset.previous["factors"])


def _least(params: Params) -> int:
    if params.order is None:
        return 3
    p, d, q = params.order
    least = p + d + q + 3
    if params.seasonal is not None:
        sp, sd, sq, s = params.seasonal
        least += s * (sp + sd + sq) + s
    return max(least, d + max(p, q + 1) + 3)
