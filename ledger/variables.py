"""`${NAME}` in a URL: an environment variable in the place of a secret, filled in when the URL is used."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from ledger.errors import LedgerError

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def filled(url: str) -> str:
    """The URL with every `${NAME}` replaced by that variable, quoted. Raises LedgerError for one not set."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise LedgerError(f"the environment variable {match[1]}, named in a URL, is not set")
        return quote(found, safe="")

    return _VARIABLE.sub(value, url)
