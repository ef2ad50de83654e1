"""`ledger requeue`: slices back in the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ledger.commands.consent import require_consent
from ledger.commands.options import (
    DEFAULT_LEDGER,
    DryRunOption,
    IdsArgument,
    LedgerOption,
    WhereOption,
    YesOption,
)

if TYPE_CHECKING:
    from ledger.requeue import Selection, Terms


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("requeue")(requeue)


FailedOption = Annotated[bool, typer.Option("--failed", help="Slices that have failed.")]
RejectedOption = Annotated[bool, typer.Option("--rejected", help="Slices whose new model was rejected.")]
AgeOption = Annotated[str | None, typer.Option(help="Champions trained longer ago: 30d, 12h.")]
DriftedOption = Annotated[
    bool, typer.Option("--drifted", help="Champions whose last drift check says drifted.")
]
BudgetOption = Annotated[int | None, typer.Option(help="At most so many, the most urgent ones.", min=0)]
CooldownOption = Annotated[
    str | None, typer.Option(help="None whose last attempt began more recently: 7d, 12h.")
]
KeepRangesOption = Annotated[
    bool, typer.Option("--keep-ranges", help="Roll no range forward by the time that has passed.")
]


def requeue(
    ids: IdsArgument = None,
    ledger: LedgerOption = DEFAULT_LEDGER,
    failed: FailedOption = False,
    rejected: RejectedOption = False,
    older_than: AgeOption = None,
    drifted: DriftedOption = False,
    where: WhereOption = None,
    budget: BudgetOption = None,
    cooldown: CooldownOption = None,
    keep_ranges: KeepRangesOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Queue slices again; all that is given must hold. Their champions serve until then.

    With --older-than and --drifted their train and test ranges roll forward by the time that has passed.
    """
    from ledger.requeue import Selection, Terms, parse_age

    age = None if older_than is None else parse_age(older_than)
    selection = Selection(tuple(ids or ()), failed, rejected, drifted, age, where=where)
    terms = Terms(budget, None if cooldown is None else parse_age(cooldown), keep_ranges)
    _queue(ledger, selection, terms, dry_run=dry_run, yes=yes)


def _queue(ledger: str, selection: Selection, terms: Terms, *, dry_run: bool, yes: bool) -> None:
    from ledger.store import Ledger

    with Ledger.open(ledger, create=False) as opened:
        if not (yes or dry_run):
            told = opened.requeue(selection, terms, dry_run=True)
            require_consent(told.queued, "queue {} again")
        report = opened.requeue(selection, terms, dry_run=dry_run)
        option = opened.option
    for line in report.lines(dry_run=dry_run):
        typer.echo(line)
    if report.queued and not dry_run:
        typer.echo(f"Next: runner run --resume{option}")
