"""Option values as people write them, in a shell, a TOML file or a notebook, in the types a run uses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from runner.errors import OptionError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", re.IGNORECASE)
_CONDITION = re.compile(r"[^\s<>=!]+\s*(?:<=|>=|==|!=|<|>)\s*\S+")


def normalised(
    given: Mapping[str, Any], where: str = "", kinds: Mapping[str, Callable[[Any], Any]] | None = None
) -> dict[str, Any]:
    """Turn each value into the type of its option; what is None or empty was not given.

    `kinds` are those of the options there are, of `runner run` by default.

    Raises OptionError naming the option, its value and what it may be; `where` begins the sentence.
    """
    kinds = RUN_KINDS if kinds is None else kinds
    found = {}
    for name, value in given.items():
        if value is None or (isinstance(value, (str, tuple, list, dict)) and not value):
            continue
        if name not in kinds:
            there = ", ".join(sorted(kinds))
            raise OptionError(f"{where}there is no option {name!r}; there are {there}")
        try:
            found[name] = kinds[name](value)
        except (ValueError, TypeError, OverflowError):
            raise OptionError(f"{where}{name} is {value!r}; it is {_EXPECTED[kinds[name]]}") from None
    return found


def seconds(value: Any) -> float:
    """Turn `90`, `90s`, `15m`, `8h` or `2d` into seconds. Raises ValueError for anything else."""
    if isinstance(value, str):
        match = _TIME.fullmatch(value.strip())
        if match is None:
            raise ValueError
        value = float(match[1]) * _SECONDS[match[2] or "s"]
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _share(value: Any) -> float:
    """`5%` or 0.05, as a number."""
    in_percent = isinstance(value, str) and value.strip().endswith("%")
    share = float(value.strip()[:-1]) / 100 if in_percent else float(value)
    if isinstance(value, bool) or not 0 <= share < (math.inf if in_percent else 1.0):
        raise ValueError
    return share


def _bytes(value: Any) -> int:
    if isinstance(value, str):
        match = _BYTES.fullmatch(value.strip())
        if match is None:
            raise ValueError
        return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
    return _whole(value)


def _whole(value: Any) -> int:
    whole = int(value)
    if isinstance(value, bool) or (isinstance(value, float) and whole != value):
        raise ValueError
    return whole


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _workers(value: Any) -> int | str:
    return value if value == "auto" else _whole(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _path(value: Any) -> str:
    return str(value) if isinstance(value, Path) else _text(value)


def _conditions(value: Any) -> tuple[str, ...]:
    """One condition or several; an environment variable's come torn apart at their blanks."""
    written = [_text(part) for part in ([value] if isinstance(value, str) else _several(value))]
    if all(_CONDITION.fullmatch(part.strip()) for part in written):
        return tuple(written)
    joined = " ".join(written)
    return tuple(written) if _CONDITION.sub("", joined).strip() else tuple(_CONDITION.findall(joined))


def _several(value: Any) -> Iterable[Any]:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, (bool, str)):
        raise ValueError
    return float(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(each) for each in _several(value))


def _params(value: Any) -> dict[str, str]:
    return {_text(name): _written(each) for name, each in _mapping(value).items()}


def _written(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)


def _urls(value: Any) -> dict[str, str]:
    return {_text(name): _text(url) for name, url in _mapping(value).items()}


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value


RUN_KINDS: dict[str, Callable[[Any], Any]] = {
    "workers": _workers,
    "trainer": _text,
    "worker": _path,
    "params": _params,
    "gates": _conditions,
    "compare": _text,
    "tolerance": _share,
    "timeout": seconds,
    "memory_limit": _bytes,
    "max_attempts": _whole,
    "backoff": seconds,
    "backoff_limit": seconds,
    "grace": seconds,
    "per_source": _whole,
    "limit": _whole,
    "time_limit": seconds,
    "seed": _whole,
    "durable": _yes_or_no,
    "start": _text,
    "time_column": _text,
    "separator": _text,
    "labels": _path,
    "detector": _text,
    "profile": _yes_or_no,
    "config": _path,
    "databases": _urls,
}
"""The options of `runner run`."""
DRIFT_KINDS: dict[str, Callable[[Any], Any]] = {
    "workers": _workers,
    "window": _whole,
    "detector": _text,
    "confirm": _text,
    "q": _number,
    "timeout": seconds,
    "worker": _path,
    "start": _text,
    "config": _path,
    "ids": _texts,
    "where": _text,
}
"""The options of `runner drift`."""
_EXPECTED: dict[Callable[[Any], Any], str] = {
    _workers: "a number from 0 up, or auto",
    _text: "text",
    _path: "a path",
    _params: "a table of names and values",
    _conditions: "a condition such as 'mae<0.5', or a list of them",
    seconds: "a time such as 90s, 15m, 8h or 2d",
    _bytes: "an amount of memory such as 900MB or 2GB",
    _whole: "a whole number",
    _share: "a share such as 5% or 0.05",
    _yes_or_no: "true or false",
    _number: "a number",
    _texts: "a list of texts",
    _urls: "a table of names and URLs in quotes",
}
