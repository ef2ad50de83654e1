"""The options of a run, and how one value is chosen among those given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runner.driftrun.detectors import PANEL, absolute
from runner.errors import OptionError
from runner.labels import LabelFile, is_label_file

DEFAULT_TRAINER = "arima"
ONCE = frozenset({"limit", "time_limit"})
"""Options that bound one command and are not taken up by `--resume`."""
LEAST: dict[str, float] = {
    "workers": 0,
    "max_attempts": 1,
    "memory_limit": 1,
    "per_source": 1,
    "limit": 1,
    "seed": 0,
    "timeout": 0.001,
    "time_limit": 0.001,
    "grace": 0.0,
    "backoff": 0.0,
    "backoff_limit": 0.0,
    "tolerance": 0.0,
}
MOST: dict[str, float] = {"seed": 2**32 - 1}
"""The smallest and the largest value of a number."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run does. Times are in seconds."""

    workers: int | str = "auto"  # 0 trains in this process
    trainer: str | None = None
    worker: str | None = None  # the user's worker file
    params: Mapping[str, str] = field(default_factory=dict)
    gates: tuple[str, ...] = ()
    compare: str | None = None  # the metric by which a new model must be no worse than the champion
    tolerance: float = 0.0  # how much worse it may be, as a share of the champion's score
    timeout: float | None = None
    memory_limit: int | None = None  # bytes, of each worker process
    max_attempts: int = 3
    backoff: float = 1.0
    backoff_limit: float = 30.0
    grace: float = 30.0  # how long a stopped run waits for what is being trained
    per_source: int | None = None  # workers that read one database at the same time
    limit: int | None = None
    time_limit: float | None = None
    seed: int = 0
    durable: bool = False  # waits for the disk at every event, as PostgreSQL always does
    start: str = "auto"  # how workers start: forkserver, spawn, or the better one that works here
    time_column: str | None = None
    separator: str | None = None
    detector: str = PANEL  # what keeps a profile of the data, for drift checks: panel, or file.py:Name
    profile: bool = True  # whether one is kept
    labels: str | None = None  # a column, or a .csv file of ranges: what the models are measured by
    config: str | None = None  # the file that names databases, where it is not runner.toml
    databases: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The options as JSON values, for the ledger; without URLs, which may hold secrets."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value not in (None, {}, ()) and name != "databases"
        }

    def words(self) -> str:
        """The options as one would type them, those at their defaults left out."""
        words: list[str] = []
        for name, value in self.as_json().items():
            flag = f"--{name.replace('_', '-')}"
            if name == "profile":
                words += [] if value else ["--no-profile"]
            elif value is True:
                words.append(flag)
            elif isinstance(value, Mapping):
                words += [f"--param {key}={text}" for key, text in value.items()]
            elif isinstance(value, (list, tuple)):
                words += [f'--gate "{gate}"' for gate in value]
            elif value != getattr(RunOptions(), name):
                words.append(f"{flag} {value}")
        return " ".join(words) or "the default options"


def resolve(
    *,
    given: Mapping[str, Any],
    file: Mapping[str, Any],
    last: Mapping[str, Any] | None = None,
    interrupted: bool = True,
) -> RunOptions:
    """Choose each option: the given one, else another source's, else the default.

    `given` comes from the command line or a notebook, `normalised`. The options of an `interrupted`
    run, which is to go on as it was, come before those of the `file`; those of one that had
    finished come after them. Parameters are merged one by one; they fall with the trainer they were
    meant for. Raises OptionError for a value that cannot be.
    """
    taken_up = {name: value for name, value in (last or {}).items() if name not in ONCE}
    sources = [file, taken_up] if interrupted else [taken_up, file]
    chosen: dict[str, Any] = {}
    for source in (*sources, given):
        chosen = _over(chosen, source)
    if chosen.get("worker") is not None:
        chosen["worker"] = str(Path(chosen["worker"]).absolute())  # `--resume` may come from elsewhere
    if chosen.get("config") is not None:
        chosen["config"] = str(Path(chosen["config"]).absolute())
    if chosen.get("labels") is not None and is_label_file(chosen["labels"]):
        chosen["labels"] = str(Path(chosen["labels"]).absolute())
    if chosen.get("detector") is not None:
        chosen["detector"] = absolute(chosen["detector"])
    options = RunOptions(**chosen | {"gates": tuple(chosen.get("gates", ()))})
    _require_sense(options)
    return options


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one source of options over another. A trainer and a worker file replace each other."""
    kept = dict(below)
    for name, other in (("trainer", "worker"), ("worker", "trainer")):
        if name in above:
            if above[name] != below.get(name):
                kept.pop("params", None)
            if other not in above:
                kept.pop(other, None)
    params = {**kept.get("params", {}), **above.get("params", {})}
    return {**kept, **above, **({"params": params} if params else {})}


def _require_sense(options: RunOptions) -> None:
    if options.start not in ("auto", "forkserver", "spawn"):
        raise OptionError(f"start is {options.start!r}; it is auto, forkserver or spawn")
    for bounds, word, wrong in ((LEAST, "least", 1), (MOST, "most", -1)):
        for name, bound in bounds.items():
            value = getattr(options, name)
            if isinstance(value, (int, float)) and (bound - value) * wrong > 0:
                raise OptionError(f"{name.replace('_', '-')} is {value}; it is at {word} {bound}")
    if options.worker is not None and not Path(options.worker).is_file():
        raise OptionError(f"there is no worker file {options.worker}")
    if options.labels is not None and is_label_file(options.labels):
        LabelFile.read(options.labels)
