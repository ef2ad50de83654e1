"""Which files hold data, told by how their names end."""

from __future__ import annotations

DATABASES = (".db", ".sqlite", ".sqlite3")
PARQUET = (".parquet", ".pq")
PACKED = (".gz", ".bz2", ".xz", ".zip")
TEXT = tuple(f"{kind}{packed}" for kind in (".csv", ".tsv", ".txt") for packed in ("", *PACKED))
FILES = (*TEXT, *PARQUET)


def ends_with(name: str, endings: tuple[str, ...]) -> bool:
    """Whether a file's name has one of these endings, in small letters or capitals."""
    return name.lower().endswith(endings)
