"""`ledger doctor`: what is unhealthy, and what to do."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(ledger: LedgerOption = DEFAULT_LEDGER, as_json: JsonOption = False) -> None:
    """Say what is unhealthy about the ledger and this machine, and what to do; exit 1 when anything is."""
    from ledger.store import Ledger

    with Ledger.open(ledger, create=False, read_only=True) as opened:
        symptoms = opened.doctor()
    healthy = all(symptom.note for symptom in symptoms)
    if as_json:
        typer.echo(json.dumps([asdict(symptom) for symptom in symptoms], ensure_ascii=False))
    else:
        for symptom in symptoms:
            typer.echo(f"Note: {symptom.sentence}" if symptom.note else symptom.sentence)
        if healthy:
            typer.echo("The ledger is healthy.")
    if not healthy:
        raise typer.Exit(1)
