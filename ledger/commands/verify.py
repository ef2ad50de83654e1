"""`ledger verify`: whether everything is as it must be."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption
from ledger.errors import DamagedError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(ledger: LedgerOption = DEFAULT_LEDGER, as_json: JsonOption = False) -> None:
    """Check the ledger and every model file; exit 6 when something is wrong. Runners may be at work."""
    from ledger.store import Ledger

    with Ledger.open(ledger, create=False, read_only=True) as opened:
        verification = opened.verify()
    if as_json:
        typer.echo(json.dumps({"sound": verification.sound, **asdict(verification)}, ensure_ascii=False))
    else:
        for line in verification.lines():
            typer.echo(line)
    if not verification.sound:
        raise typer.Exit(DamagedError.exit_code)
