"""`ledger list`: slices, one per line."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption, WhereOption

COLUMNS = (
    "v.id, v.status, v.reason, v.database_name, v.table_name, v.column_name, v.file, v.trainer, v.attempt, "
    "v.last_error_type"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(list_)


def list_(
    ledger: LedgerOption = DEFAULT_LEDGER,
    status: Annotated[str | None, typer.Option(help="Only slices in this state.")] = None,
    group: Annotated[str | None, typer.Option(help="Only slices of this group.")] = None,
    where: WhereOption = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List slices in the order of import."""
    from ledger.asking import Asking
    from ledger.query import answering
    from ledger.render import printer

    show = printer(as_csv=as_csv, as_json=as_json)
    asked = _asked(status, group, where, limit)
    with Asking.open(ledger, create=False) as opened:
        url = opened.engine.url
    with answering(url, asked) as answer:
        show(answer.columns, answer.rows)


def _asked(status: str | None, group: str | None, where: str | None, limit: int) -> str:
    from ledger.errors import LedgerError
    from ledger.requeue import require_condition
    from ledger.status import Status

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
    # Where only one state is asked for, its partial index gives the order: nothing is sorted.
    walked = f"slices s WHERE s.status = '{status}'" if status is not None else "slices s"
    return (
        f"SELECT {COLUMNS} FROM (SELECT s.id, s.position FROM {walked}) o "
        f"JOIN (SELECT * FROM slice_status{kept}) v ON v.id = o.id ORDER BY o.position LIMIT {limit}"
    )
