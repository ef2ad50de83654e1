"""`ledger split`: a split file from what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("split")(split)


def split(
    source: Annotated[
        list[str], typer.Argument(help="Database URLs, SQLite files, or folders of SQLite or data files.")
    ],
    train: Annotated[str, typer.Option(help="How much to train on: 30d, 12h, or a number of rows.")],
    test: Annotated[str, typer.Option(help="How much to test on, after that.")],
    until: Annotated[
        str | None, typer.Option(help="Where the test ends, instead of each series' end.")
    ] = None,
    tables: Annotated[list[str] | None, typer.Option(help="Only tables or files like this: cpu_*.")] = None,
    columns: Annotated[list[str] | None, typer.Option(help="Only columns like this.")] = None,
    time_column: Annotated[str | None, typer.Option(help="The column that holds the time.")] = None,
    separator: Annotated[
        str | None, typer.Option(help="What separates the columns of text files, where it is not found.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write it; - for the screen.")
    ] = Path("split.csv"),
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite the file if it is there already.")
    ] = False,
) -> None:
    """Write a split.csv with a row for every numeric column found, ranges from its own end."""
    from ledger.catalog.found import Wanted
    from ledger.splitting import write_split

    wanted = Wanted(
        train=train,
        test=test,
        until=until,
        tables=tuple(tables or ("*",)),
        columns=tuple(columns or ("*",)),
        time_column=time_column,
        separator=separator,
    )
    report = write_split(source, wanted, output, overwrite=force)
    for line in report.lines():
        typer.echo(line, err=True)
