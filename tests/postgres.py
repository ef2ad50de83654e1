"""A temporary PostgreSQL server on a local socket, for the tests that need one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl, None where PostgreSQL's server is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = [folder for folder in folders if (folder / "initdb").exists()]
    if found:
        return found[0]
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@contextmanager
def server(bin_folder: Path) -> Iterator[str]:
    """Start a server in a folder of its own and yield its URL; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        _run(
            folder, bin_folder / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"
        )
        url = f"postgresql+psycopg://tests@/postgres?host={folder}"
        start(bin_folder, url)
        try:
            yield url
        finally:
            stop(bin_folder, url)


def start(bin_folder: Path, url: str) -> None:
    """Start the server of `url`, which was stopped."""
    folder = _folder(url)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=50"
    data = Path(folder) / "data"
    _run(folder, bin_folder / "pg_ctl", "-D", data, "-w", "-o", options, "-l", data / "log", "start")


def stop(bin_folder: Path, url: str) -> None:
    """Stop the server of `url` at once, as a crash would."""
    folder = _folder(url)
    _run(folder, bin_folder / "pg_ctl", "-D", Path(folder) / "data", "-m", "immediate", "stop")


def _folder(url: str) -> str:
    return url.partition("host=")[2]


def _run(folder: str, *words: str | Path) -> None:
    # The server refuses to run as root.
    user = {"user": "nobody", "group": "nogroup", "extra_groups": ()} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **user
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))
