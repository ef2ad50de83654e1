"""The command line `ledger`: its commands put together, and errors told as sentences."""

from __future__ import annotations

import gc as garbage
import sys

import typer

from ledger.commands import (
    backup,
    champions,
    copy,
    doctor,
    failures,
    gc,
    import_,
    list_,
    promote,
    query,
    requeue,
    rollback,
    show,
    split,
    status,
    upgrade,
    verify,
    views,
)
from ledger.errors import LedgerError

# What is imported stays: the collector's looks through it would be a tenth of a short command.
garbage.set_threshold(50_000, 20, 20)

app = typer.Typer(
    name="ledger",
    help="What must be trained, what happened, what is live, and which files hold models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
ASKING = (status, list_, show, failures, champions, query, views)
KEEPING = (verify, doctor, gc, backup, copy, upgrade)
for module in (import_, split, *ASKING, requeue, promote, rollback, *KEEPING):
    module.register(app)


def main() -> None:
    """Run the command line; an error of ours is one sentence on stderr and an exit code."""
    try:
        app()
    except LedgerError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
