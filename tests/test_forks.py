"""A process forked while a ledger is open: a notebook's process pool, a training's own children."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FORKS = """
import os, sys
from ledger.database import reading
from ledger.store import Ledger

def connection(ledger):
    with reading(ledger.engine) as conn:
        return id(conn.connection.driver_connection)

ledger = Ledger.open(sys.argv[1], create=False)
mine = connection(ledger)
pid = os.fork()
if pid == 0:
    with ledger:
        ledger.register_runner({})
        os._exit(3 if connection(ledger) == mine else 0)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status), connection(ledger) == mine, len(ledger.live_runners()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_opens_the_ledger_for_itself_and_leaves_its_parents_connection_alone(place):
    words = [sys.executable, "-c", FORKS, place]
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )

    assert (done.stdout.split(), done.stderr) == (["0", "True", "1"], "")
