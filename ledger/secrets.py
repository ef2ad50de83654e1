"""What must never be told of a URL: its user info, passwords among its parameters, and what was filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_SECRET = re.compile(r"pass|pwd|secret|token|key|credential|sig", re.IGNORECASE)
_PARAMETER = re.compile(rf"([?&][^=&]*(?:{_SECRET.pattern})[^=&]*=)[^&]*", re.IGNORECASE)
# An unescaped @ or / in a password: all up to the last @ may be part of it.
_USER_INFO = re.compile(r"(?<=://)(?:[^/@]*:.*|[^/]*)@", re.DOTALL)
SHORT = 4
"""A shorter password is looked for as a whole word only: its letters stand in every sentence."""


def masked(text: str) -> str:
    """A URL, or a sentence with URLs in it, without user info and without secret parameters."""
    return _PARAMETER.sub(r"\1***", _USER_INFO.sub("***@", text))


def without_secrets(message: str, url: URL, filled_in: Iterable[str] = ()) -> str:
    """What a driver said of `url`, without the passwords in it and the values that were `filled_in`."""
    return hidden(message, [*_passwords(url), *filled_in])


def hidden(message: str, secrets: Iterable[str]) -> str:
    """A message about URLs without these values, as they are and in any way a URL may write them."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        # Clients quote a URL anew, each by its own rules: any character may be written either way.
        pattern = "".join(map(_written, secret))
        message = re.sub(rf"(?<!\w){pattern}(?!\w)" if len(secret) < SHORT else pattern, "***", message)
    return masked(message)


def with_passwords(url: URL, written: str) -> URL:
    """The URL with `written` in the place of each of its passwords."""
    told = url.set(password=written) if url.password else url
    return told.update_query_dict(dict.fromkeys(filter(_SECRET.search, url.query), written))


def _passwords(url: URL) -> Iterator[str]:
    if url.password:
        yield str(url.password)
    for name, value in url.query.items():
        if _SECRET.search(name):
            yield from [value] if isinstance(value, str) else value


def _written(character: str) -> str:
    """A pattern of one character: itself, quoted, quoted twice, and a blank as a plus."""
    quoted = "".join(f"%(?:25)?(?i:{byte:02X})" for byte in character.encode(errors="surrogateescape"))
    plus = r"|\+" if character == " " else ""
    return f"(?:{re.escape(character)}|{quoted}{plus})"
