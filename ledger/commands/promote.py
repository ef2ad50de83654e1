"""`ledger promote`: the model of another attempt serves from now on."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, LedgerOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("promote")(promote)


def promote(
    slice_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the slice.")],
    attempt: Annotated[int, typer.Argument(help="The number of the attempt, as `ledger show ID` lists it.")],
    ledger: LedgerOption = DEFAULT_LEDGER,
) -> None:
    """Let the model of another attempt serve, a rejected one too. `ledger rollback ID` takes it back."""
    from ledger.store import Ledger

    with Ledger.open(ledger, create=False) as opened:
        opened.promote(slice_id, attempt)
        option = opened.option
    typer.echo(f"The model of attempt {attempt} serves for slice {slice_id} now")
    typer.echo(f"Back: ledger rollback {slice_id}{option}")
