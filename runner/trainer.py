"""What a trainer gets and what it gives: a dataset in, a model out.

A built-in trainer is a module of `runner.trainers` with a frozen dataclass `Params`, a function
`train(dataset, params) -> Model` and a function `restore(state) -> Model`; where it begins from an
earlier model, `makes_use_of(previous, params)` says whether it does. A trainer imports neither the
ledger nor SQLAlchemy; the same dataset, parameters and seed give the same model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

State = dict[str, Any]
"""A model as JSON values and numpy arrays: all that is saved of it, and enough to restore it."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The data of one slice, cut by its ranges and in order of time.

    `train` and `test` are a pandas Series for one value column, a DataFrame for several, both
    indexed by time (a DatetimeIndex, or numbers where the source has numbers that are no
    epoch). Missing values are NaN; infinite ones have been made NaN.
    """

    train: pd.Series[float] | pd.DataFrame
    test: pd.Series[float] | pd.DataFrame
    period: int = 1  # rows in one season; 1 means none
    step: float | None = None  # median seconds between rows; None where the index is no time
    seed: int = 0
    previous: State | None = None  # of the slice's champion, where this trainer made it


@runtime_checkable
class Model(Protocol):
    """What every built-in model can do."""

    model_used: str  # what was fitted in the end, e.g. "ARIMA(2,1,2)"

    def state(self) -> State:
        """Return all that `restore` needs: no training data, JSON values and arrays only."""


@runtime_checkable
class Forecaster(Model, Protocol):
    """A model of what comes next."""

    threshold: float  # scores above it are anomalous; from training data only

    def predict(self, steps: int) -> Floats:
        """Forecast the `steps` rows that follow the training data, shape (steps,)."""

    def one_step(self, values: ArrayLike) -> Floats:
        """Forecast each of `values` from the training data and the values before it.

        `values` (shape (n,), NaN where missing) follow the training data directly.
        """

    def score(self, values: ArrayLike) -> Floats:
        """Score each of `values` by its one-step error in training residual sds, shape (n,)."""


@runtime_checkable
class Detector(Model, Protocol):
    """A model of what is normal."""

    threshold: float  # scores above it are anomalous; from training data only

    def score(self, values: ArrayLike) -> Floats:
        """Score each of `values`, which follow the training data directly; higher is stranger."""


@runtime_checkable
class Classifier(Model, Protocol):
    """A model that names what a row shows."""

    label: str  # the column it was trained to predict

    def predict(self, rows: pd.DataFrame) -> NDArray[Any]:
        """Return one label per row. A label column among the rows is ignored."""


@runtime_checkable
class Continuable(Model, Protocol):
    """A model of a series that can go on after data it was not trained on."""

    def continued(self, values: Floats, rows: int | None) -> Model:
        """The same model, its parameters as they are, at the end of `values` instead of its own data.

        `values` (shape (n,), NaN in gaps, the last one known) end `rows` rows after the training
        data did; None where that cannot be told. Raises UnfitDataError where they are not enough.
        """


@dataclass(frozen=True, slots=True)
class Trained:
    """What a user's `train(row, data)` may return: metrics, and the model they belong to.

    `metrics` maps names to numbers. `model` may be anything with a saved form (see
    docs/worker-file.md), or None when there is nothing to keep. `scores`, one number per row of
    `data.test`, are measured as those of a built-in detector; higher is stranger.
    """

    metrics: Mapping[str, Any] = field(default_factory=dict)
    model: Any = None
    model_used: str | None = None
    scores: ArrayLike | None = None  # (test rows,)
    threshold: float | None = None  # a score above it is an alarm; from training data only
