"""`ledger views`: what can be asked."""

from __future__ import annotations

import json

import typer

from ledger.commands.options import JsonOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("views")(views)


def views(as_json: JsonOption = False) -> None:
    """Explain each view and its columns."""
    from ledger.views import VIEWS

    if as_json:
        told = [{"name": v.name, "about": v.sentence, "columns": dict(v.columns)} for v in VIEWS]
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    for view in VIEWS:
        typer.echo(f"{view.name}: {view.sentence}")
        width = max(map(len, view.columns))
        for name, sentence in view.columns.items():
            typer.echo(f"    {name:<{width}}  {sentence}")
