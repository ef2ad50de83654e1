"""`ledger gc`: model files that no row names, removed."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, DryRunOption, LedgerOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gc")(gc)


def gc(
    ledger: LedgerOption = DEFAULT_LEDGER,
    unexplained: Annotated[
        bool, typer.Option("--unexplained", help="Also what only a newer copy of the ledger could explain.")
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option(help="Also the files of all but the last so many models of each slice.", min=0),
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Remove files that crashes left and no row names. Runners may be at work: what they write stays.

    With --keep also those of older models; never those of a champion.
    """
    from ledger.store import Ledger

    with Ledger.open(ledger, create=False, read_only=keep is None) as opened:
        collected = opened.gc(keep=keep, unexplained=unexplained, dry_run=dry_run)
    for line in collected.lines():
        typer.echo(line)
    if collected.refused:
        raise typer.Exit(7)
