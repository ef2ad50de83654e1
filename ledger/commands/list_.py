"""`ledger list`: slices, one per line."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption

COLUMNS = (
    "id, status, reason, database_name, table_name, column_name, file, trainer, attempt, last_error_type"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(list_)


def list_(
    ledger: LedgerOption = DEFAULT_LEDGER,
    status: Annotated[str | None, typer.Option(help="Only slices in this state.")] = None,
    group: Annotated[str | None, typer.Option(help="Only slices of this group.")] = None,
    where: Annotated[str | None, typer.Option(help="A condition over slice_status, in SQL.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List slices in the order of import."""
    from ledger.errors import LedgerError
    from ledger.query import answering
    from ledger.render import print_csv, print_json, print_table
    from ledger.requeue import require_condition
    from ledger.status import Status
    from ledger.store import Ledger

    conditions = []
    if status is not None:
        if status not in list(Status):
            raise LedgerError(f"there is no state {status!r}; there are {', '.join(Status)}")
        conditions.append(f"status = '{status}'")
    if group is not None:
        quoted = group.replace("'", "''")
        conditions.append(f"model_group = '{quoted}'")
    if where is not None:
        require_condition(where)
        conditions.append(f"({where}\n)")
    kept = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    with Ledger.open(ledger, create=False) as opened:
        url = opened.engine.url
    show = print_csv if as_csv else print_json if as_json else print_table
    with answering(url, f"SELECT {COLUMNS} FROM slice_status{kept} LIMIT {int(limit)}") as answer:
        show(answer.columns, answer.rows)
