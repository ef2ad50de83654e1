"""The options of a run, and how one value is chosen among those given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from runner.errors import OptionError

DEFAULT_TRAINER = "arima"
ONCE = frozenset({"limit", "time_limit"})
"""Options that bound one command and are not taken up by `--resume`."""
LEAST: dict[str, int | float] = {
    "max_attempts": 1,
    "memory_limit": 1,
    "limit": 1,
    "seed": 0,
    "timeout": 0.001,
    "time_limit": 0.001,
    "grace": 0.0,
    "backoff": 0.0,
    "backoff_limit": 0.0,
}
"""The smallest value of each number; a whole one where that is whole."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run does. Times are in seconds."""

    workers: int | str = "auto"  # 0 trains in this process
    trainer: str | None = None
    worker: str | None = None  # the user's worker file
    params: Mapping[str, str] = field(default_factory=dict)
    gates: tuple[str, ...] = ()
    timeout: float | None = None
    memory_limit: int | None = None  # bytes, of each worker process
    max_attempts: int = 3
    backoff: float = 1.0
    backoff_limit: float = 30.0
    grace: float = 30.0  # how long a stopped run waits for what is being trained
    limit: int | None = None
    time_limit: float | None = None
    seed: int = 0
    start: str = "auto"  # how workers start: forkserver, spawn, or the better one that works here
    time_column: str | None = None
    separator: str | None = None
    databases: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The options as JSON values, for the ledger; without URLs, which may hold secrets."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value not in (None, {}, ()) and name != "databases"
        }


def resolve(
    *, given: Mapping[str, Any], last: Mapping[str, Any] | None, file: Mapping[str, Any]
) -> RunOptions:
    """Choose each option: the given one, else the interrupted run's, else the file's, else the default.

    `given` comes from the command line or the environment, and may hold None for what was not
    given. Raises OptionError for a value that cannot be.
    """
    known = {option.name for option in fields(RunOptions)}
    taken_up = {name: value for name, value in (last or {}).items() if name not in ONCE and name in known}
    chosen = {
        **file,
        **taken_up,
        **{name: value for name, value in given.items() if value not in (None, (), {})},
    }
    if given.get("trainer") and not given.get("worker"):
        chosen.pop("worker", None)  # another choice of the same thing
    elif given.get("worker") and not given.get("trainer"):
        chosen.pop("trainer", None)
    chosen["gates"] = tuple(chosen.get("gates", ()))
    if isinstance(chosen.get("worker"), str):
        chosen["worker"] = str(Path(chosen["worker"]).absolute())  # `--resume` may come from elsewhere
    options = RunOptions(**chosen)
    _require_sense(options)
    return options


def _require_sense(options: RunOptions) -> None:
    if options.workers != "auto" and not (isinstance(options.workers, int) and options.workers >= 0):
        raise OptionError(f"workers is {options.workers!r}; it is a number from 0 up, or auto")
    if options.start not in ("auto", "forkserver", "spawn"):
        raise OptionError(f"start is {options.start!r}; it is auto, forkserver or spawn")
    for name, least in LEAST.items():
        value = getattr(options, name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int if isinstance(least, int) else (int, float)):
            raise OptionError(f"{name.replace('_', '-')} is {value!r}; it is a number")
        if value < least:
            raise OptionError(f"{name.replace('_', '-')} is {value}; it is at least {least}")
    for name in ("trainer", "worker", "time_column", "separator"):
        if not isinstance(getattr(options, name), str | None):
            raise OptionError(f"{name.replace('_', '-')} is {getattr(options, name)!r}; it is text")
    if options.worker is not None and not Path(options.worker).is_file():
        raise OptionError(f"there is no worker file {options.worker}")


def parse_seconds(written: str | None, option: str) -> float | None:
    """Turn `90`, `90s`, `15m`, `8h` or `2d` into seconds. Raises OptionError for anything else."""
    if written is None:
        return None
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (written[:-1], written[-1]) if written[-1:] in units else (written, "s")
    try:
        return float(number) * units[unit]
    except ValueError:
        raise OptionError(f"--{option} {written!r} is no time; write 90s, 15m, 8h or 2d") from None


def parse_bytes(written: str | None, option: str) -> int | None:
    """Turn `900MB`, `2GB` or `1.5GB` into bytes. Raises OptionError for anything else."""
    if written is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", written.strip(), re.IGNORECASE)
    if match is None:
        raise OptionError(f"--{option} {written!r} is no amount of memory; write 900MB or 2GB")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def parse_workers(written: str | None) -> int | str | None:
    """Turn `auto` or a number into an option. Raises OptionError for anything else."""
    if written is None or written == "auto":
        return written
    try:
        return int(written)
    except ValueError:
        raise OptionError(f"--workers {written!r} is neither a number nor auto") from None
