"""A plan: what a run over the queue will cost, from a sample to a recommendation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ledger.errors import LedgerError
from ledger.plans import keep_plan
from ledger.store import Ledger
from ledger.stretches import stretches
from runner.errors import OptionError, RunnerError
from runner.options import RunOptions
from runner.planning.foretold import Foretold
from runner.planning.reckoning import Asked, Reckoning
from runner.planning.rehearsal import StoppedError
from runner.planning.sampling import Sample, Sampler
from runner.planning.strata import Stratum, strata
from runner.preparation import checked_labels, checked_trainers, setup_for, workers_of
from runner.start import options_for
from runner.stopping import Stopping
from runner.values import normalised, seconds

SAMPLE = 30
THRESHOLD = 3600.0


class NothingTrainedError(RunnerError):
    """Every slice of the sample failed, so nothing can be foretold."""

    exit_code = 1


class PlanStoppedError(RunnerError):
    """A signal ended the plan; nothing of it stays."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number
        super().__init__("the plan was stopped; no slice was changed and nothing was kept")


def plan(
    ledger: Ledger | str | Path = "ledger.db",
    *,
    sample: int = SAMPLE,
    deadline: float | str | None = None,
    threshold: float | str = THRESHOLD,
    resume: bool = False,
    say: Callable[[str], None] = lambda _: None,
    **given: Any,
) -> Foretold | None:
    """Train a sample in a scratch folder and tell what a run would cost; None for an empty queue.

    `given` are the options of `runner run` by name. At least `sample` slices are trained, and more
    where they are fast. `deadline` and `threshold` are in seconds, or written as `8h`. No slice is
    changed; the plan is kept in the ledger, where that may be written. Raises OptionError for
    options that cannot be, NothingTrainedError where all of the sample failed, PlanStoppedError
    after Ctrl-C.
    """
    asked = _asked(sample, deadline, threshold)
    if not isinstance(ledger, Ledger):
        with Ledger.open(ledger, create=False) as opened:
            return _plan(opened, asked, options_for(opened, normalised(given), say, resume=resume), say)
    return _plan(ledger, asked, options_for(ledger, normalised(given), say, resume=resume), say)


def _asked(sample: int, deadline: float | str | None, threshold: float | str) -> Asked:
    if sample < 1:
        raise OptionError(f"sample is {sample}; it is at least 1")
    return Asked(
        sample,
        None if deadline is None else _seconds("deadline", deadline),
        _seconds("threshold", threshold),
    )


def _seconds(name: str, written: float | str) -> float:
    try:
        found = seconds(written)
    except ValueError:
        raise OptionError(f"{name} is {written!r}; it is a time such as 90s, 15m, 8h or 2d") from None
    if found <= 0:
        raise OptionError(f"{name} is {written!r}; it is more than 0")
    return found


def _plan(ledger: Ledger, asked: Asked, options: RunOptions, say: Callable[[str], None]) -> Foretold | None:
    setup = setup_for(ledger, options)
    preload = checked_trainers(ledger, setup, say)
    checked_labels(ledger, setup.labels)
    queue = stretches(ledger)
    if not queue:
        return None
    workers = workers_of(options)
    sampler = Sampler(ledger, options, setup, preload, workers)
    parts = strata(queue, asked.sample)
    say(f"Trying at least {min(asked.sample, sum(part.slices for part in parts))} slices …")
    tried = _tried(sampler, parts, asked.sample)
    _require_some(tried)
    foretold = Reckoning(ledger, asked, options, queue, parts, tried, max(1, workers)).foretold()
    return _kept(ledger, foretold)


def _tried(sampler: Sampler, parts: Sequence[Stratum], count: int) -> Sample:
    """The sample, or PlanStoppedError after a signal, whenever it comes."""
    with Stopping(time_limit=None) as stopping:
        try:
            sampler.get_ready(parts)
            tried = sampler.sample(parts, count)
        except StoppedError as error:
            raise PlanStoppedError(error.number) from None
        if stopping.signal is not None:
            raise PlanStoppedError(stopping.signal)
        return tried


def _require_some(tried: Sample) -> None:
    """Raise NothingTrainedError when the sample holds no slice that could be trained."""
    failed = [each for each, _, _ in tried.trained if each.error is not None]
    if len(failed) < len(tried.trained):
        return
    if not failed:
        raise NothingTrainedError("the queue was emptied by another runner before anything could be tried")
    kind, count = Counter(each.error for each in failed).most_common(1)[0]
    example = next(each for each in failed if each.error == kind)
    raise NothingTrainedError(
        f"all {len(failed)} slices that were tried failed, so nothing can be foretold: {count} × {kind}, "
        f"for example {example.slice_id}: {example.message}"
    )


def _kept(ledger: Ledger, foretold: Foretold) -> Foretold:
    """Keep the plan in the ledger, or say why that cannot be."""
    try:
        keep_plan(ledger, foretold.plan())
    except LedgerError as error:
        return foretold.not_kept(str(error))
    return foretold
