"""Trying a worker file on a few slices, in a scratch folder: time, memory and size beforehand."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.records import Claim
from ledger.render import span
from ledger.store import Ledger
from runner.assignment import Assignment, Report, Setup
from runner.config import read_config
from runner.crew import Death, Event
from runner.launch import launcher_for
from runner.options import RunOptions, resolve
from runner.outline import outline
from runner.pool import Pool
from runner.preparation import checked_labels
from runner.values import normalised


@dataclass(frozen=True, slots=True)
class Trial:
    """What one slice cost. Memory is the peak, in bytes; `growth` is over that of the slice before."""

    slice_id: str
    seconds: float
    memory: int | None
    growth: int | None
    artifact_bytes: int
    metrics: Mapping[str, float]
    error: str | None

    def line(self) -> str:
        """The trial in words."""
        if self.error is not None:
            return f"{self.slice_id}: {self.error}"
        grown = f", {self.growth / 2**20:+.1f} MB" if self.growth is not None else ""
        memory = f", {self.memory / 2**20:.0f} MB{grown}" if self.memory is not None else ""
        values = ", ".join(f"{name} {value:.6g}" for name, value in list(self.metrics.items())[:4])
        size = f", model {self.artifact_bytes:,} bytes" if self.artifact_bytes else ", no model kept"
        return f"{self.slice_id}: {span(self.seconds)}{memory}{size}: {values or 'no metrics'}"


def check_worker(
    worker: str | Path,
    ledger: str | Path | Ledger = "ledger.db",
    *,
    count: int = 5,
    params: Mapping[str, str] | None = None,
    labels: str | Path | None = None,
    config: str | Path = "runner.toml",
) -> list[Trial]:
    """Train up to `count` slices, spread over the ledger, with `worker` in one process.

    Where the file defines train(), that trains them all, also those that name a trainer of their
    own. Model files go into a folder that is removed afterwards, and the ledger is only read.
    Raises RunnerError when the worker file cannot be used at all.
    """
    if not isinstance(ledger, Ledger):
        with Ledger.open(ledger, create=False) as opened:
            return check_worker(worker, opened, count=count, params=params, labels=labels, config=config)
    given = normalised({"worker": worker, "params": params, "labels": labels})
    options = resolve(given=given, last=None, file=read_config(Path(config)))
    checked_labels(ledger, options.labels)
    sample = ledger.sample(count)
    if outline(str(options.worker)).trains:
        sample = [replace(held, slice=replace(held.slice, trainer=None)) for held in sample]
    with tempfile.TemporaryDirectory(prefix="slice-ledger-check-") as scratch:
        return _trials(sample, options, ledger.uuid(), scratch)


def _trials(sample: list[Claim], options: RunOptions, ledger_uuid: str, scratch: str) -> list[Trial]:
    setup = Setup(
        artifact_root=str(Path(scratch) / "artifacts"),
        ledger_uuid=ledger_uuid,
        trainer=options.trainer,
        worker=options.worker,
        params=options.params,
        seed=options.seed,
        databases=options.databases,
        time_column=options.time_column,
        separator=options.separator,
        labels=options.labels,
        memory_limit=options.memory_limit,
        scratch=str(Path(scratch) / "scratch"),
    )
    Path(str(setup.scratch)).mkdir()
    launcher = launcher_for(options.start, [], str(setup.scratch), scratch)
    pool = Pool[Claim, Report](launcher, setup, size=1, timeout=options.timeout)
    trials: list[Trial] = []
    try:
        for held in sample:
            while not pool.free:
                pool.events(0.5)
            pool.give(pool.free[0], Assignment(held))
            event = _what_became_of(held, pool)
            before = trials[-1].memory if trials else None
            if isinstance(event, Death):
                trials.append(_died(held, event, options.timeout))
            else:
                trials.append(_trial(held, event, before, setup.worker))
    finally:
        pool.end()
    return trials


def _what_became_of(held: Claim, pool: Pool[Claim, Report]) -> Event:
    """Wait for the event of this slice: a worker may also die when it holds none any more."""
    while True:
        for event in pool.events(0.5):
            if event.held is not None and event.held.slice.id == held.slice.id:
                return event


def _died(held: Claim, death: Death[Claim], timeout: float | None) -> Trial:
    if death.exceeded == "timeout":
        told = f"it took longer than {timeout:g} seconds and was killed"
    elif death.exceeded == "memory":
        told = "it grew past the memory limit and was killed"
    else:
        told = f"the worker process ended: {death.ending}"
    error = f"{told}\n{death.output}".rstrip()
    return Trial(held.slice.id, death.seconds, None, None, 0, {}, error)


def _trial(held: Claim, event: Report, before: int | None, worker: str | None) -> Trial:
    facts = event.facts
    error = event.nothing_kept
    if event.failure is not None:
        error = f"{event.failure.error_type}: {event.failure.message}"
        if event.failure.traceback and f'"{worker}"' in event.failure.traceback:
            error = event.failure.traceback  # it is the user's own code that raised
    memory = facts.peak_memory
    return Trial(
        slice_id=held.slice.id,
        seconds=facts.seconds,
        memory=memory,
        growth=None if memory is None or before is None else memory - before,
        artifact_bytes=sum(file.bytes for file in event.artifacts),
        metrics=event.metrics,
        error=error,
    )
