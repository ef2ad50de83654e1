"""Whether the guarantees of a ledger hold, by its database and its model files alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, or_, select, tuple_

from ledger.artifacts import ArtifactStore
from ledger.contradictions import contradictions, count_states
from ledger.database import reading
from ledger.errors import ArtifactError
from ledger.orphans import WITH_A_MODEL, Orphans, judge, unnamed
from ledger.records import Artifact
from ledger.schema import artifacts, attempts, slices
from ledger.soundness import quick_check
from ledger.status import Status

SHOWN = 100
"""Findings of one kind that are told in full."""
BATCH = 1_000

DAMAGED = "Save what is readable with `sqlite3 FILE .recover`, or restore a backup."
CONTRADICTORY = "Where the ledger contradicts itself, restore a backup (`ledger backup` says how)."
ALTERED = (
    "`ledger requeue ID` and `runner run --resume` train a slice again whose file is missing or altered."
)
OLDER = (
    "The ledger is older than its model files: it was copied without its -wal, the -wal was deleted, or a "
    "backup was restored. Where you still have the newer ledger, put it back. Else `runner run --resume` "
    "trains those slices again, and `ledger gc --unexplained` then removes the files that are left."
)
UNEXPLAINED = (
    "Rows that named files are gone: restore a backup, or remove the files with `ledger gc --unexplained`."
)


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked, and everything that does not hold."""

    findings: tuple[str, ...]  # sentences
    advice: tuple[str, ...]  # what to do about them
    orphans: tuple[str, ...]  # files that a crash left; harmless
    outlived: tuple[str, ...]  # files missing or altered of models that a later one has replaced
    counts: Mapping[str, int]  # of slices, by state and in all, of files and their bytes

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def lines(self) -> list[str]:
        """The verification in words."""
        told = [*self.findings, *self.advice]
        if self.sound:
            size = f"{self.counts['files']} model files ({self.counts['bytes'] / 1e6:.1f} MB)"
            told.append(f"All is well: {self.counts['slices']} slices and {size} are as they must be.")
        if self.outlived:
            told.append(
                f"{len(self.outlived)} files of models that later ones have replaced are missing or altered, "
                f"such as {self.outlived[0]}; nothing needs them."
            )
        if self.orphans:
            told.append(
                f"{len(self.orphans)} files that no row names are left over from crashes; they harm "
                "nothing, and `ledger gc` removes them."
            )
        return told


class _Findings:
    """Sentences with their advice; of one kind only the first ones are kept in words."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._count: Counter[object] = Counter()
        self._advice: dict[str, None] = {}
        self.outlived: list[str] = []

    def add(self, sentence: str, advice: str, kind: object = None) -> None:
        kind = kind or advice
        self._count[kind] += 1
        self._advice[advice] = None
        if self._count[kind] <= SHOWN:
            self._told.append(sentence)

    def verification(self, orphans: tuple[str, ...], counts: Mapping[str, int]) -> Verification:
        more = sum(max(0, count - SHOWN) for count in self._count.values())
        told = (*self._told, *([f"… and {more} more of these kinds"] if more else []))
        return Verification(told, tuple(self._advice), orphans, tuple(self.outlived), counts)


def verify(engine: Engine, store: ArtifactStore) -> Verification:
    """Check the database, what it says of itself, every model file, and files that nobody names.

    Runners may be at work. Model files are listed before the ledger is read, and read outside of
    any transaction: one that lasts for hours would keep SQLite's write-ahead log from shrinking.
    """
    findings = _Findings()
    with reading(engine) as conn:
        damage = quick_check(conn)
    if damage:  # what else a damaged file says is worth nothing
        for each in damage:
            findings.add(f"the database is damaged: {each}", DAMAGED)
        return findings.verification((), {})
    candidates = unnamed(engine, store.files())
    with reading(engine) as conn:
        counts = _check_rows(conn, findings)
        orphans = judge(conn, candidates)
    _check_orphans(orphans, findings)
    counts |= _check_files(engine, store, findings)
    return findings.verification(tuple(file.shown for file in orphans.left_over), counts)


def _check_rows(conn: Connection, findings: _Findings) -> dict[str, int]:
    for kind, sentence in contradictions(conn):
        findings.add(sentence, CONTRADICTORY, kind)
    counts = count_states(conn)
    total = sum(counts[state] for state in Status)
    if total != counts["slices"]:
        findings.add(f"the states add up to {total} slices, but there are {counts['slices']}", CONTRADICTORY)
    return counts


def _check_orphans(orphans: Orphans, findings: _Findings) -> None:
    for each in orphans.unexplained:
        findings.add(each.sentence(), OLDER if each.newer else UNEXPLAINED)


def _check_files(engine: Engine, store: ArtifactStore, findings: _Findings) -> dict[str, int]:
    counts = {"files": 0, "bytes": 0}
    for slice_id, number, is_needed, file in _recorded(engine):
        counts["files"] += 1
        counts["bytes"] += file.bytes
        try:
            store.check(file)
        except ArtifactError as error:
            if is_needed:
                findings.add(f"slice {slice_id!r}, attempt {number}: {error}", ALTERED)
            else:  # whoever trained the slice again, as they were told to, has done all there is to do
                findings.outlived.append(file.path)
    return counts


def _recorded(engine: Engine) -> Iterator[tuple[str, int, bool, Artifact]]:
    """Every model file the ledger names, with its slice and attempt, and whether that is the model to go by.

    That is the champion, and the newest model of a slice; the rows of a file never change.
    """
    key = (artifacts.c.attempt_id, artifacts.c.path)
    columns = (artifacts.c.format, artifacts.c.bytes, artifacts.c.sha256)
    query = (
        select(*key, *columns, attempts.c.slice_id, attempts.c.number, _is_needed())
        .join(attempts, attempts.c.id == artifacts.c.attempt_id)
        .join(slices, slices.c.id == attempts.c.slice_id, isouter=True)
        .where(artifacts.c.removed_at.is_(None))
        .order_by(*key)
        .limit(BATCH)
    )
    after = query
    while True:
        with reading(engine) as conn:
            rows = conn.execute(after).all()
        for row in rows:
            file = Artifact(row.path, row.format, row.bytes, row.sha256)
            yield row.slice_id, row.number, bool(row.is_needed), file
        if len(rows) < BATCH:
            return
        after = query.where(tuple_(*key) > tuple_(rows[-1].attempt_id, rows[-1].path))


def _is_needed() -> ColumnElement[bool]:
    later = attempts.alias()
    replaced = exists().where(
        and_(later.c.slice_id == attempts.c.slice_id, later.c.number > attempts.c.number),
        later.c.outcome.in_(WITH_A_MODEL),
    )
    return or_(slices.c.champion_id == attempts.c.id, ~replaced).label("is_needed")
