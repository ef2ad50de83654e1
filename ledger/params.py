"""Trainer parameters as they are written on a command line: key=value."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.errors import LedgerError


def parse_words(written: Sequence[str]) -> dict[str, str]:
    """Turn `key=value` words into a mapping. Raises LedgerError naming the word that is none."""
    params = {}
    for word in written:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise LedgerError(f"--param {word!r} is not of the form key=value")
        params[key.strip()] = value.strip()
    return params
