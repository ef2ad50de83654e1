"""What must hold after anything: DESIGN's guarantees, read from the database and the files alone."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

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


def broken(ledger: Path, *, imported: int) -> list[str]:
    """Every guarantee that does not hold, as sentences; [] when all do."""
    found = []
    with closing(sqlite3.connect(ledger)) as raw:
        for sentence, sql in BROKEN.items():
            found += [f"{sentence}: {row[0]}" for row in raw.execute(sql)]
        (count,) = raw.execute("SELECT count(*) FROM slices").fetchone()
        if count != imported:
            found.append(f"{imported} slices were imported, there are {count}")
        root = ledger.parent / "artifacts"
        for path, size, sha256 in raw.execute("SELECT path, bytes, sha256 FROM artifacts"):
            content = (root / path).read_bytes() if (root / path).exists() else b""
            if len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
                found.append(f"the file {path} is not what was recorded")
        if raw.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            found.append("the database is damaged")
    return found


def successes(ledger: Path) -> dict[str, int]:
    """How often each slice was trained to success."""
    sql = "SELECT slice_id, count(*) FROM attempts WHERE outcome = 'succeeded' GROUP BY slice_id"
    with closing(sqlite3.connect(ledger)) as raw:
        return dict(raw.execute(sql))
