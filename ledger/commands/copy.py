"""`ledger copy`: a ledger moved into another database."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("copy")(copy)


def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The ledger: a SQLite file or a URL.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where to: an empty database or a new file.")],
) -> None:
    """Move a ledger between SQLite and PostgreSQL. FROM stays as it is; stop its runners first."""
    from ledger.copying import copy_ledger

    report = copy_ledger(source, target)
    typer.echo(report.sentence())
    typer.echo(f"Next: runner run --resume{report.option}")
