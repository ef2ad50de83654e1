"""`ledger import`: a split file into the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, DryRunOption, LedgerOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    split: Annotated[Path, typer.Argument(help="The split file: id, database,table,column or file, ranges.")],
    ledger: LedgerOption = DEFAULT_LEDGER,
    trainer: Annotated[str | None, typer.Option(help="The trainer of rows that name none.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="key=value for the trainer, of rows that name none.")
    ] = None,
    group_by: Annotated[str | None, typer.Option(help="The column that groups slices.")] = None,
    artifacts: Annotated[
        str | None,
        typer.Option(help="Folder or URL for model files [the folder artifacts beside the ledger]."),
    ] = None,
    prune: Annotated[bool, typer.Option(help="Retire slices that the file no longer names.")] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Import SPLIT, one slice per row. Importing the same file again is harmless."""
    from ledger.params import parse_words
    from ledger.rehearsal import rehearse
    from ledger.store import Ledger

    given = parse_words(param or [])
    rehearsed = rehearse(ledger, split, group_by=group_by)
    if rehearsed is not None and dry_run:
        typer.echo(rehearsed.sentence())
        return
    with Ledger.open(ledger) as opened:
        report = opened.import_slices(
            split,
            trainer=trainer,
            params=given,
            group_by=group_by,
            artifacts=artifacts,
            prune=prune,
            dry_run=dry_run,
        )
        option = opened.option
    typer.echo(report.sentence())
    if (report.added or report.changed) and not dry_run:
        typer.echo(f"Next: runner run --resume{option}")
