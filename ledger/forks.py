"""Connections stay with the process that made them: a child that is forked opens its own."""

from __future__ import annotations

import os
import weakref

from sqlalchemy import Engine, Pool

_ENGINES: weakref.WeakSet[Engine] = weakref.WeakSet()
_INHERITED: list[Pool] = []
"""Kept, for Python closes a connection that nobody names any more."""


def not_across_forks(engine: Engine) -> Engine:
    """The same engine; in a forked child it forgets the connections of its parent, and closes none.

    Two processes that talk over one connection to PostgreSQL hear each other's answers, and a SQLite
    file that is open across a fork may be damaged (https://www.sqlite.org/howtocorrupt.html, 2.6).
    """
    _ENGINES.add(engine)
    return engine


def _forget_connections() -> None:
    for engine in list(_ENGINES):
        _INHERITED.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_connections)
