"""runner.toml: options and names of databases that stand in a file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runner.addresses import beside
from runner.driftrun.detectors import absolute
from runner.errors import OptionError
from runner.labels import is_label_file
from runner.values import DRIFT_KINDS, RUN_KINDS, normalised

DEFAULT_CONFIG = "runner.toml"
SECTIONS = ("run", "params", "databases", "reading", "drift")


def read_config(path: Path) -> dict[str, Any]:
    """The options in a runner.toml, {} when there is none.

    `[run]` holds options by the names of the command line, `[params]` trainer parameters,
    `[databases]` a URL for each name (`"*"` for all others, with `{database}` in it) and
    `[reading]` time_column and separator. Raises OptionError naming what cannot be understood.
    """
    written = _written(path)
    options = {name.replace("-", "_"): value for name, value in written.get("run", {}).items()}
    if "gate" in options:
        options["gates"] = options.pop("gate")
    options |= {name: str(value) for name, value in written.get("reading", {}).items()}
    options |= {name: written[name] for name in ("params", "databases") if name in written}
    options = _understood(path, options, where="")
    if "databases" in options:  # relative to the file that names them
        urls = options["databases"].items()
        options["databases"] = {name: beside(url, path.parent) for name, url in urls}
    if "labels" in options and is_label_file(options["labels"]):
        options["labels"] = _beside(path, options["labels"])
    return options


def read_drift_config(path: Path) -> dict[str, Any]:
    """The options of `runner drift` in a runner.toml: those of `[drift]`, before those of a run.

    Raises OptionError naming what cannot be understood.
    """
    section = {name.replace("-", "_"): value for name, value in _written(path).get("drift", {}).items()}
    return read_config(path) | _understood(path, section, where="[drift] ", kinds=DRIFT_KINDS)


def _understood(
    path: Path,
    written: Mapping[str, Any],
    *,
    where: str,
    kinds: Mapping[str, Callable[[Any], Any]] = RUN_KINDS,
) -> dict[str, Any]:
    """The options of a section, the user's own files relative to that of the section."""
    if "config" in written:
        raise OptionError(
            f"{path}: {where}config names the file that options are read from, so it cannot stand in one; "
            "give it as --config or RUNNER_CONFIG"
        )
    options = normalised(written, where=f"{path}: {where}", kinds=kinds)
    if "worker" in options:
        options["worker"] = _beside(path, options["worker"])
    if "detector" in options:
        options["detector"] = absolute(options["detector"], path.parent)
    return options


def _beside(path: Path, name: str) -> str:
    """A file that a runner.toml names, relative to that."""
    return str((path.parent / name).absolute())


def _written(path: Path) -> dict[str, Any]:
    """The sections of a runner.toml, {} when there is none."""
    if not path.is_file():
        if path.name == DEFAULT_CONFIG:
            return {}
        raise OptionError(f"there is no file {path}")
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} cannot be read: {error}") from None
    for name, section in written.items():
        if name not in SECTIONS:
            raise OptionError(f"{path}: there is no section {name!r}; it may have {', '.join(SECTIONS)}")
        if not isinstance(section, dict):
            raise OptionError(f"{path}: {name} is {section!r}; it is a section, written [{name}]")
    return written
