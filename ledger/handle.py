"""An open ledger: where it is, what it calls itself, and its state as a file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import Engine, select

from ledger import migrate, soundness
from ledger.checkpoint import checkpoint, log_fills_disk
from ledger.database import ON_NETWORK, ledger_url, open_engine, reading, shown, sqlite_path, writing
from ledger.errors import AccessError, GoneError, NotALedgerError
from ledger.schema import settings

if TYPE_CHECKING:
    from ledger.artifacts import ArtifactStore


class Handle:
    """A ledger that is open; a context manager."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._clock = clock
        self._path = sqlite_path(engine.url)
        self._opened = _inode(self._path) if self._path else None
        self._known_sound = False  # the file is whole for certain; SQLite need not read all of it

    @classmethod
    def open(
        cls,
        ledger: str | Path = "ledger.db",
        *,
        create: bool = True,
        durable: bool = False,
        read_only: bool = False,
    ) -> Self:
        """Open a ledger, or make one where there is none and `create` allows it.

        `durable` waits for the disk at every event; `read_only` refuses every write.
        Raises SchemaError for another schema, NotALedgerError for another program's file, and
        AccessError when there is no ledger and `create` is False.
        """
        url = ledger_url(ledger)
        path = sqlite_path(url)
        known_sound = False
        if path is not None:
            _require_file(path, create=create)
            # Asked first: a connection that closes may already change the file.
            known_sound = not path.exists() or soundness.is_known(path)
        found = migrate.revision_at(url)
        engine = open_engine(url, durable=durable, read_only=read_only)
        try:
            _require_schema(engine, found, create=create)
        except BaseException:
            engine.dispose()
            raise
        opened = cls(engine)
        if known_sound:
            opened._is_sound(noted=not read_only)
        return opened

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for questions of your own."""
        return self._engine

    @property
    def name(self) -> str:
        """The file or URL of the ledger, without a password."""
        return shown(self._engine.url)

    @property
    def option(self) -> str:
        """What a command needs to find this ledger: nothing for `ledger.db` in the current folder."""
        if self.path is not None and self.path == Path("ledger.db").absolute():
            return ""
        return f" --ledger {shlex.quote(self.name)}"

    @property
    def path(self) -> Path | None:
        """The SQLite file, None for PostgreSQL."""
        return self._path

    def now(self) -> datetime:
        """The time by this ledger's clock (UTC)."""
        return self._clock()

    def setting(self, key: str) -> str | None:
        """The value of one setting, None when it is not set."""
        with reading(self._engine) as conn:
            return conn.execute(select(settings.c.value).where(settings.c.key == key)).scalar_one_or_none()

    def uuid(self) -> str:
        """The identity of this ledger; its model files lie under it."""
        return self.setting("uuid") or ""

    def artifact_root(self) -> str:
        """Where model files are: the setting, else the folder `artifacts` beside the SQLite file."""
        beside = (self.path.parent if self.path else Path.cwd()) / "artifacts"
        return self.setting("artifact_root") or str(beside)

    def artifact_store(self) -> ArtifactStore:
        """The model files of this ledger."""
        from ledger.artifacts import ArtifactStore

        return ArtifactStore(self.artifact_root(), self.uuid())

    def require_local(self) -> None:
        """Raise AccessError for a SQLite file on a network file system, unless LEDGER_ON_NETWORK is 1."""
        if self.path is None or os.environ.get(ON_NETWORK) == "1":
            return
        from ledger.surroundings import all_mounts, place
        from ledger.symptoms import network

        where = place("the ledger", self.path, all_mounts())
        # Sandboxes have their own disk behind 9p: `ledger doctor` names it, and no more.
        if where.mount is not None and where.mount.kind != "9p":
            for symptom in network(where, is_ledger=True):
                raise AccessError(
                    f"{symptom.sentence} With {ON_NETWORK}=1 for every command it is kept without a log, "
                    "slower; then let one machine alone work on it."
                )

    def require_sound(self) -> None:
        """Raise NotALedgerError when SQLite's own check finds the file damaged; nothing on PostgreSQL.

        It reads the whole file, and so is left out where the file is known to be whole: after a stop
        that was clean, or a kill that left its log (ledger/soundness.py).
        """
        if self.path is None or self._known_sound:
            return
        with reading(self._engine) as conn:
            damage = soundness.quick_check(conn)
        if damage:
            raise NotALedgerError(
                f"the ledger {self.path} is damaged ({damage[0]}); restore a backup, or save what is "
                f"readable with `sqlite3 {self.path} .recover`"
            )
        self._is_sound(noted=True)

    def _is_sound(self, *, noted: bool) -> None:
        self._known_sound = True
        if noted and self.path is not None:
            soundness.note_at_work(self.path)

    def require_present(self) -> None:
        """Raise GoneError when the file that was opened is no longer where it was."""
        if self.path is not None and _inode(self.path) != self._opened:
            raise GoneError(
                f"the ledger {self.path} was removed or replaced while it was in use; put it back "
                "(or restore a backup), then go on with `runner run --resume`"
            )

    def checkpoint(self, *, larger_than: int = 0) -> None:
        """Move SQLite's write-ahead log into the file once it has grown; nothing on PostgreSQL."""
        checkpoint(self._engine, larger_than=larger_than, known_sound=self._known_sound)

    def spare_disk(self) -> None:
        """Empty SQLite's write-ahead log while there is room for that, where it would fill the disk."""
        if self.path is not None and log_fills_disk(self.path):
            self.checkpoint()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()
        if self._known_sound and self.path is not None and self.path.exists():
            soundness.note_closed(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _require_schema(engine: Engine, revision: str | None, *, create: bool) -> None:
    if revision is not None:
        migrate.require_current(revision, shown(engine.url))
    elif create:
        with writing(engine) as conn:
            migrate.upgrade(conn)
    else:
        raise AccessError(f"there is no ledger in {shown(engine.url)}; `ledger import split.csv` makes one")


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _require_file(path: Path, *, create: bool) -> None:
    if path.exists():
        return
    if not create:
        raise AccessError(f"there is no ledger {path}; `ledger import split.csv` makes one")
    if not path.parent.is_dir():
        raise AccessError(f"the folder {path.parent} of the ledger does not exist; create it first")
