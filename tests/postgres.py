"""A temporary PostgreSQL server on a local socket, for the tests that need one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

OPTIONS = (
    "fsync=off synchronous_commit=off full_page_writes=off max_wal_size=128MB "
    "max_connections=50 listen_addresses=''"
)
MEMORY = Path("/dev/shm")
"""A database is copied there in 15 ms, in a folder on a disk in 350."""
ENOUGH = 2**30


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl, None where PostgreSQL's server is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = [folder for folder in folders if (folder / "initdb").exists()]
    if found:
        return found[0]
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def required() -> Path:
    """The folder of initdb and pg_ctl; without them a test is skipped, or fails where CI_POSTGRES is 1."""
    found = binaries()
    if found is None and os.environ.get("CI_POSTGRES") == "1":
        pytest.fail("PostgreSQL's server is not installed, and CI_POSTGRES=1 says that it must be")
    if found is None:
        pytest.skip("PostgreSQL's server is not installed")
    return found


class Server:
    """A server that a test may stop and start again; its data are in a folder of its own."""

    def __init__(self, bin_folder: Path, folder: Path) -> None:
        self._bin = bin_folder
        self._folder = folder
        self.url = f"postgresql+psycopg://tests@/postgres?host={folder}"

    def make(self) -> None:
        """Write the files of an empty server."""
        self._run("initdb", "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start, and return when it takes connections."""
        options = " ".join(f"-c {option}" for option in OPTIONS.split())
        options += f" -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(self._folder / "log"), "start")

    def stop(self) -> None:
        """Stop at once, as a machine that loses power does: every connection breaks."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *words: str) -> None:
        # The server refuses to run as root.
        user = {"user": "nobody", "group": "nogroup", "extra_groups": ()} if os.geteuid() == 0 else {}
        command = [str(self._bin / program), "-D", str(self._folder / "data"), *words]
        done = subprocess.run(
            command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **user
        )
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace"))


@contextmanager
def server(bin_folder: Path) -> Iterator[Server]:
    """A server that runs; it is gone afterwards."""
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    parent = MEMORY if in_memory else "/tmp"  # a socket's path must be short
    with tempfile.TemporaryDirectory(prefix="pg-", dir=parent, ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        made = Server(bin_folder, Path(folder))
        made.make()
        made.start()
        try:
            yield made
        finally:
            made.stop()


class Databases:
    """Databases of their own for tests, copied from one that a ledger was made in."""

    TEMPLATE = "migrated"

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self._made = 0

    def empty(self, name: str | None = None) -> str:
        """Make a database without tables and return its URL."""
        return self._make(name or self._next())

    def migrated(self) -> str:
        """Make a database with an empty ledger and return its URL."""
        return self._make(self._next(), template=self.TEMPLATE)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        name = url.partition("@/")[2].partition("?")[0]
        self._say(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """Let go of the server."""
        self._engine.dispose()

    def _next(self) -> str:
        self._made += 1
        return f"made_{self._made}"

    def _make(self, name: str, template: str = "template1") -> str:
        self._say(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._url.replace("@/postgres?", f"@/{name}?")

    def _say(self, sql: str) -> None:
        with self._engine.connect() as conn:
            conn.execute(text(sql))
