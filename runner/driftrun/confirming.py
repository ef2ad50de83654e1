"""The second tier: whether a model that was found suspect does worse itself on the new rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledger.artifacts import ArtifactStore
from ledger.drift.records import Confirmed, Target
from ledger.ranges import Instant, interval, parse
from runner.driftrun.news import NOTHING, News, Wanted, columns_in, told
from runner.driftrun.tasks import CheckSetup
from runner.errors import ModelFormatError
from runner.modelfile import restored
from runner.recent import Recent, new_rows
from runner.windows import Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROWS = 1_000_000
"""Since the test range began; more are not looked at."""


class Confirming:
    """Asks models for their errors: on their test range, and on the window that was found suspect.

    A model goes through all rows since its test range began, as it would in service.
    """

    def __init__(self, setup: CheckSetup, news: News) -> None:
        self._store = ArtifactStore(setup.artifact_root, setup.ledger_uuid)
        self._news = news

    def of(self, wanted: Sequence[Wanted]) -> list[Confirmed]:
        """One confirmation each; what cannot be told confirms nothing and clears nobody."""
        recents = {each.target.slice.id: each.recent for each in wanted}
        since = [each._replace(recent=_since_test(each.target)) for each in wanted]
        return [
            self._confirmed(each, came, recents[each.target.slice.id]) for each, came in self._news.of(since)
        ]

    def _confirmed(self, since: Wanted, came: Window | str, recent: Recent) -> Confirmed:
        target = since.target
        try:
            if isinstance(came, str):
                raise ModelFormatError(came)
            return replace(self._asked(since, came, recent), slice_id=target.slice.id)
        except Exception as error:  # a model that cannot be loaded or asked is no reason to stop
            return Confirmed(target.slice.id, None, f"not confirmed: {told(error)}")

    def _asked(self, since: Wanted, came: Window, recent: Recent) -> Confirmed:
        from runner.drift.residual import confirm

        target = since.target
        model = self._model(target)
        columns = columns_in(came, since)
        rows, new = new_rows(came, columns, since.recent), new_rows(came, columns, recent)
        if rows is None or new is None:
            raise ModelFormatError(NOTHING)
        places, _ = came.axis.part(interval(target.slice.test_from, target.slice.test_to))
        tested = places.stop - places.start if isinstance(places, slice) else len(places)
        errors = _errors(model, rows.data)
        answer = confirm(errors[:tested], errors[-len(new.data) :])
        return Confirmed("", answer.confirmed, answer.reason)

    def _model(self, target: Target) -> Any:
        """The champion, where loading it runs no code."""
        from runner import trainers

        kept = [file for file in target.artifacts if file.format in ("json", "npz")]
        if len(kept) != 1 or len(target.artifacts) != 1:
            raise ModelFormatError("only the built-in models are asked for their errors")
        return restored(self._store.read(kept[0]), kept[0].format, None, trainers.find)


def _errors(model: Any, data: Any) -> Floats:
    """One-step errors of a forecaster, scores of a detector, shape (rows,)."""
    import numpy as np

    from runner.trainer import Detector, Forecaster

    values = np.asarray(data, dtype=np.float64)
    if isinstance(model, Forecaster):
        return values - model.one_step(values)
    if isinstance(model, Detector):
        return np.where(np.isfinite(values), model.score(values), np.nan)
    raise ModelFormatError(f"{type(model).__name__} has no errors to compare")


def _since_test(target: Target) -> Recent:
    """All rows since the test range began."""
    first = parse(target.slice.test_from).low
    before: Instant = (
        first - timedelta(microseconds=1)
        if isinstance(first, datetime)
        else Decimal(math.nextafter(float(first), -math.inf))
    )
    return Recent(before, ROWS)
