"""A worker file: how to train a model of your own for every slice.

runner check examples/worker.py      tries it on five slices
runner run --worker examples/worker.py
"""

import numpy as np
from sklearn.linear_model import Ridge

from runner import Trained

LAGS = 12


def train(row, data, params):
    """Forecast each value from the twelve before it, by ridge regression.

    `row` is the slice: row.id, row.table, and every column of your own in the split file.
    `data.train` and `data.test` are pandas Series indexed by time.
    """
    model = Ridge(alpha=float(params.get("alpha", 1.0)))
    known = data.train.dropna().to_numpy()
    windows = np.lib.stride_tricks.sliding_window_view(known, LAGS + 1)
    model.fit(windows[:, :-1], windows[:, -1])
    usual = np.abs(model.predict(windows[:, :-1]) - windows[:, -1])

    test = np.concatenate([known[-LAGS:], data.test.interpolate().bfill().ffill().to_numpy()])
    windows = np.lib.stride_tricks.sliding_window_view(test, LAGS + 1)
    error = np.abs(model.predict(windows[:, :-1]) - windows[:, -1])
    return Trained(
        metrics={"one_step_mae": error.mean(), "worst": error.max()},
        model=model,
        scores=error,  # leave these two out where you look for no anomalies
        threshold=np.quantile(usual, 0.999),
    )
