"""A run from its first line to its last: options, workers, loop, summary."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ledger.artifacts import ArtifactStore
from ledger.errors import AccessError, ConflictError, LedgerBusyError, LedgerError
from ledger.runners import COULD_NOT_START, DIED, FINISHED, STOPPED
from ledger.store import Ledger
from runner.challenge import Challenge
from runner.config import DEFAULT_CONFIG, read_config
from runner.crew import Crew
from runner.engine import Engine
from runner.errors import OptionError
from runner.flushing import Flushing
from runner.gate import Gates
from runner.heartbeat import Heartbeat
from runner.lookahead import Lookahead
from runner.options import RunOptions, resolve
from runner.preparation import (
    checked_labels,
    checked_trainers,
    crew_for,
    setup_for,
    told_other_code,
    told_when_slow,
)
from runner.presence import Presence
from runner.progress import Progress, progress_for
from runner.results import Results
from runner.retry import RetryPolicy
from runner.stopping import Stopping
from runner.stride import Stride
from runner.summary import Summary
from runner.values import normalised


def run(
    ledger: Ledger | str | Path = "ledger.db",
    *,
    resume: bool = False,
    quiet: bool = False,
    say: Callable[[str], None] = lambda _: None,
    ends_program: bool = False,
    **given: Any,
) -> Summary:
    """Train every pending slice of `ledger` and return what was done.

    `given` are the options of `runner run` by name (`trainer="arima"`, `workers=2`,
    `params={"order": (2, 1, 2)}`, `gates=["mae<0.5"]`, `timeout="5m"`, `config="my.toml"`, …); those
    not given come from runner.toml, and with `resume` first from the run that was interrupted.
    Raises RunnerError for options that cannot be and LedgerError for a ledger that cannot be used;
    a slice that fails raises nothing, it is recorded. With `ends_program` SIGINT and SIGTERM change
    nothing any more once the run is over.
    """
    given = normalised(given)
    if not isinstance(ledger, Ledger):
        with Ledger.open(ledger, create=False) as opened:
            options = options_for(opened, given, say, resume=resume)
        with Ledger.open(ledger, create=False, durable=options.durable) as opened:
            return _run(opened, options, say, resume=resume, quiet=quiet, ends_program=ends_program)
    options = options_for(ledger, given, say, resume=resume)
    return _run(ledger, options, say, resume=resume, quiet=quiet, ends_program=ends_program)


def options_for(
    ledger: Ledger, given: Mapping[str, Any], say: Callable[[str], None], *, resume: bool
) -> RunOptions:
    """The options of a run of `ledger`, of those `given`, of runner.toml and of the run to resume."""
    last = ledger.last_run() if resume else None
    taken_up = dict(last.options) if last is not None else {}
    config = given.get("config") or taken_up.get("config") or DEFAULT_CONFIG
    interrupted = last is not None and last.interrupted
    options = resolve(given=given, last=taken_up, file=read_config(Path(config)), interrupted=interrupted)
    if options.workers == 0 and (given.get("timeout") or given.get("memory_limit")):
        raise OptionError("timeout and memory-limit need worker processes; with workers 0 there are none")
    if last is not None:
        say(f"Resuming {'' if interrupted else 'after '}run {last.runner_id} with {options.words()}")
    return options


def _run(
    ledger: Ledger,
    options: RunOptions,
    say: Callable[[str], None],
    *,
    resume: bool,
    quiet: bool,
    ends_program: bool,
) -> Summary:
    Gates.parse(options.gates)
    setup = setup_for(ledger, options)
    preload = checked_trainers(ledger, setup, say)
    checked_labels(ledger, setup.labels)
    store = ArtifactStore(setup.artifact_root, setup.ledger_uuid)
    ledger.require_local()
    ledger.require_sound()
    told_other_code(ledger, setup, say)
    store.probe()
    if resume and (lost := ledger.train_again_what_a_power_cut_took()):
        say(f"{lost} slices are trained again: their model files did not outlive a power cut")
    with Stopping(time_limit=options.time_limit, to_the_end=ends_program) as stopping:

        def crew() -> Crew:
            with told_when_slow(say):
                return crew_for(options, setup, preload, stopping)

        return conduct(
            ledger,
            options,
            crew,
            stopping=stopping,
            resume=resume,
            progress=lambda: progress_for(ledger.unfinished(), quiet=quiet),
        )


def conduct(
    ledger: Ledger,
    options: RunOptions,
    crew: Callable[[], Crew],
    *,
    stopping: Stopping,
    resume: bool,
    progress: Callable[[], Progress],
    lookahead: Lookahead | None = None,
    stride: Stride | None = None,
) -> Summary:
    """Run from the runner's first word to its last, and leave the ledger at rest whatever happens."""
    store = ledger.artifact_store()
    gates = Gates.parse(options.gates)
    summary = Summary(ledger_option=ledger.option)
    started = time.monotonic()
    presence = Presence(ledger, options.as_json(), resume=resume)
    shown = progress()
    results = Results(
        store=store,
        gates=gates,
        challenge=Challenge.of(options.compare, options.tolerance, gates.gates),
        policy=RetryPolicy(options.max_attempts, options.backoff, options.backoff_limit),
        summary=summary,
        clock=ledger.now,
        chance=random.Random(),
        timeout=options.timeout,
        tell=shown.tell,
    )
    ending = DIED
    flushing = Flushing(store)
    try:
        workers = crew()
        engine = Engine(
            ledger,
            options,
            workers,
            presence=presence,
            flushing=flushing,
            results=results,
            stopping=stopping,
            progress=shown,
            summary=summary,
            lookahead=lookahead,
            stride=stride,
        )
        with Heartbeat(presence.beat) if options.workers == 0 else contextlib.nullcontext():
            _drive(engine, workers, summary)
        ending = STOPPED if stopping.wanted or results.stop_reason else FINISHED
    finally:
        flushing.close()
        shown.close()
        _leave(ledger, presence, summary, ending)
    summary.signal = stopping.signal or summary.signal
    if stopping.out_of_time and not summary.stopped_by:
        summary.stopped_by = "the time limit is reached"
    summary.seconds = time.monotonic() - started
    return summary


def _drive(engine: Engine, crew: Crew, summary: Summary) -> None:
    """Run, and whatever happens leave no worker alive and no slice held, as far as the ledger allows."""
    try:
        try:
            engine.run()
        except KeyboardInterrupt:  # asked twice while training here, or raised by the user's train()
            summary.signal = signal.SIGINT
    except LedgerBusyError:
        crew.end()  # nothing can be given back to a ledger that is locked: `--resume` will do it
        raise
    except BaseException:
        with contextlib.suppress(LedgerError):
            engine.give_back("the run ended with an error")
        raise
    else:
        try:
            engine.give_back("the run was stopped")
        except (AccessError, ConflictError) as error:
            summary.stopped_by, summary.exit_with = str(error), error.exit_code
    finally:
        crew.end()


def _leave(ledger: Ledger, presence: Presence, summary: Summary, ending: str) -> None:
    summary.runner_id = presence.runner_id
    summary.taken_back = presence.taken_back
    with contextlib.suppress(AccessError, LedgerBusyError):  # then the process's end tells the others
        summary.released += presence.end(ending if ending != DIED or summary.started else COULD_NOT_START)
        summary.left_behind = presence.left_behind
        summary.waiting = ledger.still_queued(summary.waiting)  # another runner may have trained some
        ledger.checkpoint()
