"""The gate: conditions on metrics that a model must meet to serve."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from runner.errors import OptionError

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_WRITTEN = re.compile(r"\s*([\w.:/@-]+?)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model passed, and why not."""

    passed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition, such as accuracy>0.95."""

    metric: str
    compare: str
    limit: float

    @classmethod
    def parse(cls, written: str) -> Gate:
        """Understand `accuracy>0.95`. Raises OptionError for anything that is no such condition."""
        match = _WRITTEN.fullmatch(written)
        try:
            if match is None:
                raise ValueError
            limit = float(match[3])
            if math.isnan(limit):
                raise ValueError
        except ValueError:
            raise OptionError(
                f"--gate {written!r} is no condition; write a metric, one of < <= > >= == != "
                "and a number, such as 'accuracy>0.95'"
            ) from None
        return cls(match[1], match[2], limit)

    def objection(self, metrics: Mapping[str, float]) -> str | None:
        """Why `metrics` do not meet the condition, None when they do. NaN never does."""
        if self.metric not in metrics:
            there = ", ".join(sorted(metrics)) or "none"
            return f"there is no metric {self.metric} (there are: {there})"
        value = metrics[self.metric]
        if not math.isnan(value) and _COMPARE[self.compare](value, self.limit):
            return None
        return f"{self.metric} {value:.6g} is not {self.compare} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Gates:
    """All conditions of a run."""

    gates: tuple[Gate, ...] = ()

    @classmethod
    def parse(cls, written: Iterable[str]) -> Gates:
        """Understand every condition. Raises OptionError as Gate.parse does."""
        return cls(tuple(Gate.parse(text) for text in written))

    def verdict(self, metrics: Mapping[str, float]) -> Verdict:
        """Judge a model by its metrics; without conditions every model passes."""
        objections = [told for gate in self.gates if (told := gate.objection(metrics)) is not None]
        return Verdict(not objections, "; ".join(objections))
