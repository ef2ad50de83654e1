"""The same fit by statsmodels: slower, for where compiled code cannot be used or does not apply."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.arma.fit import Fit
from runner.trainers.arma.orders import Orders, integrated_ones, whole
from runner.trainers.arma.polynomials import expanded
from runner.trainers.arma.prediction import state_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def fit(values: Floats, orders: Orders, begin: Floats | None = None) -> Fit:
    """Fit, beginning at the parameters `begin` where they are given: the mean if any, and the factors.

    The first errors, which tell of the start and not of the model, are NaN.
    """
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    most = values.size + orders.reach + 1
    trend = integrated_ones(orders, most) if orders.constant else None
    with warnings.catch_warnings():  # of starts that are none and searches that do not converge
        warnings.simplefilter("ignore")
        model = SARIMAX(
            values,
            order=(orders.p, orders.d, orders.q),
            seasonal_order=(orders.P, orders.D, orders.Q, orders.s) if orders.s > 1 else (0, 0, 0, 0),
            exog=None if trend is None else trend[: values.size],
            concentrate_scale=True,
        )
        params = np.zeros(0)
        if model.k_params:
            params = model.fit(begin, cov_type="none", low_memory=True, disp=False, maxiter=100).params
        model.ssm.memory_conserve = 0  # one more pass, which keeps the errors, is cheaper than keeping all
        found = model.filter(params, cov_type="none")
    mean, factors = _split(np.asarray(params, dtype=np.float64), orders)
    phi, theta = whole(orders, factors)
    ahead = None if trend is None else trend[values.size : values.size + phi.size]
    forecasts = np.asarray(found.forecast(phi.size, exog=ahead), dtype=np.float64)
    errors = np.array(found.filter_results.forecasts_error[0])
    errors[: max(1, model.ssm.loglikelihood_burn)] = np.nan
    intercept = (1.0 - float(expanded(factors, orders.shape)[0].sum())) * mean
    return Fit(
        orders=orders,
        factors=factors,
        phi=phi,
        theta=theta,
        state=state_of(forecasts, phi, intercept),
        intercept=intercept,
        mean=mean,
        variance=float(found.scale),
        log_likelihood=float(found.llf),
        size=int((~np.isnan(errors)).sum()),
        errors=errors,
        by="statsmodels",
    )


def _split(params: Floats, orders: Orders) -> tuple[float, Floats]:
    """The mean, which comes first, and the factors' coefficients."""
    return (float(params[0]), params[1:].copy()) if orders.constant else (0.0, params)
