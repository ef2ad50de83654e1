"""The ledger as one object: each method is one event in one transaction."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from sqlalchemy import Engine, select

from ledger import migrate
from ledger.database import ledger_url, open_engine, reading, sqlite_path, writing
from ledger.errors import AccessError
from ledger.schema import settings


class Ledger:
    """What must be trained, what happened, and what is live.

    `Ledger.open("ledger.db")` or a PostgreSQL URL; use it as a context manager or `close()` it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, ledger: str | Path = "ledger.db", *, create: bool = True, durable: bool = False) -> Ledger:
        """Open a ledger, or make one where there is none and `create` allows it.

        Raises SchemaError for another schema, NotALedgerError for another program's file, and
        AccessError when there is no ledger and `create` is False.
        """
        url = ledger_url(ledger)
        path = sqlite_path(url)
        if path is not None:
            _require_file(path, create=create)
        engine = open_engine(url, durable=durable)
        name = str(ledger)
        with reading(engine) as conn:
            revision = migrate.revision_of(conn)
        if revision is None and not create:
            raise AccessError(f"there is no ledger in {_shown(engine)}; `ledger import split.csv` makes one")
        if revision is None:
            with writing(engine) as conn:
                migrate.upgrade(conn)
        else:
            migrate.require_current(revision, name)
        return cls(engine)

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for questions of your own."""
        return self._engine

    @property
    def path(self) -> Path | None:
        """The SQLite file, None for PostgreSQL."""
        return sqlite_path(self._engine.url)

    def setting(self, key: str) -> str | None:
        """The value of one setting, None when it is not set."""
        with reading(self._engine) as conn:
            return conn.execute(select(settings.c.value).where(settings.c.key == key)).scalar_one_or_none()

    def artifact_root(self) -> str:
        """Where model files are: the setting, else the folder `artifacts` beside the SQLite file."""
        beside = (self.path.parent if self.path else Path.cwd()) / "artifacts"
        return self.setting("artifact_root") or str(beside)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _shown(engine: Engine) -> str:
    return str(sqlite_path(engine.url) or engine.url.render_as_string(hide_password=True))


def _require_file(path: Path, *, create: bool) -> None:
    if path.exists():
        return
    if not create:
        raise AccessError(f"there is no ledger {path}; `ledger import split.csv` makes one")
    if not path.parent.is_dir():
        raise AccessError(f"the folder {path.parent} of the ledger does not exist; create it first")
