"""`ledger failures`: what went wrong, grouped."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption

if TYPE_CHECKING:
    from ledger.failures import FailureGroup

SHOWN = 20
"""Groups that are printed."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("failures")(failures)


def failures(ledger: LedgerOption = DEFAULT_LEDGER, as_json: JsonOption = False) -> None:
    """Group failures by their error, with an example and the command that queues them again."""
    from ledger.asking import Asking

    with Asking.open(ledger, create=False) as opened:
        groups, option = opened.failures(), opened.option
    if as_json:
        typer.echo(json.dumps([asdict(group) for group in groups], ensure_ascii=False))
        return
    if not groups:
        typer.echo("Nothing has failed.")
    for group in groups[:SHOWN]:
        for line in _lines(group, option):
            typer.echo(line)
    if len(groups) > SHOWN:
        rest = sum(group.count for group in groups[SHOWN:])
        typer.echo(f"… and {rest} slices in {len(groups) - SHOWN} smaller groups; --json shows all")


def _lines(group: FailureGroup, option: str) -> Iterator[str]:
    waiting = f", {group.waiting} of them will be tried again" if group.waiting else ""
    first = group.message.strip().splitlines()[:1]
    # An id that begins with a dash would be read as an option.
    dashes = "-- " if group.example.startswith("-") else ""
    yield f"{group.count} × {group.error_type}{waiting}"
    yield f"    {first[0] if first else ''}"
    yield f"    for example: ledger show{option} {dashes}{shlex.quote(group.example)}"
    yield f"    queue again: {group.requeue}"
