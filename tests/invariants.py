"""What must hold after anything: DESIGN's guarantees, read from the database and the files alone."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ledger.database import ledger_url, open_engine

BROKEN = {
    "a slice has more than one running attempt": (
        "SELECT slice_id FROM attempts WHERE outcome = 'running' GROUP BY slice_id HAVING count(*) > 1"
    ),
    "a running slice has no running attempt, or the other way round": (
        "SELECT s.id FROM slices s LEFT JOIN attempts a ON a.slice_id = s.id AND a.outcome = 'running' "
        "WHERE (s.status = 'running') <> (a.id IS NOT NULL) OR a.number <> s.attempt"
    ),
    "a slice succeeded without a champion": (
        "SELECT id FROM slices WHERE status = 'succeeded' AND champion_id IS NULL"
    ),
    "a champion is no success of its slice": (
        "SELECT s.id FROM slices s JOIN attempts a ON a.id = s.champion_id "
        "WHERE a.slice_id <> s.id OR a.outcome <> 'succeeded'"
    ),
    "metrics belong to an attempt that gave no model": (
        "SELECT attempt_id FROM metrics JOIN attempts a ON a.id = attempt_id "
        "WHERE a.outcome NOT IN ('succeeded', 'rejected')"
    ),
    "files belong to an attempt that gave no model": (
        "SELECT attempt_id FROM artifacts JOIN attempts a ON a.id = attempt_id "
        "WHERE a.outcome NOT IN ('succeeded', 'rejected')"
    ),
    "an attempt has a higher number than its slice": (
        "SELECT s.id FROM slices s JOIN attempts a ON a.slice_id = s.id WHERE a.number > s.attempt"
    ),
}


def broken(ledger: str | Path, *, imported: int) -> list[str]:
    """Every guarantee that does not hold in the ledger at a path or URL, as sentences; [] when all do."""
    found = []
    for sentence, sql in BROKEN.items():
        found += [f"{sentence}: {row[0]}" for row in answers(ledger, sql)]
    ((count,),) = answers(ledger, "SELECT count(*) FROM slices")
    if count != imported:
        found.append(f"{imported} slices were imported, there are {count}")
    root = root_of(ledger)
    for path, size, sha256 in answers(ledger, "SELECT path, bytes, sha256 FROM artifacts"):
        file = root / path
        content = file.read_bytes() if file.exists() else b""
        if len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
            found.append(f"the file {path} is not what was recorded")
    if "://" not in str(ledger) and answers(ledger, "PRAGMA integrity_check") != [("ok",)]:
        found.append("the database is damaged")
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


def root_of(ledger: str | Path) -> Path:
    """The folder of the model files."""
    for (value,) in answers(ledger, "SELECT value FROM settings WHERE key = 'artifact_root'"):
        return Path(value)
    return (Path.cwd() if "://" in str(ledger) else Path(ledger).parent) / "artifacts"
