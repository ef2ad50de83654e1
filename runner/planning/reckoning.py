"""What a sample says of the whole queue: everything a plan tells, reckoned from what was trained."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from ledger.latency import round_trip
from ledger.store import Ledger
from ledger.stretches import Stretch
from runner.memory import memory_of_machine
from runner.options import DEFAULT_TRAINER, RunOptions
from runner.planning.blocks import Block
from runner.planning.dealing import dealt
from runner.planning.estimate import Conditions, Estimate, Observed, estimate
from runner.planning.foretold import Foretold, Models, Part
from runner.planning.recommendation import Load, machines_for, recommend
from runner.planning.sampling import Sample
from runner.planning.strata import Stratum
from runner.planning.volumes import volumes
from runner.planning.watched import Trained


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of a plan. Times are in seconds."""

    sample: int
    deadline: float | None
    threshold: float


class Reckoning:
    """What the sample says of the whole queue."""

    def __init__(
        self,
        ledger: Ledger,
        asked: Asked,
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
