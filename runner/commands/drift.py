"""`runner drift`: compare what is new with what the models were trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, DryRunOption, LedgerOption
from runner.commands.options import ConfigOption, StartOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("drift")(drift)


def drift(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of slices; all that have a champion.")] = None,
    ledger: LedgerOption = DEFAULT_LEDGER,
    where: Annotated[str | None, typer.Option(help="A condition over slice_status, in SQL.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that was interrupted.")
    ] = False,
    dry_run: DryRunOption = False,
    window: Annotated[
        int | None, typer.Option(help="Rows that are compared: the newest [500, and at least 5 cycles].")
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            envvar="RUNNER_WORKERS", help="Worker processes: a number, or auto. 0 checks in this one."
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(envvar="RUNNER_DETECTOR", help="panel, or file.py:Name for one of your own [panel]."),
    ] = None,
    confirm: Annotated[
        str | None, typer.Option(help="residual: ask the models found suspect for their own errors.")
    ] = None,
    q: Annotated[float | None, typer.Option(help="The false discovery rate of all checks [0.05].")] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Longest time for the slices of one table or file [10m].")
    ] = None,
    worker: Annotated[
        Path | None, typer.Option(envvar="RUNNER_WORKER", help="Your file, for its get_data(row).")
    ] = None,
    start: StartOption = None,
    config: ConfigOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Check models that serve against newer data in their sources. Exit code 0 whatever is found."""
    from runner.driftrun.start import check_drift

    summary = check_drift(
        ledger,
        resume=resume,
        dry_run=dry_run,
        quiet=quiet,
        say=typer.echo,
        ends_program=True,
        ids=ids,
        where=where,
        window=window,
        workers=workers,
        detector=detector,
        confirm=confirm,
        q=q,
        timeout=timeout,
        worker=worker,
        start=start,
        config=config,
    )
    for line in summary.lines():
        typer.echo(line)
    raise typer.Exit(summary.exit_code)
