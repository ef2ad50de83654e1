"""`ledger failures`: what went wrong, grouped."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("failures")(failures)


def failures(ledger: LedgerOption = DEFAULT_LEDGER, as_json: JsonOption = False) -> None:
    """Group failures by their error, with an example and the command that queues them again."""
    from ledger.store import Ledger

    with Ledger.open(ledger, create=False) as opened:
        groups, option = opened.failures(), opened.option
    if as_json:
        typer.echo(json.dumps([asdict(group) for group in groups], ensure_ascii=False))
        return
    if not groups:
        typer.echo("Nothing has failed.")
    for group in groups:
        waiting = f", {group.waiting} of them will be tried again" if group.waiting else ""
        first = group.message.strip().splitlines()[:1]
        typer.echo(f"{group.count} × {group.error_type}{waiting}")
        typer.echo(f"    {first[0] if first else ''}")
        typer.echo(f"    for example: ledger show {group.example}{option}")
        typer.echo(f"    queue again: {group.requeue}")
