"""What a run needs before its loop begins: trainers that there are, and workers that are ready."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ledger.records import Claim
from ledger.store import Ledger
from runner.assignment import Report, Setup
from runner.challenge import NOTHING
from runner.crew import Crew
from runner.databases import OPEN
from runner.errors import RunnerError
from runner.labels import LabelFile, is_label_file
from runner.options import DEFAULT_TRAINER, RunOptions
from runner.stopping import Stopping

PATIENCE = 4.0
"""Seconds after which it is told that the workers are not ready yet."""


def setup_for(ledger: Ledger, options: RunOptions) -> Setup:
    """What is the same for every slice of the run."""
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
        defend=options.compare != NOTHING,
        keep_open=OPEN if options.per_source is None else 1,
        memory_limit=options.memory_limit,
        detector=options.detector if options.profile else None,
    )


def checked_trainers(ledger: Ledger, setup: Setup, say: Callable[[str], None]) -> list[str]:
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
    of_profiles = {"scipy.special", "runner.drift.panel"} if setup.detector else set()
    of_reading = set() if user is not None and user.reads else {"sqlalchemy"}
    of_user = user.libraries if user is not None else set()
    return sorted({"pandas"} | libraries | of_profiles | of_reading | of_user)


def checked_labels(ledger: Ledger, labels: str | None) -> None:
    """Refuse a file of labels that is about other slices than the ledger's: nothing would be measured."""
    if labels is not None and is_label_file(labels):
        LabelFile.read(labels).require_slice(ledger)


def told_other_code(ledger: Ledger, setup: Setup, say: Callable[[str], None]) -> None:
    """Say how many champions were trained by other code than this run's, and what queues them."""
    from runner.outline import outline
    from runner.userfile import BUILT_IN, version_of

    own = setup.worker if setup.worker and outline(setup.worker).trains else None
    unnamed = version_of(Path(own).read_bytes()) if own else BUILT_IN
    for line in ledger.other_code(unnamed=unnamed, built_in=BUILT_IN).lines(ledger.option):
        say(line)


def crew_for(
    options: RunOptions, setup: Setup, preload: list[str], stopping: Stopping, folder: str = ""
) -> Crew:
    """The workers that the options ask for; each imports `preload` before it trains.

    What this process has in `folder`, if it has one, goes with it also when it is killed, where
    workers are forked.
    """
    if options.workers == 0:
        from runner.inline import Inline

        return Inline(setup, stopping)
    from runner.launch import launcher_for
    from runner.pool import Pool

    setup = replace(setup, scratch=tempfile.mkdtemp(prefix="slice-ledger-"))
    launcher = launcher_for(options.start, preload, str(setup.scratch), folder)
    return Pool[Claim, Report](launcher, setup, size=workers_of(options), timeout=options.timeout)


@contextlib.contextmanager
def told_when_slow(say: Callable[[str], None]) -> Iterator[None]:
    """Say why nothing happens yet, if that takes long: the first time on a machine, code is compiled."""
    told = "Getting ready: libraries are loaded, and compiled the first time on this machine …"
    timer = threading.Timer(PATIENCE, say, [told])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def workers_of(options: RunOptions) -> int:
    """How many worker processes the options ask for; 0 for none but this one."""
    return cores() if options.workers == "auto" else int(options.workers)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
