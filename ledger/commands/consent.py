"""Asking before a command changes many slices."""

from __future__ import annotations

import sys

import typer

MANY = 1_000


def require_consent(count: int, does: str) -> None:
    """Ask whether `count` slices are meant, where they are many; `does` says with `{}` what happens to them.

    Raises LedgerError where nobody can be asked, and typer.Abort for a no.
    """
    from ledger.errors import LedgerError

    if count <= MANY:
        return
    sentence = does.format(f"{count} slices")
    if not sys.stdin.isatty():
        raise LedgerError(f"this would {sentence}; say --yes if you mean it")
    typer.confirm(f"{sentence[0].upper()}{sentence[1:]}?", abort=True)
