"""Anomaly scores of a test range as metrics, whether a built-in model gave them or a user's train()."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.autocorrelation import repeat_length
from runner.detection import detection_measures
from runner.errors import ResultError
from runner.trainer import Dataset, Trained

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


def score_measures(
    scores: Floats, threshold: float | None, dataset: Dataset, labels: Flags | None
) -> dict[str, float]:
    """anomalies and anomaly_rate (with a threshold), score_max, and what `labels` add.

    `scores` and `labels` have the shape (test rows,). Test rows without a value are left out; where
    there is no other, nothing is measured.
    """
    at = scores[_known(dataset.test)]
    if not at.size:
        return {}
    found = {"score_max": float(at.max())}
    if threshold is not None:
        anomalies = int((at > threshold).sum())
        found |= {"anomalies": float(anomalies), "anomaly_rate": anomalies / at.size}
    if labels is not None:
        found |= labelled_measures(scores, threshold, dataset, labels)
    return found


def labelled_measures(
    scores: Floats, threshold: float | None, dataset: Dataset, labels: Flags
) -> dict[str, float]:
    """The measures of `detection` over the test rows that have a value."""
    import numpy as np

    known = _known(dataset.test)
    values = np.concatenate([_values(dataset.train), _values(dataset.test)])
    window = repeat_length(values[np.isfinite(values)])
    return detection_measures(
        scores[known], labels[known], threshold=threshold, step=dataset.step, window=window
    )


def user_metrics(trained: Trained, dataset: Dataset, labels: Flags | None) -> dict[str, float]:
    """The metrics that a user's train() returned, and after them what its scores come to.

    A metric of its own stays where both have the name. Raises ResultError for scores that are not
    one number for each test row with a value.
    """
    own: dict[str, float] = dict(trained.metrics)
    threshold = _threshold(trained.threshold)
    if trained.scores is None:
        if threshold is not None:
            raise ResultError("train() returned a threshold, but no scores that it is for")
        return own
    scores = _scores(trained.scores, dataset.test)
    return own | score_measures(scores, threshold, dataset, labels) | own


def _scores(given: Any, test: Any) -> Floats:
    import numpy as np

    try:
        scores = np.ma.filled(np.ma.asarray(given).astype(np.float64), np.nan)
    except Exception:  # the value's own code may raise anything
        told = f"the scores are a {type(given).__name__} that holds more than numbers"
        raise ResultError(f"{told}; they are one number per row of data.test") from None
    if scores.shape != (len(test),):
        told = f"the scores have the shape {scores.shape}"
        raise ResultError(f"{told}; they are one number per row of data.test, so ({len(test)},)")
    wrong = np.flatnonzero(~np.isfinite(scores) & _known(test))
    if wrong.size:
        told = f"{wrong.size} of the {len(test)} scores are no finite numbers, the first is number {wrong[0]}"
        raise ResultError(f"{told} ({scores[wrong[0]]}); every row of data.test with a value has one")
    return np.asarray(scores)


def _threshold(given: Any) -> float | None:
    if given is None:
        return None
    try:
        threshold = float(given)
    except Exception:  # the value's own code may raise anything
        raise ResultError(f"the threshold is a {type(given).__name__}; it is a number") from None
    if threshold != threshold:
        raise ResultError("the threshold is no number but NaN")
    return threshold


def _known(test: Any) -> Flags:
    """Which rows have a value in any column."""
    import numpy as np

    there = np.asarray(test.notna(), dtype=bool)
    return np.asarray(there if there.ndim == 1 else there.any(axis=1))


def _values(part: Any) -> Floats:
    """The values of a Series, or of the first column of numbers of a DataFrame, which may have none."""
    import numpy as np

    numbers = (part.to_frame() if part.ndim == 1 else part).select_dtypes("number")
    if not numbers.shape[1]:
        return np.array([])
    return numbers.iloc[:, 0].to_numpy(dtype=np.float64, na_value=np.nan)  # type: ignore[no-any-return]
