"""`runner check`: try a worker file on a few slices before a night is spent on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, LedgerOption
from ledger.params import parse_words


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(
    worker: Annotated[Path, typer.Argument(help="Your file with train(row, data).")],
    ledger: LedgerOption = DEFAULT_LEDGER,
    slices: Annotated[int, typer.Option("--slices", "-n", help="How many slices to try.")] = 5,
    param: Annotated[list[str] | None, typer.Option(help="key=value for train().")] = None,
    labels: Annotated[
        str | None,
        typer.Option(envvar="RUNNER_LABELS", help="Known anomalies, as for `runner run`."),
    ] = None,
    config: Annotated[Path, typer.Option(envvar="RUNNER_CONFIG")] = Path("runner.toml"),
) -> None:
    """Try WORKER on a few slices in a scratch folder; the ledger stays as it is."""
    from runner.check import check_worker

    params = parse_words(param or [])
    trials = check_worker(worker, ledger, count=slices, params=params, labels=labels, config=config)
    for trial in trials:
        typer.echo(trial.line())
    failed = sum(trial.error is not None for trial in trials)
    typer.echo(f"{len(trials) - failed} of {len(trials)} slices trained; the ledger was not changed")
    raise typer.Exit(1 if failed else 0)
