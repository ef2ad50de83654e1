"""A door between a program and PostgreSQL's socket, which a test can slam at a COMMIT."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Moment = Literal["before", "during", "after"]
"""Before the server gets the COMMIT; when it has done it, but has not said so; when it has said so."""

SOCKET = ".s.PGSQL.5432"


class Door:
    """Lets every byte pass, but breaks one connection at its nth COMMIT while `is_armed` says yes."""

    def __init__(self, behind: Path, moment: Moment, nth: int, is_armed: Callable[[], bool]) -> None:
        self._behind = behind
        self._moment = moment
        self._left = nth
        self._is_armed = is_armed

    @property
    def slammed(self) -> bool:
        """Whether it has happened."""
        return self._left <= 0

    def let_in(self, program: socket.socket) -> None:
        """Connect one program with the server, until one of them leaves."""
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self._behind))
        passage = _Passage(program, server)
        threading.Thread(target=passage.answers).start()
        passage.questions(self._at_commit)

    def _at_commit(self) -> Moment | None:
        if self.slammed or not self._is_armed():
            return None
        self._left -= 1
        return self._moment if self.slammed else None


class _Passage:
    def __init__(self, program: socket.socket, server: socket.socket) -> None:
        self._program = program
        self._server = server
        self._moment: Moment | None = None

    def questions(self, at_commit: Callable[[], Moment | None]) -> None:
        while data := _received(self._program):
            if b"COMMIT" in data:
                self._moment = at_commit()
            if self._moment == "before":
                break
            self._server.sendall(data)
        self._close()

    def answers(self) -> None:
        while data := _received(self._server):
            if self._moment != "during":
                with contextlib.suppress(OSError):
                    self._program.sendall(data)
            if self._moment is not None:
                break
        self._close()

    def _close(self) -> None:
        for side in (self._program, self._server):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()


def _received(side: socket.socket) -> bytes:
    try:
        return side.recv(65_536)
    except OSError:
        return b""


@contextmanager
def door(
    url: str, folder: Path, moment: Moment, nth: int, is_armed: Callable[[], bool]
) -> Iterator[tuple[str, Door]]:
    """Open a door to the server of `url`; yield the URL that leads through it, and the door."""
    (behind,) = parse_qs(urlsplit(url).query)["host"]
    made = Door(Path(behind) / SOCKET, moment, nth, is_armed)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / SOCKET))
        listening.listen()
        guard = threading.Thread(target=_guard, args=(listening, made))
        guard.start()
        try:
            yield url.replace(behind, str(folder)), made
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            guard.join()


def _guard(listening: socket.socket, made: Door) -> None:
    while True:
        try:
            program, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=made.let_in, args=(program,)).start()
