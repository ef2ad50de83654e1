"""Which database a name in the split file means: a URL of runner.toml, or a file beside the split file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ledger.errors import LedgerError
from ledger.formats import DATABASES
from ledger.variables import VARIABLE, value_of, values_in
from runner.errors import SourceError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_PLACEHOLDER = re.compile(VARIABLE.pattern + r"|\{database\}")
_PARTS = re.compile(r"(\w[\w+]*://(?:[^:/@]*(?::[^@]*)?@)?[^/?]*)([^?]*)(.*)", re.DOTALL)
_RELATIVE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|[A-Za-z]:[\\/]|:memory:|file:|\$\{)(?=.)")

ESCAPES = (
    "in a user name or password @ is written %40, : is %3A and / is %2F, "
    "or the password comes from an environment variable, written ${NAME}"
)


def beside(url: str, folder: Path) -> str:
    """A URL whose SQLite file is named relative to `folder`, with the whole path; others unchanged.

    What begins with an environment variable is unchanged too: nobody knows yet how it goes on.
    """
    written = folder.absolute().as_posix().replace("%", "%25").replace("?", "%3F")
    return _RELATIVE.sub(lambda match: f"{match[1]}{written}/", url)


def database_url(name: str, base: str | None, urls: Mapping[str, str]) -> URL:
    """The URL behind a name. `base` is the folder of the split file, `urls` are those of runner.toml.

    Raises SourceError where there is none, or none that can be understood; it never holds a password.
    """
    if name in urls:
        return _parsed(urls[name], name)
    folder = Path(base or ".")
    if "://" in name:
        return _parsed(beside(name, folder), name)
    if "*" in urls:
        return _parsed(urls["*"], name)
    from sqlalchemy.engine import URL

    for suffix in ("", *DATABASES):
        if (file := folder / f"{name}{suffix}").is_file():
            return URL.create("sqlite", database=str(file))
    raise SourceError(
        f"database {name}: there is no file {folder / name}.db, and runner.toml names no URL for it; "
        f'add `{name} = "…"` (or `"*" = "…{{database}}"` for all) under [databases]'
    )


def filled_in(name: str, urls: Mapping[str, str]) -> tuple[str, ...]:
    """What the variables hold that are named in the URL behind a name: no message may tell it."""
    return tuple(values_in(urls.get(name) or (name if "://" in name else urls.get("*", ""))))


def _parsed(written: str, name: str) -> URL:
    """Understand a URL, with the values of what it names filled in."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    # A URL that cannot be understood cannot be masked either.
    shown = f"{name.partition('://')[0]}://…" if "://" in name else name
    if alone := VARIABLE.fullmatch(written):
        written = _value(alone[1], shown)
    if written.partition("://")[2].partition("/")[0] and written.count("@") > 1:
        raise SourceError(f"database {shown}: its URL has more than one @; {ESCAPES}")
    parts = _PARTS.fullmatch(written)
    try:
        if parts is None:
            raise ArgumentError
        # The path is filled in afterwards: not every SQLAlchemy decodes a path that was quoted.
        ends = [_filled(part, name, shown, _quoted) for part in (parts[1], parts[3])]
        url = make_url(f"{ends[0]}{parts[2]}{ends[1]}")
    except (ArgumentError, ValueError):
        raise SourceError(
            f"database {shown}: its URL cannot be read; it looks like "
            f"DIALECT://USER:PASSWORD@HOST/NAME, and {ESCAPES}"
        ) from None
    return url.set(database=_filled(url.database, name, shown, str)) if url.database else url


def _filled(text: str, name: str, shown: str, written: Callable[[str], str]) -> str:
    """`text` with environment variables and the database's name in it, each as `written` makes it."""

    def value(match: re.Match[str]) -> str:
        return written(name if match[1] is None else _value(match[1], shown))

    return _PLACEHOLDER.sub(value, text)


def _quoted(value: str) -> str:
    return quote(value, safe="")


def _value(variable: str, shown: str) -> str:
    try:
        return value_of(variable)
    except LedgerError as error:
        raise SourceError(f"database {shown}: {error}") from None
