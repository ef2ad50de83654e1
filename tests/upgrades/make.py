"""Write a small ledger of the newest schema into this folder as SQL: `python -m tests.upgrades.make`.

Do it once for every schema that is released, with the program of that release, and never again:
the file stands for the ledgers that people have from then on. It holds slices in every state and
attempts with every outcome, and one of its runners died with a slice in its hands.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from ledger.migrate import REVISION
from ledger.schema import APPLICATION_ID
from ledger.store import Ledger
from tests.every_state import NOW, fill

FOLDER = Path(__file__).parent
NEUTRAL = (
    "UPDATE runners SET host = 'a-host', boot_id = 'a-boot', pid_namespace = '', pid = 1, pid_started = '0'",
    "UPDATE imports SET path = '/data/split.csv', folder = '/data'",
    "UPDATE settings SET value = '00000000-0000-4000-8000-000000000000' WHERE key = 'uuid'",
)
"""What would differ from machine to machine."""


def dump(path: Path) -> str:
    """A SQLite ledger as SQL."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        for statement in NEUTRAL:
            raw.execute(statement)
        lines = [f"PRAGMA application_id={APPLICATION_ID};", "PRAGMA foreign_keys=OFF;", *raw.iterdump()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write REVISION.sql."""
    target = FOLDER / f"{REVISION}.sql"
    if target.exists():
        raise SystemExit(f"{target} stands for a released schema; it is not written again")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with Ledger.open(path) as made:
            fill(Ledger(made.engine, clock=lambda: NOW), Path(folder))
        target.write_text(dump(path), encoding="utf-8")


if __name__ == "__main__":
    main()
