"""`ledger query`: SQL over the ledger."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("query")(query)


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT, over tables or views (`ledger views`).")],
    ledger: LedgerOption = DEFAULT_LEDGER,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer one SELECT. Nothing can be written."""
    from ledger.asking import Asking
    from ledger.query import answering
    from ledger.render import printer

    show = printer(as_csv=as_csv, as_json=as_json)
    with Asking.open(ledger, create=False) as opened:
        url = opened.engine.url
    with answering(url, sql) as answer:
        show(answer.columns, answer.rows)
