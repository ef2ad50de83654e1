"""`runner run`: train what is pending."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, LedgerOption
from ledger.params import parse_words
from runner.commands.options import (
    CompareOption,
    ConfigOption,
    DetectorOption,
    DurableOption,
    GateOption,
    LabelsOption,
    MaxAttemptsOption,
    MemoryLimitOption,
    ParamOption,
    PerSourceOption,
    ProfileOption,
    SeedOption,
    StartOption,
    TimeoutOption,
    ToleranceOption,
    TrainerOption,
    WorkerOption,
    WorkersOption,
    typed,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    context: typer.Context,
    ledger: LedgerOption = DEFAULT_LEDGER,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take back what dead runners held, with their options.")
    ] = False,
    workers: WorkersOption = None,
    worker: WorkerOption = None,
    trainer: TrainerOption = None,
    param: ParamOption = None,
    gate: GateOption = None,
    compare: CompareOption = None,
    tolerance: ToleranceOption = None,
    timeout: TimeoutOption = None,
    memory_limit: MemoryLimitOption = None,
    max_attempts: MaxAttemptsOption = None,
    per_source: PerSourceOption = None,
    limit: Annotated[
        int | None, typer.Option(envvar="RUNNER_LIMIT", help="Start at most so many attempts.")
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option(envvar="RUNNER_TIME_LIMIT", help="Stop after this time: 30m, 8h.")
    ] = None,
    seed: SeedOption = None,
    durable: DurableOption = None,
    start: StartOption = None,
    labels: LabelsOption = None,
    detector: DetectorOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Train every pending slice. Kill it whenever you like: `runner run --resume` goes on."""
    from runner.start import run as run_ledger

    worker, trainer = typed(context, worker, trainer)
    summary = run_ledger(
        ledger,
        resume=resume,
        quiet=quiet,
        say=typer.echo,
        ends_program=True,
        config=config,
        workers=workers,
        worker=worker,
        trainer=trainer,
        params=parse_words(param or []),
        gates=gate,
        compare=compare,
        tolerance=tolerance,
        timeout=timeout,
        memory_limit=memory_limit,
        max_attempts=max_attempts,
        per_source=per_source,
        limit=limit,
        time_limit=time_limit,
        seed=seed,
        durable=durable,
        start=start,
        labels=labels,
        detector=detector,
        profile=profile,
    )
    for line in summary.lines():
        typer.echo(line)
    raise typer.Exit(summary.exit_code)
