"""`runner run`: train what is pending."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, LedgerOption
from ledger.params import parse_words


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    context: typer.Context,
    ledger: LedgerOption = DEFAULT_LEDGER,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take back what dead runners held, with their options.")
    ] = False,
    workers: Annotated[
        str | None,
        typer.Option(
            envvar="RUNNER_WORKERS",
            help="Worker processes: a number, or auto for one per core. 0 trains in this process.",
        ),
    ] = None,
    worker: Annotated[
        Path | None, typer.Option(envvar="RUNNER_WORKER", help="Your file with train(row, data).")
    ] = None,
    trainer: Annotated[
        str | None,
        typer.Option(envvar="RUNNER_TRAINER", help="A built-in trainer, for slices that name none [arima]."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(envvar="RUNNER_PARAM", help="key=value for the trainer, for slices that name none."),
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(envvar="RUNNER_GATE", help="A condition a model must meet, such as 'mae<0.5'."),
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(envvar="RUNNER_TIMEOUT", help="Longest time for one slice: 90s, 15m, 2h.")
    ] = None,
    memory_limit: Annotated[
        str | None,
        typer.Option(envvar="RUNNER_MEMORY_LIMIT", help="Most memory of one worker: 900MB, 2GB."),
    ] = None,
    max_attempts: Annotated[
        int | None, typer.Option(envvar="RUNNER_MAX_ATTEMPTS", help="Tries before a slice has failed [3].")
    ] = None,
    per_source: Annotated[
        int | None,
        typer.Option(envvar="RUNNER_PER_SOURCE", help="Most workers that read one database at once."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(envvar="RUNNER_LIMIT", help="Start at most so many attempts.")
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option(envvar="RUNNER_TIME_LIMIT", help="Stop after this time: 30m, 8h.")
    ] = None,
    seed: Annotated[int | None, typer.Option(envvar="RUNNER_SEED", help="Where chance starts [0].")] = None,
    durable: Annotated[
        bool | None,
        typer.Option(
            "--durable", envvar="RUNNER_DURABLE", help="Wait for the disk at every event in SQLite too."
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option(envvar="RUNNER_START", help="How workers start: auto, forkserver, spawn.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            envvar="RUNNER_LABELS",
            help="Known anomalies to measure scores by: a column of 0 and 1, or a .csv of ranges.",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            envvar="RUNNER_DETECTOR",
            help="What keeps a profile of the data for `runner drift`: panel, or file.py:Name [panel].",
        ),
    ] = None,
    profile: Annotated[
        bool | None,
        typer.Option("--profile/--no-profile", envvar="RUNNER_PROFILE", help="Keep such a profile [yes]."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(envvar="RUNNER_CONFIG", help="Options and names of databases [runner.toml]."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Train every pending slice. Kill it whenever you like: `runner run --resume` goes on."""
    from runner.start import run as run_ledger

    if trainer is not None and worker is not None:  # what was typed comes before the environment
        if _from_environment(context, "worker"):
            worker = None
        elif _from_environment(context, "trainer"):
            trainer = None
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


def _from_environment(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "ENVIRONMENT"
