"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

LedgerOption = Annotated[
    str,
    typer.Option(
        "--ledger",
        envvar="LEDGER_URL",
        help="The ledger: a SQLite file, or a PostgreSQL URL.",
        show_default=True,
    ),
]
DEFAULT_LEDGER = "ledger.db"
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(help="Ids of slices.")]
WhereOption = Annotated[str | None, typer.Option(help="A condition over slice_status, in SQL.")]
