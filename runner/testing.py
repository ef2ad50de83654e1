"""Contracts for what you write yourself: run them in your own test suite.

from runner.testing import check_trainer, check_worker_file

def test_my_worker_file():
    check_worker_file("worker.py", row, train=series[:400], test=series[400:])
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.records import Slice
from runner.drift.contract import check_drift_detector
from runner.errors import UnfitDataError
from runner.trainer import Classifier, Dataset, Detector, Forecaster, Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_drift_detector", "check_trainer", "check_worker_file"]


def check_trainer(trainer: Any, dataset: Dataset, params: Any = None) -> None:
    """Assert that a trainer module keeps its promises on `dataset`.

    It must be deterministic, leave the data alone, give a forecaster, detector or classifier,
    restore to the same answers from its saved form, and refuse data it cannot use with an
    UnfitDataError. Raises AssertionError naming the promise that is broken.
    """
    given = trainer.Params() if params is None else params
    before: Any = dataset.train.copy()
    model = trainer.train(dataset, given)
    assert before.equals(dataset.train), "the trainer changed its training data"
    _check_answers(model, dataset)
    again = _answers(trainer.train(dataset, given), dataset)
    assert _close(_answers(model, dataset), again), "the same data, params and seed gave another model"
    restored = _restored(trainer, model)
    assert _close(_answers(model, dataset), _answers(restored, dataset)), "a restored model answers otherwise"
    assert restored.model_used == model.model_used, "a restored model has another name"
    _check_refusals(trainer, dataset, given)


def check_worker_file(
    path: str | Path,
    row: Slice,
    train: pd.Series[float] | pd.DataFrame,
    test: pd.Series[float] | pd.DataFrame,
) -> dict[str, float]:
    """Assert that train() gives metrics and a model that can be saved; return the metrics."""
    from runner.saving import save
    from runner.userfile import UserFile, interpret

    user = UserFile.load(str(path))
    data = Dataset(train=train, test=test)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        trained = interpret(user.train(row, data, folder=folder, seed=0, params=row.params), folder)
        save(trained.model, folder)
    return dict(trained.metrics)


def _restored(trainer: Any, model: Model) -> Any:
    """The model after its way through a file."""
    from runner.modelfile import restored
    from runner.saving import save

    saved = save(model, None, trainer=trainer.__name__.rpartition(".")[2])
    ((_, content),) = saved.files.items()
    assert isinstance(content, bytes)
    return restored(content, saved.format, trainer.restore)


def _answers(model: Any, dataset: Dataset) -> list[Any]:
    import numpy as np

    if isinstance(model, Classifier) and not isinstance(model, (Forecaster, Detector)):
        return [np.asarray(model.predict(dataset.test), dtype=np.float64)]  # type: ignore[arg-type]
    values = np.asarray(dataset.test, dtype=np.float64)
    found = [np.asarray(model.score(values)), np.array([model.threshold])]
    if isinstance(model, Forecaster):
        found += [model.predict(len(values)), model.one_step(values)]
    return found


def _check_answers(model: Any, dataset: Dataset) -> None:
    import numpy as np

    kinds = (Forecaster, Detector, Classifier)
    assert isinstance(model, kinds), f"{type(model).__name__} is no forecaster, detector or classifier"
    assert model.model_used, "the model does not say what was fitted"
    for answer in _answers(model, dataset):
        assert np.isfinite(answer).all(), "an answer is not finite"
        assert answer.shape in ((len(dataset.test),), (1,)), f"an answer has the shape {answer.shape}"
    if isinstance(model, (Forecaster, Detector)):
        gaps = np.asarray(dataset.test, dtype=np.float64).copy()
        gaps[1::3] = np.nan
        assert np.isfinite(model.score(gaps)).all(), "a missing value makes a score that is not finite"


def _check_refusals(trainer: Any, dataset: Dataset, params: Any) -> None:
    train = dataset.train
    cases = {
        "no rows": train.iloc[:0],
        "one row": train.iloc[:1],
        "only missing values": train * float("nan"),
    }
    for name, data in cases.items():
        try:
            model = trainer.train(dataclasses.replace(dataset, train=data), params)
        except UnfitDataError:
            continue
        assert name == "one row", f"{name}: the trainer gave {model.model_used} instead of an UnfitDataError"


def _close(first: list[Any], second: list[Any]) -> bool:
    import numpy as np

    return all(np.allclose(a, b, rtol=1e-8, atol=1e-8) for a, b in zip(first, second, strict=True))
