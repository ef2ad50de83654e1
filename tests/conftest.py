"""Real ledgers in temporary folders, a clock turned by hand, and slices with only what matters named."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import settings
from sqlalchemy import insert, select

from ledger.database import writing
from ledger.schema import imports, runners, slices
from ledger.store import Ledger
from tests import postgres

# The same examples in every run; more and other ones with `--hypothesis-profile explore`.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=2_000)
settings.load_profile("same")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


class Clock:
    """The time of a test: it moves only when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public series, for the tests that run on real data."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the public series are not beside this checkout (../shared/data)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of an empty database on a temporary PostgreSQL server."""
    with postgres.server(postgres.required()) as running:
        yield running.url


@pytest.fixture(scope="session")
def databases(postgres_url: str) -> Iterator[postgres.Databases]:
    """Makes PostgreSQL ledgers by copying one that was migrated: faster than migrating for every test."""
    with closing(postgres.Databases(postgres_url)) as made:
        Ledger.open(made.empty(made.TEMPLATE)).close()
        yield made


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own current folder: there a PostgreSQL ledger keeps its models."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def new_database(databases: postgres.Databases, own_folder: None) -> Iterator[Callable[[], str]]:
    """Make an empty database on the temporary PostgreSQL server and return its URL."""
    made: list[str] = []

    def make() -> str:
        made.append(databases.empty())
        return made[-1]

    yield make
    for url in made:
        databases.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Name a place where no ledger is yet: a test that asks for it runs on both databases."""
    if request.param == "postgresql":
        return cast(Callable[[], str], request.getfixturevalue("new_database"))
    numbers = count(1)
    return lambda: str(tmp_path / f"place-{next(numbers)}.db")


@pytest.fixture(scope="session")
def blank_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite ledger: copying it is faster than migrating for every test."""
    path = tmp_path_factory.mktemp("blank") / "ledger.db"
    Ledger.open(path).close()
    return path


@pytest.fixture
def sqlite_place(blank_ledger: Path, tmp_path: Path) -> str:
    """The path of an empty ledger in SQLite."""
    return shutil.copy(blank_ledger, tmp_path / "ledger.db").as_posix()


@pytest.fixture
def postgres_place(databases: postgres.Databases, own_folder: None) -> Iterator[str]:
    """The URL of an empty ledger in a PostgreSQL database of its own."""
    url = databases.migrated()
    yield url
    databases.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> str:
    """Where an empty ledger is: every test that asks for it runs on both databases."""
    which = {"sqlite": "sqlite_place", "postgresql": "postgres_place"}[request.param]
    return str(request.getfixturevalue(which))


@pytest.fixture
def ledger(place: str) -> Iterator[Ledger]:
    """An empty ledger, in SQLite and then in PostgreSQL."""
    with Ledger.open(place, create=False) as opened:
        yield opened


@pytest.fixture
def sqlite_ledger(sqlite_place: str) -> Iterator[Ledger]:
    """An empty ledger in SQLite, for the tests of its own rules."""
    with Ledger.open(sqlite_place, create=False) as opened:
        yield opened


@pytest.fixture
def make_slice(ledger: Ledger, clock: Clock) -> Callable[..., str]:
    """Put one slice into the ledger: the test names only the columns that matter."""

    def make(id: str | None = None, **columns: Any) -> str:
        with writing(ledger.engine) as conn:
            import_id = conn.execute(select(imports.c.id).limit(1)).scalar() or _an_import(conn, clock)
            if columns.get("status") == "running":
                columns.setdefault("runner_id", _a_runner(conn, clock))
            if columns.get("status") == "waiting":
                columns.setdefault("not_before", clock.now)
            there = len(conn.execute(select(slices.c.position)).all())
            row = {
                "id": str(there + 1) if id is None else id,
                "file": "series.csv",
                "train_from": "0",
                "train_to": "9",
                "test_from": "10",
                "test_to": "14",
                "spec_hash": "0",
                "import_id": import_id,
                **columns,
            }
            conn.execute(insert(slices).values(row))
            return str(row["id"])

    return make


def _an_import(conn: Any, clock: Clock) -> int:
    counts = {"rows": 0, "added": 0, "changed": 0, "unchanged": 0, "retired": 0}
    row = {"path": "/data/split.csv", "folder": "/data", "imported_at": clock.now, **counts}
    return int(conn.execute(insert(imports).values(row)).inserted_primary_key[0])


def _a_runner(conn: Any, clock: Clock) -> int:
    who = {"host": "h", "boot_id": "b", "pid_namespace": "n", "pid": 1, "pid_started": "0", "version": "0"}
    row = {"started_at": clock.now, "heartbeat_at": clock.now, "options": "{}", **who}
    return int(conn.execute(insert(runners).values(row)).inserted_primary_key[0])
