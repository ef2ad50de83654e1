"""A run from its first line to its last: options, workers, loop, summary."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger.artifacts import ArtifactStore
from ledger.errors import AccessError, ConflictError, LedgerBusyError, LedgerError
from ledger.runners import COULD_NOT_START, FINISHED
from ledger.store import Ledger
from runner.assignment import Setup
from runner.config import DEFAULT_CONFIG, read_config
from runner.crew import Crew
from runner.databases import OPEN
from runner.engine import Engine
from runner.errors import OptionError, RunnerError
from runner.flushing import Flushing
from runner.gate import Gates
from runner.heartbeat import Heartbeat
from runner.options import DEFAULT_TRAINER, RunOptions, resolve
from runner.presence import Presence
from runner.progress import progress_for
from runner.results import Results
from runner.retry import RetryPolicy
from runner.stopping import Stopping
from runner.summary import Summary
from runner.values import normalised

DIED = "died of an error"
PATIENCE = 4.0
"""Seconds after which it is told that the workers are not ready yet."""


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
            options = _options(opened, given, say, resume=resume)
        with Ledger.open(ledger, create=False, durable=options.durable) as opened:
            return _run(opened, options, say, resume=resume, quiet=quiet, ends_program=ends_program)
    options = _options(ledger, given, say, resume=resume)
    return _run(ledger, options, say, resume=resume, quiet=quiet, ends_program=ends_program)


def _options(
    ledger: Ledger, given: Mapping[str, Any], say: Callable[[str], None], *, resume: bool
) -> RunOptions:
    last = ledger.last_run() if resume else None
    taken_up = dict(last.options) if last is not None else {}
    config = given.get("config") or taken_up.get("config") or DEFAULT_CONFIG
    interrupted = last is not None and last.interrupted
    options = resolve(given=given, last=taken_up, file=read_config(Path(config)), interrupted=interrupted)
    if options.workers == 0 and (given.get("timeout") or given.get("memory_limit")):
        raise OptionError("timeout and memory-limit need worker processes; with workers 0 there are none")
    if last is not None:
        say(f"Resuming {'' if interrupted else 'after '}run {last.runner_id} with {_shown(options)}")
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
    gates = Gates.parse(options.gates)
    setup = _setup(ledger, options)
    preload = _check_trainers(ledger, setup, say)
    store = ArtifactStore(setup.artifact_root, setup.ledger_uuid)
    ledger.require_sound()
    store.probe()
    summary = Summary(ledger_option=ledger.option)
    started = time.monotonic()
    with Stopping(time_limit=options.time_limit, to_the_end=ends_program) as stopping:
        presence = Presence(ledger, options.as_json(), resume=resume)
        progress = progress_for(ledger.unfinished(), quiet=quiet)
        results = Results(
            store=store,
            gates=gates,
            policy=RetryPolicy(options.max_attempts, options.backoff, options.backoff_limit),
            summary=summary,
            clock=ledger.now,
            chance=random.Random(),
            timeout=options.timeout,
        )
        ending = DIED
        flushing = Flushing(store)
        try:
            crew = _crew(options, setup, preload, stopping)
            engine = Engine(
                ledger,
                options,
                crew,
                presence=presence,
                flushing=flushing,
                results=results,
                stopping=stopping,
                progress=progress,
                summary=summary,
            )
            with Heartbeat(presence.beat) if options.workers == 0 else contextlib.nullcontext():
                _drive(engine, crew, summary)
            ending = "stopped" if stopping.wanted or results.stop_reason else FINISHED
        finally:
            flushing.close()
            progress.close()
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


def _setup(ledger: Ledger, options: RunOptions) -> Setup:
    return Setup(
        artifact_root=ledger.artifact_root(),
        ledger_uuid=ledger.uuid(),
        trainer=options.trainer,
        worker=options.worker,
        params=dict(options.params),
        seed=options.seed,
        databases=dict(options.databases),
        time_column=options.time_column,
        separator=options.separator,
        labels=options.labels,
        keep_open=OPEN if options.per_source is None else 1,
        memory_limit=options.memory_limit,
    )


def _check_trainers(ledger: Ledger, setup: Setup, say: Callable[[str], None]) -> list[str]:
    """Refuse unknown trainers and parameters before anything starts; return what to import first."""
    from runner import trainers
    from runner.outline import outline

    user = outline(setup.worker) if setup.worker else None
    if user is not None and user.trains and setup.trainer:
        raise RunnerError(
            f"{setup.worker} defines train(), so --trainer {setup.trainer} would never be used; "
            "give one of them"
        )
    named = ledger.trainers_named()
    if named and user is not None and user.trains:
        say(f"Slices that name {' or '.join(sorted(named))} are trained by that, not by {setup.worker}")
    default = None if user is not None and user.trains else (setup.trainer or DEFAULT_TRAINER)
    if default is not None:
        trainers.check_params(default, setup.params)
    for name in named:
        trainers.require_known(name)
    wanted = named | ({default} if default else set())
    libraries = {library for name in wanted for library in trainers.LIBRARIES[name]}
    return sorted(libraries | (user.libraries if user is not None else set()))


def _crew(options: RunOptions, setup: Setup, preload: list[str], stopping: Stopping) -> Crew:
    if options.workers == 0:
        from runner.inline import Inline

        return Inline(setup, stopping)
    from runner.launch import launcher_for
    from runner.pool import Pool

    size = _cores() if options.workers == "auto" else int(options.workers)
    setup = replace(setup, scratch=tempfile.mkdtemp(prefix="slice-ledger-"))
    launcher = launcher_for(options.start, preload, str(setup.scratch))
    return Pool(launcher, setup, size=size, timeout=options.timeout)


@contextlib.contextmanager
def _told_when_slow(say: Callable[[str], None]) -> Iterator[None]:
    """Say why nothing happens yet, if that takes long: the first time on a machine, code is compiled."""
    told = "Getting ready: libraries are loaded, and compiled the first time on this machine …"
    timer = threading.Timer(PATIENCE, say, [told])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _shown(options: RunOptions) -> str:
    words: list[str] = []
    for name, value in options.as_json().items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, Mapping):
            words += [f"--param {key}={text}" for key, text in value.items()]
        elif isinstance(value, (list, tuple)):
            words += [f'--gate "{gate}"' for gate in value]
        elif value != getattr(RunOptions(), name):
            words.append(f"{flag} {value}")
    return " ".join(words) or "the default options"
