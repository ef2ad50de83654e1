"""What must never be told of a URL: its user info, and passwords among its parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

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


def without_secrets(message: str, url: URL) -> str:
    """What a driver said of `url`, without the passwords in it."""
    return hidden(message, _secrets(url))


def hidden(message: str, secrets: Iterable[str]) -> str:
    """A message about URLs without these values, as they are and as they may be written in a URL."""
    written = {
        form for value in secrets if value for form in (value, quote(value, safe=""), quote_plus(value))
    }
    written |= {quote(value) for value in written}
    for secret in sorted(written, key=len, reverse=True):
        pattern = re.escape(secret)
        message = re.sub(rf"(?<!\w){pattern}(?!\w)" if len(secret) < SHORT else pattern, "***", message)
    return masked(message)


def _secrets(url: URL) -> Iterator[str]:
    if url.password:
        yield str(url.password)
    for name, value in url.query.items():
        if _SECRET.search(name):
            yield from [value] if isinstance(value, str) else value


def _all_quoted(value: str) -> str:
    return quote(value, safe="")
