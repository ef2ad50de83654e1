"""`${NAME}` in a URL: an environment variable in the place of a secret, filled in when the URL is used."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from ledger.errors import LedgerError

VARIABLE = re.compile(r"\$\{(\w+)\}")


def filled(url: str) -> str:
    """The URL with every `${NAME}` replaced by that variable, quoted. Raises LedgerError for one not set."""
    return VARIABLE.sub(lambda match: quote(value_of(match[1]), safe=""), url)


def values_in(url: str) -> list[str]:
    """What the variables named in a URL hold: secrets, all of them."""
    return [os.environ[name] for name in VARIABLE.findall(url) if name in os.environ]


def value_of(variable: str) -> str:
    """What an environment variable holds. Raises LedgerError when it is not set."""
    found = os.environ.get(variable)
    if found is None:
        raise LedgerError(f"the environment variable {variable}, named in a URL, is not set")
    return found
