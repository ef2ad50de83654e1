"""`ledger upgrade`: an older ledger brought to this program's schema."""

from __future__ import annotations

import typer

from ledger.commands.options import DEFAULT_LEDGER, LedgerOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("upgrade")(upgrade)


def upgrade(ledger: LedgerOption = DEFAULT_LEDGER) -> None:
    """Upgrade the ledger's tables, after a backup beside a SQLite file."""
    from ledger.upgrading import upgrade_ledger

    report = upgrade_ledger(ledger)
    typer.echo(report.sentence())
