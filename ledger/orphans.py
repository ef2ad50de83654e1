"""Model files that no row names: which there are, and what each of them tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Engine, select

from ledger.database import reading
from ledger.inventory import StoredFile
from ledger.placement import Origin, digest_of, is_probe, origin_of
from ledger.schema import artifacts, attempts, slices
from ledger.status import Outcome

BATCH = 1_000
WITH_A_MODEL = (Outcome.SUCCEEDED, Outcome.REJECTED)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A file that the ledger cannot explain: rows are missing that were there when it was written."""

    file: StoredFile
    attempt: int
    slice_id: str | None  # None: of no slice of this ledger
    last_attempt: int  # the last one of the slice that the ledger knows
    outcome: Outcome | None  # None: the ledger does not know the attempt

    @property
    def newer(self) -> bool:
        """Whether it was written after all that the ledger knows of its slice."""
        return self.slice_id is None or self.attempt > self.last_attempt

    def sentence(self) -> str:
        """What is wrong, in words."""
        if self.slice_id is None:
            return (
                f"the file {self.file.shown} is of a slice that the ledger does not know: the ledger is older"
            )
        whose = f"slice {self.slice_id!r}: the file {self.file.shown} is of attempt {self.attempt}"
        if self.newer:
            return f"{whose}, but the ledger knows {self.last_attempt} attempts only: the ledger is older"
        if self.outcome is None:
            return f"{whose}, of which the ledger has no row"
        return f"{whose}, which {self.outcome}, but no row names the file"


@dataclass(frozen=True, slots=True)
class Orphans:
    """Files that no row names, told apart.

    Files of attempts that run are none of these, nor are files that this program did not write.
    """

    left_over: tuple[StoredFile, ...]  # of attempts that ended without a model: harmless
    unexplained: tuple[Unexplained, ...]
    probes: tuple[StoredFile, ...]  # written to see whether files can be; gone at once, but for a crash


def unnamed(engine: Engine, files: Iterable[StoredFile]) -> list[StoredFile]:
    """Those of `files` that no row named just after they were listed.

    A file that is being written will have its row later: what this returns is for `judge`. A row is
    never taken back, so what it leaves out has an owner for good; memory holds the others only.
    """
    found: list[StoredFile] = []
    for batch in _batches(files):
        with reading(engine) as conn:
            named = _named(conn, batch)
        found += [file for file in batch if file.path not in named]
    return found


def judge(conn: Connection, files: Sequence[StoredFile]) -> Orphans:
    """Tell apart `files`, which must have been listed before the transaction of `conn` began.

    An attempt is in the ledger before it writes its first file, and its files have their rows when
    it ends: seen in this order, an attempt that is not running and names a file not never will.
    """
    theirs: dict[str, list[tuple[Origin, StoredFile]]] = defaultdict(list)
    probes = []
    named = {path for batch in _batches(files) for path in _named(conn, batch)}
    for file in files:
        if file.path in named:
            continue
        origin = origin_of(file.path)
        if origin is not None:
            theirs[origin.digest].append((origin, file))
        elif is_probe(file.path):
            probes.append(file)
    left_over, unexplained = _explained(conn, theirs)
    return Orphans(tuple(left_over), tuple(unexplained), tuple(probes))


def _explained(
    conn: Connection, theirs: dict[str, list[tuple[Origin, StoredFile]]]
) -> tuple[list[StoredFile], list[Unexplained]]:
    known = _slices_of(conn, theirs)
    outcomes = _outcomes(conn, [slice_id for slice_id, _ in known.values()])
    left_over: list[StoredFile] = []
    unexplained: list[Unexplained] = []
    for digest, files in theirs.items():
        slice_id, last = known.get(digest, (None, 0))
        for origin, file in files:
            outcome = outcomes.get((slice_id, origin.attempt))
            if outcome is Outcome.RUNNING:
                continue
            if outcome is None or (outcome in WITH_A_MODEL and not origin.temporary):
                unexplained.append(Unexplained(file, origin.attempt, slice_id, last, outcome))
            else:
                left_over.append(file)
    return left_over, unexplained


def _slices_of(conn: Connection, digests: Iterable[str]) -> dict[str, tuple[str, int]]:
    """The id and the last attempt of each slice that is known by one of these digests."""
    wanted = set(digests)
    if not wanted:
        return {}
    rows = conn.execute(select(slices.c.id, slices.c.attempt).execution_options(yield_per=BATCH))
    found = ((digest_of(slice_id), (slice_id, attempt)) for slice_id, attempt in rows)
    return {digest: known for digest, known in found if digest in wanted}


def _outcomes(conn: Connection, slice_ids: Sequence[str]) -> dict[tuple[str | None, int], Outcome]:
    columns = (attempts.c.slice_id, attempts.c.number, attempts.c.outcome)
    return {
        (slice_id, number): Outcome(outcome)
        for batch in _batches(slice_ids)
        for slice_id, number, outcome in conn.execute(select(*columns).where(attempts.c.slice_id.in_(batch)))
    }


def _named(conn: Connection, files: Sequence[StoredFile]) -> set[str]:
    paths = [file.path for file in files if file.path == file.shown]  # no row can name another one
    return set(conn.execute(select(artifacts.c.path).where(artifacts.c.path.in_(paths))).scalars())


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
