"""`ledger backup`: a consistent copy of the ledger, while runners are at work or not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, LedgerOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backup")(backup)


def backup(
    file: Annotated[Path, typer.Argument(help="The SQLite file to write; it must not exist yet.")],
    ledger: LedgerOption = DEFAULT_LEDGER,
) -> None:
    """Write the ledger as it is now into FILE. Runners may be at work; model files are not copied."""
    from ledger.backup import back_up
    from ledger.store import Ledger

    with Ledger.open(ledger, create=False, read_only=True) as opened:
        report = back_up(opened, file)
    typer.echo(report.sentence())
    typer.echo(report.restoring())
