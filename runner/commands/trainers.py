"""`runner trainers`: the built-in trainers and their parameters."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("trainers")(trainers)


def trainers() -> None:
    """List the built-in trainers with their parameters."""
    from runner.params import describe
    from runner.trainers import NAMES, find

    for name in NAMES:
        module = find(name)
        typer.echo(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        for parameter in describe(module.Params):
            typer.echo(f"    {parameter.name}={parameter.default}  ({parameter.type}) {parameter.help}")
    typer.echo(
        "Every trainer: period=…  (a whole number) rows in a season; else it follows from the time step"
    )
