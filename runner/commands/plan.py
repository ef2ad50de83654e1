"""`runner plan`: what a run will cost, before a night is spent on it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption
from ledger.params import parse_words
from runner.commands.options import (
    CompareOption,
    ConfigOption,
    DetectorOption,
    DurableOption,
    LabelsOption,
    MaxAttemptsOption,
    MemoryLimitOption,
    ParamOption,
    PerSourceOption,
    ProfileOption,
    SeedOption,
    StartOption,
    TimeoutOption,
    TrainerOption,
    WorkerOption,
    WorkersOption,
    typed,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan")(plan)


def plan(
    context: typer.Context,
    ledger: LedgerOption = DEFAULT_LEDGER,
    sample: Annotated[
        int, typer.Option(help="Slices to try at least; where they are fast, more are tried.")
    ] = 30,
    deadline: Annotated[
        str | None, typer.Option(help="When it must be done: 90m, 8h. Tells how many machines that takes.")
    ] = None,
    threshold: Annotated[
        str, typer.Option(help="The time up to which one process is enough: 30m, 2h.")
    ] = "1h",
    resume: Annotated[
        bool, typer.Option("--resume", help="Plan with the options that `runner run --resume` takes up.")
    ] = False,
    workers: WorkersOption = None,
    worker: WorkerOption = None,
    trainer: TrainerOption = None,
    param: ParamOption = None,
    timeout: TimeoutOption = None,
    memory_limit: MemoryLimitOption = None,
    max_attempts: MaxAttemptsOption = None,
    per_source: PerSourceOption = None,
    seed: SeedOption = None,
    durable: DurableOption = None,
    start: StartOption = None,
    labels: LabelsOption = None,
    compare: CompareOption = None,
    detector: DetectorOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a sample in a scratch folder and tell time, memory, disk and the way to run."""
    from runner.planning.plan import plan as plan_ledger

    worker, trainer = typed(context, worker, trainer)
    foretold = plan_ledger(
        ledger,
        sample=sample,
        deadline=deadline,
        threshold=threshold,
        resume=resume,
        say=lambda sentence: typer.echo(sentence, err=True),
        workers=workers,
        worker=worker,
        trainer=trainer,
        params=parse_words(param or []),
        timeout=timeout,
        memory_limit=memory_limit,
        max_attempts=max_attempts,
        per_source=per_source,
        seed=seed,
        durable=durable,
        start=start,
        labels=labels,
        compare=compare,
        detector=detector,
        profile=profile,
        config=config,
    )
    if foretold is None:
        empty = "Nothing is pending or waiting, so there is nothing to plan. Next: ledger status"
        typer.echo(json.dumps({"slices": 0}) if as_json else empty)
    elif as_json:
        typer.echo(json.dumps(foretold.as_json()))
    else:
        for line in foretold.lines():
            typer.echo(line)
