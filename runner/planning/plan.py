"""A plan: what a run over the queue will cost, from a sample to a recommendation."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from ledger.errors import LedgerError
from ledger.latency import round_trip
from ledger.plans import keep_plan
from ledger.store import Ledger
from ledger.stretches import Stretch, stretches
from runner.errors import OptionError, RunnerError
from runner.memory import memory_of_machine
from runner.options import RunOptions
from runner.planning.blocks import Block
from runner.planning.dealing import dealt
from runner.planning.estimate import Conditions, Estimate, Observed, estimate
from runner.planning.foretold import Foretold, Models, Part
from runner.planning.recommendation import Load, machines_for, recommend
from runner.planning.rehearsal import StoppedError
from runner.planning.sampling import Sample, Sampler
from runner.planning.strata import Stratum, strata
from runner.planning.volumes import volumes
from runner.planning.watched import Trained
from runner.preparation import checked_trainers, setup_for, workers_of
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


@dataclass(frozen=True, slots=True)
class _Asked:
    sample: int
    deadline: float | None
    threshold: float


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


def _asked(sample: int, deadline: float | str | None, threshold: float | str) -> _Asked:
    if sample < 1:
        raise OptionError(f"sample is {sample}; it is at least 1")
    return _Asked(
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


def _plan(ledger: Ledger, asked: _Asked, options: RunOptions, say: Callable[[str], None]) -> Foretold | None:
    setup = setup_for(ledger, options)
    preload = checked_trainers(ledger, setup, say)
    queue = stretches(ledger)
    if not queue:
        return None
    workers = workers_of(options)
    sampler = Sampler(ledger, options, setup, preload, workers)
    parts = strata(queue, asked.sample)
    say(f"Trying at least {min(asked.sample, sum(part.slices for part in parts))} slices …")
    tried = _tried(sampler, parts, asked.sample)
    _require_some(tried)
    foretold = _Reckoning(ledger, asked, options, queue, parts, tried, max(1, workers)).foretold()
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


class _Reckoning:
    """What the sample says of the whole queue."""

    def __init__(
        self,
        ledger: Ledger,
        asked: _Asked,
        options: RunOptions,
        queue: Sequence[Stretch],
        parts: Sequence[Stratum],
        tried: Sample,
        workers: int,
    ) -> None:
        self._ledger = ledger
        self._asked = asked
        self._options = options
        self._queue = queue
        self._parts = parts
        self._trained = tried.trained
        self._rehearsal = tried.rehearsal
        self._workers = workers
        self._slices = sum(part.slices for part in parts)
        self._dealt = dealt(queue, workers=workers, per_source=options.per_source, seconds=self._typical())

    def foretold(self) -> Foretold:
        """Everything that is told."""
        told = estimate([part.slices for part in self._parts], self._observed(), self._conditions())
        sources = volumes(self._queue, self._rows(), readings=self._dealt.readings)
        memory = max((each.memory for each, _, _ in self._trained if each.memory), default=None)
        data = sum(source.bytes for source in sources)
        load = Load(told.around + told.busy, told.longest, data, memory_of_machine(), self._asked.threshold)
        return Foretold(
            options=self._options.as_json(),
            words=_words(self._options),
            ledger_option=self._ledger.option,
            on_sqlite=self._ledger.path is not None,
            slices=self._slices,
            workers=self._workers,
            sampled=len(self._trained),
            time=told,
            memory=memory,
            machine_memory=load.memory,
            models=self._models(),
            sources=tuple(sources),
            parts=self._told_parts(told),
            errors=Counter(each.error for each, _, _ in self._trained if each.error is not None),
            stopped=self._rehearsal.stopped,
            others=self._rehearsal.others,
            recommendation=recommend(load),
            threshold=self._asked.threshold,
            deadline=self._asked.deadline,
            machines=self._machines(told),
        )

    def _typical(self) -> float:
        """Seconds of a slice that reads nothing new, as far as one was seen."""
        return fmean(each.seconds - each.load for each, _, _ in self._trained)

    def _observed(self) -> list[Observed]:
        begun: set[tuple[int, int]] = set()  # workers that have trained one of the stratum
        read: set[tuple[int, object]] = set()  # tables that a worker has read
        sizes: Counter[object] = Counter()
        for stretch in self._queue:
            sizes[stretch.source] += stretch.slices
        found = []
        for each, block, number in self._trained:
            mine, table = (each.worker, block.stratum), (each.worker, block.stretch.source)
            several = sizes[block.stretch.source]
            found.append(
                Observed(
                    stratum=block.stratum,
                    block=number,
                    reads=table not in read,
                    first=mine not in begun,
                    load=each.load,
                    rest=each.seconds - each.load,
                    tries=each.tries,
                    share=1.0 if several == 1 else min(1.0, self._dealt.readings / several),
                )
            )
            begun.add(mine)
            read.add(table)
        return found

    def _conditions(self) -> Conditions:
        way = round_trip(self._ledger) * self._rehearsal.statements
        return Conditions(
            workers=self._dealt.at_work,
            around=self._rehearsal.around,
            writing=self._rehearsal.writing + way if way else 0.0,
            others=self._rehearsal.others,
        )

    def _rows(self) -> Mapping[int, float]:
        """The rows of a slice of each stretch: as seen there, else as in its stratum."""
        seen: dict[int, list[int]] = {}
        in_part: dict[int, list[int]] = {}
        for each, block, _ in self._trained:
            if each.rows:
                seen.setdefault(block.stretch.first, []).append(each.rows)
                in_part.setdefault(block.stratum, []).append(each.rows)
        everywhere = [rows for some in in_part.values() for rows in some]
        found: dict[int, float] = {}
        for number, part in enumerate(self._parts):
            usual = fmean(in_part.get(number) or everywhere or [0])
            for stretch in part.stretches:
                found[stretch.first] = fmean(seen.get(stretch.first, [usual]))
        return found

    def _models(self) -> Models:
        files = size = disk = 0.0
        for number, part in enumerate(self._parts):
            some = [each for each, block, _ in self._trained if block.stratum == number]
            files += part.slices * fmean(each.files for each in some or _all(self._trained))
            size += part.slices * fmean(each.bytes for each in some or _all(self._trained))
            disk += part.slices * fmean(each.disk for each in some or _all(self._trained))
        root = self._ledger.artifact_root()
        there = None if "://" in root else next(p for p in (Path(root), *Path(root).parents) if p.is_dir())
        free = None if there is None else shutil.disk_usage(there).free
        return Models(round(files), round(size), round(disk), free, root)

    def _told_parts(self, told: Estimate) -> tuple[Part, ...]:
        tried = Counter(block.stratum for _, block, _ in self._trained)
        return tuple(
            Part(
                trainer=part.trainer or self._options.trainer or self._default(),
                params=part.params,
                kind="database" if part.stretches[0].source.file is None else "file",
                slices=part.slices,
                sampled=tried[number],
                seconds=told.per_slice[number],
            )
            for number, part in enumerate(self._parts)
        )

    def _default(self) -> str:
        from runner.options import DEFAULT_TRAINER

        return Path(self._options.worker).name if self._options.worker else DEFAULT_TRAINER

    def _machines(self, told: Estimate) -> int | None:
        """How many machines the deadline asks for, by the slow end of the band; 0 without a deadline."""
        if self._asked.deadline is None:
            return 0
        slower = told.high / told.expected
        return machines_for(
            self._asked.deadline,
            busy=told.busy * slower,
            around=told.around * slower,
            longest=told.longest * slower,
            workers=self._workers,
        )


def _words(options: RunOptions) -> str:
    """The options as one would type them, but for the workers; with a blank before."""
    words = replace(options, workers=RunOptions().workers).words()
    return "" if words == RunOptions().words() else f" {words}"


def _all(trained: Sequence[tuple[Trained, Block, int]]) -> list[Trained]:
    return [each for each, _, _ in trained]
