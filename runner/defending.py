"""The champion of a slice, scored where a new model is: on the same test range, from the same data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ledger.artifacts import ArtifactStore
from ledger.errors import ArtifactError, RangeError
from ledger.ranges import EPOCHS, Interval, interval
from ledger.records import Champion, Slice
from runner.challenge import Defence
from runner.errors import ModelFormatError, RunnerError
from runner.trainer import Classifier, Continuable, Dataset, Model
from runner.userfile import UserFile

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]


class NotComparableError(RunnerError):
    """The champion cannot be scored on this test range, or not fairly; the message ends a sentence."""


@dataclass(frozen=True, slots=True)
class Defending:
    """Scores champions of built-in trainers, and those of a worker file with `evaluate`."""

    store: ArtifactStore
    user: UserFile | None

    def defence(self, champion: Champion, row: Slice, dataset: Dataset, labels: Flags | None) -> Defence:
        """Score the champion on the test data of `dataset`.

        Where that cannot be, its recorded metrics stand if they are of the same test range. A model
        that cannot be loaded has none: it could not serve either. Raises nothing: whatever is wrong
        with the old model, the new one is recorded.
        """
        named = (champion.attempt_id, champion.number)
        try:
            _require_unseen(champion, row)
            return Defence(*named, self._measured(champion, row, dataset, labels))
        except (ArtifactError, ModelFormatError) as error:
            return Defence(*named, {}, str(error))
        except Exception as error:  # the user's own code, say, or data that the old model cannot use
            return Defence(*named, *self._recorded(champion, str(error) or type(error).__name__))

    def _recorded(self, champion: Champion, trouble: str) -> tuple[Mapping[str, float], str]:
        try:
            for file in champion.files if champion.metrics else ():
                self.store.check(file)
        except ArtifactError as error:
            return {}, str(error)
        return champion.metrics, trouble

    def _measured(
        self, champion: Champion, row: Slice, dataset: Dataset, labels: Flags | None
    ) -> dict[str, float]:
        from runner import trainers
        from runner.loading import load_files
        from runner.metrics import evaluate

        if not champion.files:
            raise NotComparableError("it kept no model")
        if champion.trainer in trainers.LIBRARIES:
            model = load_files(self.store, champion.files)
            if not _same_training(champion, row):
                model = _continued(model, champion, dataset)
            return evaluate(model, dataset, labels)
        if self.user is None or not self.user.evaluates:
            raise NotComparableError(
                "a model of your own is scored by evaluate(row, data, model) in the worker file"
            )
        model = load_files(self.store, champion.files, allow_pickle=True)  # the file asks for it
        return self.user.evaluate(row, dataset, model)


def _require_unseen(champion: Champion, row: Slice) -> None:
    """Refuse a test range that the champion was trained on, and the new model was not."""
    if champion.ranges is None or _same_training(champion, row):
        return
    try:
        theirs = interval(champion.ranges.train_from, champion.ranges.train_to)
        ours = interval(row.train_from, row.train_to)
        tested = interval(row.test_from, row.test_to)
    except RangeError:  # a pair that the user's get_data() returns needs no ranges that can be read
        return
    if theirs.kind == tested.kind and theirs.overlaps(tested) and ours.high < theirs.high:  # type: ignore[operator]
        raise NotComparableError("it was trained on a part of the test range")


def _same_training(champion: Champion, row: Slice) -> bool:
    return champion.ranges is not None and (champion.ranges.train_from, champion.ranges.train_to) == (
        row.train_from,
        row.train_to,
    )


def _continued(model: Any, champion: Champion, dataset: Dataset) -> Model:
    """The model as it would serve at the end of the new training data, its parameters as they are."""
    import numpy as np

    from runner.trainers.series import training_values

    if isinstance(model, Continuable):
        values = training_values(dataset, at_least=1, varying=False)
        last = int(np.flatnonzero(~np.isnan(np.asarray(dataset.train, dtype=np.float64)))[-1])
        ended = interval(champion.ranges.train_from, champion.ranges.train_to) if champion.ranges else None
        return model.continued(values, _rows_since(ended, dataset.train.index[: last + 1], dataset.step))
    if isinstance(model, Classifier):
        return model  # it knows no time
    raise NotComparableError(f"a {type(model).__name__} cannot go on after data it was not trained on")


def _rows_since(ended: Interval | None, index: pd.Index[Any], step: float | None) -> int | None:
    """How many rows at steps of `step` seconds lie between a range that ended and the end of `index`.

    None where the times of one of them are not known.
    """
    import math

    import pandas as pd

    if ended is None or not step or not isinstance(index, pd.DatetimeIndex):
        return None
    end = ended.high
    if not isinstance(end, datetime):
        per_second = {"s": 1.0, "ms": 1000.0}
        unit = next((unit for unit, (low, high) in EPOCHS.items() if low <= end <= high), None)
        if unit is None:
            return None
        end = datetime.fromtimestamp(float(end) / per_second[unit], UTC).replace(tzinfo=None)
    last = index[-1]
    last = last.tz_convert("UTC").tz_localize(None) if last.tzinfo is not None else last
    # A date ends with its day: the last row before that counts.
    return math.ceil((last - pd.Timestamp(end)).total_seconds() / step - 1e-9)
