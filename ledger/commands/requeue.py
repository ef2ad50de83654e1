"""`ledger requeue`: slices back in the queue."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, DryRunOption, LedgerOption, YesOption

MANY = 1_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("requeue")(requeue)


def requeue(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of slices.")] = None,
    ledger: LedgerOption = DEFAULT_LEDGER,
    failed: Annotated[bool, typer.Option("--failed", help="Slices that have failed.")] = False,
    rejected: Annotated[bool, typer.Option("--rejected", help="Slices whose model missed the gate.")] = False,
    older_than: Annotated[str | None, typer.Option(help="Champions trained longer ago: 30d, 12h.")] = None,
    drifted: Annotated[
        bool, typer.Option("--drifted", help="Champions whose last drift check says drifted.")
    ] = False,
    where: Annotated[str | None, typer.Option(help="A condition over slice_status, in SQL.")] = None,
    budget: Annotated[int | None, typer.Option(help="At most so many, the most urgent ones.", min=0)] = None,
    cooldown: Annotated[
        str | None, typer.Option(help="None whose last attempt began more recently: 7d, 12h.")
    ] = None,
    keep_ranges: Annotated[
        bool, typer.Option("--keep-ranges", help="Roll no range forward by the time that has passed.")
    ] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Queue slices again; all that is given must hold. Their champions serve until then.

    With --older-than and --drifted their train and test ranges roll forward by the time that has passed.
    """
    from ledger.errors import LedgerError
    from ledger.requeue import Selection, Terms, parse_age
    from ledger.store import Ledger

    selection = Selection(
        ids=tuple(ids or ()),
        failed=failed,
        rejected=rejected,
        drifted=drifted,
        older_than=None if older_than is None else parse_age(older_than),
        where=where,
    )
    terms = Terms(budget, None if cooldown is None else parse_age(cooldown), keep_ranges)
    with Ledger.open(ledger, create=False) as opened:
        report = opened.requeue(selection, terms, dry_run=True)
        if report.queued > MANY and not yes and not dry_run:
            if not sys.stdin.isatty():
                raise LedgerError(f"this queues {report.queued} slices again; say --yes if you mean it")
            typer.confirm(f"Queue {report.queued} slices again?", abort=True)
        if not dry_run:
            report = opened.requeue(selection, terms)
        option = opened.option
    for line in report.lines(dry_run=dry_run):
        typer.echo(line)
    if report.queued and not dry_run:
        typer.echo(f"Next: runner run --resume{option}")
