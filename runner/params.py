"""Parameters of a trainer: text from a command line or a split file, as typed values."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from runner.errors import OptionError

P = TypeVar("P")


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, for people."""

    name: str
    type: str
    default: str
    help: str


def parameter(default: Any, help: str) -> Any:
    """A field of a trainer's Params with the sentence that `runner trainers` prints."""
    return dataclasses.field(default=default, metadata={"help": help})


_HINTS: dict[Any, dict[str, Any]] = {}


def _hints_of(params_type: type[Any]) -> dict[str, Any]:
    if params_type not in _HINTS:  # found out anew for each slice it takes longer than an autoregression
        _HINTS[params_type] = typing.get_type_hints(params_type)
    return _HINTS[params_type]


def parse_params(params_type: type[P], given: Mapping[str, str], trainer: str) -> P:
    """Turn text into the fields of a trainer's Params by their annotations.

    Raises OptionError naming the trainer, the parameter, its value and what is allowed.
    """
    hints = _hints_of(params_type)
    values = {}
    for name, written in given.items():
        if name not in hints:
            there = ", ".join([*hints, "period"])
            raise OptionError(f"trainer {trainer} has no parameter {name!r}; it has {there}")
        try:
            values[name] = _value(hints[name], written.strip())
        except ValueError:
            raise OptionError(
                f"trainer {trainer}: the parameter {name} is {written!r}; it must be {_named(hints[name])}"
            ) from None
    try:
        return params_type(**values)
    except ValueError as error:  # from the Params' own __post_init__
        raise OptionError(f"trainer {trainer}: {error}") from None


def parse_period(written: str | None) -> int | None:
    """The parameter `period` of every trainer, None where it follows from the time step.

    Raises OptionError for what is no whole number from 1 up.
    """
    if written is None:
        return None
    try:
        period = int(written)
    except ValueError:
        period = 0
    if period < 1:
        raise OptionError(f"the parameter period is {written!r}; it is a whole number of rows, at least 1")
    return period


def describe(params_type: type[Any]) -> list[Parameter]:
    """Every parameter of a trainer, for its help."""
    hints = _hints_of(params_type)
    return [
        Parameter(
            name=field.name,
            type=_named(hints[field.name]),
            default=_written(field.default),
            help=str(field.metadata.get("help", "")),
        )
        for field in dataclasses.fields(params_type)
    ]


def _value(hint: Any, written: str) -> Any:
    if isinstance(hint, types.UnionType):
        if written.lower() in ("", "none", "auto"):
            return None
        return _value(next(part for part in typing.get_args(hint) if part is not type(None)), written)
    if typing.get_origin(hint) is tuple:
        parts = written.strip("()").split(",")
        kinds = typing.get_args(hint)
        if len(parts) != len(kinds):
            raise ValueError
        return tuple(_value(kind, part.strip()) for kind, part in zip(kinds, parts, strict=True))
    if hint is bool:
        if written.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise ValueError
        return written.lower() in ("true", "1", "yes")
    return hint(written)


def _named(hint: Any) -> str:
    if isinstance(hint, types.UnionType):
        return " or ".join(
            _named(part) if part is not type(None) else "none" for part in typing.get_args(hint)
        )
    if typing.get_origin(hint) is tuple:
        kinds = typing.get_args(hint)
        return f"{len(kinds)} {_named(kinds[0]).removeprefix('a ')}s"
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(hint, str(hint))


def _written(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return "none" if default is None else str(default)
