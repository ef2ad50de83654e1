"""How good a built-in model is, measured on the test range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.errors import NoDataError
from runner.scores import labelled_measures, score_measures
from runner.trainer import Classifier, Dataset, Detector, Forecaster, Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


def evaluate(model: Model, dataset: Dataset, labels: Flags | None = None) -> dict[str, float]:
    """Measure `model` on the test range; missing test values are left out.

    `labels` (shape (test rows,)) add the measures of `detection` where the model gives scores.

    Forecasters: mae, rmse, smape, mase of the forecast from the end of training over the test
    range, and one_step_mae. Detectors: anomalies, anomaly_rate and score_max. Classifiers:
    accuracy. Raises NoDataError when every test value is missing.
    """
    import numpy as np

    if isinstance(model, Forecaster):
        actual = np.asarray(dataset.test, dtype=np.float64)
        _require_values(actual)
        training = np.asarray(dataset.train, dtype=np.float64)
        errors = forecast_errors(actual, model.predict(len(actual)), training, dataset.period)
        one_step = _mean(np.abs(model.one_step(actual) - actual))
        found = {**errors, "one_step_mae": one_step}
        if labels is not None:
            found |= labelled_measures(model.score(actual), model.threshold, dataset, labels)
        return found
    if isinstance(model, Detector):
        actual = np.asarray(dataset.test, dtype=np.float64)
        _require_values(actual)
        return score_measures(model.score(actual), model.threshold, dataset, labels)
    if isinstance(model, Classifier):
        rows: Any = dataset.test
        right = model.predict(rows) == rows[model.label].to_numpy()
        return {"accuracy": float(np.mean(right))}
    raise TypeError(f"{type(model).__name__} is no forecaster, detector or classifier")


def forecast_errors(actual: Floats, forecast: Floats, training: Floats, period: int) -> dict[str, float]:
    """mae, rmse, smape (percent) and mase of a forecast.

    smape is the mean of 200·|f−y|/(|f|+|y|), with 0/0 = 0, and mase is scaled by the in-sample
    error of the seasonal naive forecast at `period`, both as in the M4 competition (Makridakis et
    al., International Journal of Forecasting 36, 2020); mase is NaN where that error is 0 or
    training is no longer than the period.
    """
    import numpy as np

    error = np.abs(forecast - actual)
    size = np.abs(forecast) + np.abs(actual)
    relative = np.divide(200.0 * error, size, out=np.where(np.isnan(size), np.nan, 0.0), where=size > 0)
    naive = np.abs(training[period:] - training[:-period]) if training.size > period else np.array([])
    scale = _mean(naive)
    mae = _mean(error)
    return {
        "mae": mae,
        "rmse": float(np.sqrt(_mean(error**2))),
        "smape": _mean(relative),
        "mase": mae / scale if scale > 0 else float("nan"),
    }


def _mean(values: Floats) -> float:
    import numpy as np

    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _require_values(actual: Floats) -> None:
    import numpy as np

    if np.isnan(actual).all():
        raise NoDataError("every value of the test range is missing")
