"""The options of a drift run, and where each of them comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ledger.drift.records import Which
from runner.driftrun.detectors import PANEL, absolute
from runner.errors import OptionError

OF_A_RUN = ("worker", "time_column", "separator", "config", "detector", "start")
"""Options that the last training run had, and that its data is read with here too."""
FEWEST = 100
LEAST: dict[str, float] = {"workers": 0, "window": FEWEST, "timeout": 0.001}


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """What a drift run does. Times are in seconds."""

    workers: int | str = "auto"  # 0 checks in this process
    window: int | None = None  # rows, None for what suits the season
    detector: str = PANEL
    confirm: str | None = None  # residual
    q: float = 0.05  # the false discovery rate of all checks together
    timeout: float | None = 600.0  # for the slices of one table or file
    worker: str | None = None  # the user's file, for its get_data
    start: str = "auto"
    time_column: str | None = None
    separator: str | None = None
    config: str | None = None
    ids: tuple[str, ...] = ()
    where: str | None = None
    databases: Mapping[str, str] = field(default_factory=dict)

    @property
    def which(self) -> Which:
        """Which slices are checked."""
        return Which(self.ids, self.where)

    def as_json(self) -> dict[str, Any]:
        """The options as JSON values, for the ledger; without URLs, which may hold secrets."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value not in (None, {}, ()) and name != "databases"
        }


def resolve(*, given: Mapping[str, Any], file: Mapping[str, Any], last: Mapping[str, Any]) -> DriftOptions:
    """Choose each option: the given one, else that of runner.toml, else that of the last training run.

    Raises OptionError for a value that cannot be.
    """
    known = {each.name for each in fields(DriftOptions)}
    chosen = {name: value for name, value in last.items() if name in OF_A_RUN}
    chosen |= {name: value for name, value in file.items() if name in known}
    return of(chosen | dict(given))


def of(chosen: Mapping[str, Any]) -> DriftOptions:
    """The options with these values. Raises OptionError for one that cannot be."""
    named = dict(chosen)
    for name in ("worker", "config"):
        if named.get(name) is not None:
            named[name] = str(Path(named[name]).absolute())  # `--resume` may come from elsewhere
    if named.get("detector") is not None:
        named["detector"] = absolute(named["detector"])
    options = DriftOptions(**named | {"ids": tuple(named.get("ids", ()))})
    _require_sense(options)
    return options


def _require_sense(options: DriftOptions) -> None:
    for name, least in LEAST.items():
        value = getattr(options, name)
        if isinstance(value, (int, float)) and value < least:
            raise OptionError(f"{name} is {value}; it is at least {least}")
    if not 0 < options.q < 1:
        raise OptionError(f"q is {options.q}; it is a share such as 0.05")
    if options.confirm not in (None, "residual"):
        raise OptionError(f"confirm is {options.confirm!r}; it is residual")
    if options.start not in ("auto", "forkserver", "spawn"):
        raise OptionError(f"start is {options.start!r}; it is auto, forkserver or spawn")
    if options.worker is not None and not Path(options.worker).is_file():
        raise OptionError(f"there is no worker file {options.worker}")
