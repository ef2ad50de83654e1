"""What is told of a plan: to people, to programs, and to the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ledger.plans import Plan
from ledger.render import counted, span
from runner.planning.estimate import Estimate
from runner.planning.recommendation import Recommendation, Way, size
from runner.planning.volumes import Volume

MOST_SOURCES = 100
"""Sources that are named one by one; the rest is one line."""
BUSY = 0.1
"""The share of the machine from which on the work of other programs is told."""


@dataclass(frozen=True, slots=True)
class Models:
    """Files that a run leaves: content, disk, and what is free there (None behind a URL)."""

    files: int
    bytes: int
    disk_bytes: int
    free_bytes: int | None
    root: str


@dataclass(frozen=True, slots=True)
class Part:
    """Slices that cost alike, and the seconds that a worker spends on one of them."""

    trainer: str
    params: str | None
    kind: str
    slices: int
    sampled: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Foretold:
    """A plan with all that is known of it. Times are in seconds, memory and sizes in bytes."""

    options: Mapping[str, Any]
    words: str  # the options but for the workers, as one would type them
    ledger_option: str
    on_sqlite: bool
    slices: int
    workers: int
    sampled: int
    time: Estimate
    memory: int | None  # of one worker at most
    machine_memory: int
    models: Models
    sources: tuple[Volume, ...]
    parts: tuple[Part, ...]
    errors: Mapping[str, int]
    stopped: str | None
    others: float
    recommendation: Recommendation
    threshold: float
    deadline: float | None
    machines: int | None  # for the deadline; 0 without one, None where no number is enough
    why_not_kept: str | None = None

    @property
    def failed(self) -> int:
        """Slices of the sample that failed."""
        return sum(self.errors.values())

    def not_kept(self, why: str) -> Foretold:
        """The same plan, which the ledger could not keep."""
        return replace(self, why_not_kept=why)

    def plan(self) -> Plan:
        """As the ledger keeps it."""
        told = self.as_json()
        kept = ("workers", "failed", "errors", "start_seconds", "busy_seconds", "longest_slice_seconds")
        more = (
            "one_process_seconds",
            "artifacts",
            "strata",
            "sources",
            "others_share",
            "machines",
            "deadline_seconds",
            "reason",
        )
        return Plan(
            options=self.options,
            slices=self.slices,
            sampled=self.sampled,
            seconds_low=self.time.low,
            seconds_expected=self.time.expected,
            seconds_high=self.time.high,
            memory=self.memory,
            artifact_bytes=self.models.bytes,
            rows=sum(source.rows for source in self.sources),
            bytes=sum(source.bytes for source in self.sources),
            recommended=self.recommendation.way.value,
            detail={name: told[name] for name in (*kept, *more)},
        )

    def as_json(self) -> dict[str, Any]:
        """The keys of `--json`, which docs/planning.md explains."""
        return {
            "slices": self.slices,
            "sampled": self.sampled,
            "failed": self.failed,
            "errors": dict(self.errors),
            "stopped": self.stopped,
            "options": dict(self.options),
            "workers": self.workers,
            "seconds": {"low": self.time.low, "expected": self.time.expected, "high": self.time.high},
            "start_seconds": self.time.around,
            "busy_seconds": self.time.busy,
            "one_process_seconds": self.time.around + self.time.busy,
            "longest_slice_seconds": self.time.longest,
            "others_share": self.others,
            "memory_per_worker": self.memory,
            "memory_of_machine": self.machine_memory,
            "artifacts": asdict(self.models),
            "reading": {
                "rows": sum(source.rows for source in self.sources),
                "bytes": sum(source.bytes for source in self.sources),
            },
            "sources": [asdict(source) for source in _shortened(self.sources)],
            "strata": [asdict(part) for part in self.parts],
            "recommended": self.recommendation.way.value,
            "reason": self.recommendation.reason,
            "threshold_seconds": self.threshold,
            "deadline_seconds": self.deadline,
            "machines": self.machines if self.deadline is not None else None,
            "kept": self.why_not_kept is None,
            "next": self.next_command(),
        }

    def lines(self) -> list[str]:
        """The plan in words."""
        told = [
            f"{counted(self.slices, 'slice')}, {self.sampled:,} of them tried; none of them was changed",
            f"  time       {span(self.time.low)} to {span(self.time.high)}, most likely "
            f"{span(self.time.expected)}, with {counted(self.workers, 'worker')}",
            f"  memory     {self._memory()}",
            f"  models     {self._models()}",
            f"  reading    {self._reading()}",
        ]
        told += [f"  failures   {line}" for line in self._failures()]
        told += self._remarks()
        told.append(f"Recommended: {self.recommendation.way.value}: {self.recommendation.reason}")
        if self.deadline is not None:
            told.append(self._by_deadline(self.deadline))
        return [*told, f"Next: {self.next_command()}"]

    def next_command(self) -> str:
        """What to type for the recommended way."""
        if self.recommendation.way is Way.SEVERAL_MACHINES and self.on_sqlite:
            here = self.ledger_option.removeprefix(" --ledger") or " ledger.db"
            return f"ledger copy{here} postgresql://…"
        if self.recommendation.way is Way.ONE_PROCESS:
            return f"runner run --resume --workers 1{self.words}{self.ledger_option}"
        return f"runner run --resume --workers {self.workers}{self.words}{self.ledger_option}"

    def _memory(self) -> str:
        if self.memory is None:
            return "this system does not tell"
        whole = f", {size(self.memory * self.workers)} for {self.workers}" if self.workers > 1 else ""
        return f"{size(self.memory)} per worker at most{whole}; this machine has {size(self.machine_memory)}"

    def _models(self) -> str:
        free = self.models.free_bytes
        there = f"; {size(free)} are free" if free is not None else ""
        return (
            f"{counted(self.models.files, 'file')} of {size(self.models.bytes)}, "
            f"{size(self.models.disk_bytes)} of disk{there}"
        )

    def _reading(self) -> str:
        rows = sum(source.rows for source in self.sources)
        told = f"{rows:,} rows, {size(sum(source.bytes for source in self.sources))}"
        largest = self.sources[0]
        return (
            f"{told} from {counted(len(self.sources), 'source')}; the largest, {largest.source}: "
            f"{largest.rows:,} rows, {size(largest.bytes)}"
        )

    def _failures(self) -> Iterator[str]:
        for kind, count in sorted(self.errors.items(), key=lambda item: -item[1]):
            yield f"{count} of {self.sampled} slices tried: {kind}"

    def _remarks(self) -> Iterator[str]:
        if self.stopped is not None:
            yield f"The sample is small, since a run would stop there: {self.stopped}"
        if self.others >= BUSY:
            yield (f"Other programs took {self.others:.0%} of this machine meanwhile, so the band is wider")
        if self.memory is not None and self.memory * self.workers > self.machine_memory:
            most = max(1, self.machine_memory // self.memory)
            yield f"Warning: the memory is enough for {counted(most, 'worker')}"
        if self.models.free_bytes is not None and self.models.disk_bytes > self.models.free_bytes:
            yield f"Warning: the disk of {self.models.root} has not room enough for the models"
        if "://" in self.models.root:
            yield f"The way to {self.models.root} is not in it: the sample's models were kept on this machine"
        if self.why_not_kept is not None:
            yield f"The plan could not be kept: {self.why_not_kept}"

    def _by_deadline(self, deadline: float) -> str:
        if self.machines is None:
            return (
                f"No number of machines like this is done in {span(deadline)}: a single slice takes too long"
            )
        if self.machines <= 1:
            return f"This machine is done in {span(deadline)}"
        return f"For {span(deadline)}: {self.machines} machines like this on one PostgreSQL ledger"


def _shortened(sources: tuple[Volume, ...]) -> list[Volume]:
    """The largest sources, and all others as one."""
    if len(sources) <= MOST_SOURCES:
        return list(sources)
    rest = sources[MOST_SOURCES:]
    others = Volume(
        source=f"{len(rest)} others",
        slices=sum(each.slices for each in rest),
        tables=sum(each.tables for each in rest),
        rows=sum(each.rows for each in rest),
        bytes=sum(each.bytes for each in rest),
    )
    return [*sources[:MOST_SOURCES], others]
