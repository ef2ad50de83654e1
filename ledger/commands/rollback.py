"""`ledger rollback`: the champion before serves again."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.commands.consent import require_consent
from ledger.commands.options import (
    DEFAULT_LEDGER,
    DryRunOption,
    IdsArgument,
    LedgerOption,
    WhereOption,
    YesOption,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rollback")(rollback)


def rollback(
    ids: IdsArgument = None,
    ledger: LedgerOption = DEFAULT_LEDGER,
    run: Annotated[int | None, typer.Option(help="Champions that this run has trained.")] = None,
    where: WhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Let the champion before serve again; all that is given must hold. Nothing is trained."""
    from ledger.selection import Selection
    from ledger.store import Ledger

    selection = Selection(ids=tuple(ids or ()), run=run, where=where)
    with Ledger.open(ledger, create=False) as opened:
        if not (yes or dry_run):
            told = opened.roll_back(selection, dry_run=True)
            require_consent(told.rolled_back, "roll {} back")
        report = opened.roll_back(selection, dry_run=dry_run)
    for line in report.lines(dry_run=dry_run):
        typer.echo(line)
