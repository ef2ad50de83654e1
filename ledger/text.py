"""Text from outside, made fit to be stored: valid, without NULs, and not endless."""

from __future__ import annotations


def storable(text: str | None, *, limit: int, tail: bool = False) -> str | None:
    """Cut `text` to `limit` characters, keeping its beginning and end (or, with `tail`, its end).

    Lone surrogates and NUL characters, which PostgreSQL refuses, become question marks.
    """
    if text is None:
        return None
    if len(text) > limit:
        left_out = f"\n… {len(text) - limit} characters left out …\n"
        head = 0 if tail else limit // 2
        text = text[:head] + left_out + text[len(text) - (limit - head) :]
    return text.replace("\0", "?").encode("utf-8", "replace").decode("utf-8")
