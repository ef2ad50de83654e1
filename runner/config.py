"""runner.toml: options and names of databases that stand in a file."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from runner.addresses import beside
from runner.errors import OptionError
from runner.options import RunOptions, parse_bytes, parse_seconds

DEFAULT_CONFIG = "runner.toml"
TIMES = ("timeout", "time_limit", "grace", "backoff", "backoff_limit")


def read_config(path: Path) -> dict[str, Any]:
    """The options in a runner.toml, {} when there is none.

    `[run]` holds options by the names of the command line, `[params]` trainer parameters,
    `[databases]` a URL for each name (`"*"` for all others, with `{database}` in it) and
    `[reading]` time_column and separator. Raises OptionError naming what cannot be understood.
    """
    if not path.is_file():
        if path.name == DEFAULT_CONFIG:
            return {}
        raise OptionError(f"there is no file {path}")
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} cannot be read: {error}") from None
    if unknown := set(written) - {"run", "params", "databases", "reading"}:
        raise OptionError(
            f"{path}: there is no section {sorted(unknown)[0]!r}; "
            "it may have [run], [params], [databases], [reading]"
        )
    options = _run_section(path, written.get("run", {}))
    options |= {name: str(value) for name, value in written.get("reading", {}).items()}
    if "params" in written:
        options["params"] = {name: str(value) for name, value in written["params"].items()}
    if "databases" in written:
        options["databases"] = dict(written["databases"])
        for name, url in options["databases"].items():
            if not isinstance(url, str):
                raise OptionError(f"{path}: the database {name} is {url!r}; it is a URL in quotes")
            # relative to the file that names it
            options["databases"][name] = beside(url, path.parent)
    _require_known(path, options)
    return options


def _run_section(path: Path, section: dict[str, Any]) -> dict[str, Any]:
    options = {name.replace("-", "_"): value for name, value in section.items()}
    options |= {name: parse_seconds(str(options[name]), name) for name in TIMES if name in options}
    if "memory_limit" in options:
        options["memory_limit"] = parse_bytes(str(options["memory_limit"]), "memory_limit")
    if "gate" in options:
        gates = options.pop("gate")
        options["gates"] = (gates,) if isinstance(gates, str) else tuple(gates)
    if "worker" in options:  # relative to the file that names it
        options["worker"] = str((path.parent / options["worker"]).absolute())
    return options


def _require_known(path: Path, options: dict[str, Any]) -> None:
    known = {option.name for option in fields(RunOptions)}
    if unknown := sorted(set(options) - known):
        raise OptionError(f"{path}: there is no option {unknown[0]!r}; there are {', '.join(sorted(known))}")
