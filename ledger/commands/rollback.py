"""`ledger rollback`: the champion before serves again."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, DryRunOption, LedgerOption, YesOption
from ledger.commands.requeue import MANY


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rollback")(rollback)


def rollback(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of slices.")] = None,
    ledger: LedgerOption = DEFAULT_LEDGER,
    run: Annotated[int | None, typer.Option(help="Champions that this run has trained.")] = None,
    where: Annotated[str | None, typer.Option(help="A condition over slice_status, in SQL.")] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Let the champion before serve again; all that is given must hold. Nothing is trained."""
    from ledger.errors import LedgerError
    from ledger.selection import Selection
    from ledger.store import Ledger

    selection = Selection(ids=tuple(ids or ()), run=run, where=where)
    with Ledger.open(ledger, create=False) as opened:
        report = opened.roll_back(selection, dry_run=True)
        if report.rolled_back > MANY and not yes and not dry_run:
            if not sys.stdin.isatty():
                raise LedgerError(f"this rolls back {report.rolled_back} slices; say --yes if you mean it")
            typer.confirm(f"Roll back {report.rolled_back} slices?", abort=True)
        if not dry_run:
            report = opened.roll_back(selection)
    for line in report.lines(dry_run=dry_run):
        typer.echo(line)
