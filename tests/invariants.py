"""What must hold after anything: `ledger verify`, and what only a test can know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text

from ledger.database import ledger_url, open_engine, reading
from ledger.store import Ledger


def broken(ledger: str | Path, *, imported: int) -> list[str]:
    """Every guarantee that does not hold in the ledger (a path or URL), as sentences; [] when all do."""
    with Ledger.open(ledger, create=False, read_only=True) as opened:
        verification = opened.verify()
        found = list(verification.findings)
        with reading(opened.engine) as conn:
            count = conn.execute(text("SELECT count(*) FROM slices")).scalar_one()
            if count != imported:
                found.append(f"{imported} slices were imported, there are {count}")
            if opened.path is not None:
                whole = conn.exec_driver_sql("PRAGMA integrity_check").scalars().all()
                found += [f"the database is damaged: {each}" for each in whole if each != "ok"]
    return found


def successes(ledger: str | Path) -> dict[str, int]:
    """How often each slice was trained to success."""
    sql = "SELECT slice_id, count(*) FROM attempts WHERE outcome = 'succeeded' GROUP BY slice_id"
    return dict(answers(ledger, sql))


def answers(ledger: str | Path, sql: str) -> list[tuple[Any, ...]]:
    """What the database at a path or URL says, by nothing but SQL."""
    engine = open_engine(ledger_url(ledger), read_only=True)
    try:
        with engine.connect() as conn:
            return [tuple(row) for row in conn.exec_driver_sql(sql)]
    finally:
        engine.dispose()
