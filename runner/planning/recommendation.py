"""Which way to run: one process, several, or several machines. Rules, and nothing but rules."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from ledger.render import span

SLOW = 600.0
"""Seconds of a single model from which on one machine is not enough."""
SHARE = 3
"""The data may take one third of the memory."""


class Way(enum.StrEnum):
    """The ways to run."""

    ONE_PROCESS = "one process"
    SEVERAL_PROCESSES = "several processes"
    SEVERAL_MACHINES = "several machines"


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be done. Times are in seconds, amounts in bytes."""

    seconds: float  # of all slices in one process
    longest: float  # of the slowest slice
    data: int  # that is read
    memory: int  # of this machine
    threshold: float = 3600.0


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A way to run, and the reason in words."""

    way: Way
    reason: str


def recommend(load: Load) -> Recommendation:
    """The recommended way, by three rules; the first that holds decides.

    Several machines where a single model takes over ten minutes, or the time in one process is over
    the threshold and the data over a third of the memory; several processes where only the time is
    over; else one process. Data alone does not ask for more: one table is read at a time.
    """
    long, large = load.seconds > load.threshold, load.data * SHARE > load.memory
    time = f"{span(load.seconds)} in one process are {'over' if long else 'within'} {span(load.threshold)}"
    data = f"the data ({size(load.data)}) is {'over' if large else 'under'} a third of the memory"
    if load.longest > SLOW:
        told = f"a single model takes {span(load.longest)}, over {span(SLOW)}"
        return Recommendation(Way.SEVERAL_MACHINES, told)
    if long and large:
        return Recommendation(Way.SEVERAL_MACHINES, f"{time}, and {data}")
    if long:
        return Recommendation(Way.SEVERAL_PROCESSES, f"{time}; {data}")
    if large:
        return Recommendation(Way.ONE_PROCESS, f"{time}; {data}, but is read a table at a time")
    return Recommendation(Way.ONE_PROCESS, f"{time}, and {data}")


def machines_for(deadline: float, *, busy: float, around: float, longest: float, workers: int) -> int | None:
    """How many machines like this are done by the deadline; None where no number of them is.

    `busy` are the seconds of all workers together, `around` what each machine does besides, and the
    `longest` slice may come last.
    """
    room = deadline - around - (longest if workers > 1 else 0.0)
    if room <= 0 or around + longest > deadline:
        return None
    return max(1, math.ceil(busy / (max(1, workers) * room)))


def size(amount: float) -> str:
    """An amount of bytes in words."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
