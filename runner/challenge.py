"""The rule by which a new model takes over from the champion, or does not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.gate import Gate, Verdict

LARGER = frozenset({"accuracy", "auc_pr", "vus_pr", "precision", "recall", "events_found"})
"""Metrics of which the larger value is the better one; of all others it is the smaller."""
USUAL = ("mae", "accuracy", "vus_pr", "auc_pr")
"""What is compared where nothing is said: the first one that both models have."""
NOTHING = "none"
"""The word for no comparison at all."""
ROUNDING = 1e-6
"""Scores that differ by less than this share of them are the same."""


@dataclass(frozen=True, slots=True)
class Defence:
    """How the champion does where a new model was tested."""

    attempt_id: int
    number: int  # of the attempt that trained it
    metrics: Mapping[str, float]  # {} where nothing is known
    trouble: str = ""  # why it could not be scored anew; then `metrics` are those recorded


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rule says of one new model: whether it may take over, and on what grounds."""

    verdict: Verdict
    compared_by: str | None = None  # None: they could not be compared
    champion_score: float | None = None


@dataclass(frozen=True, slots=True)
class Challenge:
    """What decides, and how much worse a new model may be, as a share of the champion's score.

    `candidates` are the metrics that may decide, in order, each with whether larger is better.
    """

    candidates: tuple[tuple[str, bool], ...]
    tolerance: float = 0.0

    @classmethod
    def of(cls, compare: str | None, tolerance: float, gates: Sequence[Gate] = ()) -> Challenge:
        """The rule of a run: `compare` names the metric, `-name` one of which larger is better.

        Without it the metric of the first gate decides, in the direction of that gate, and where it
        cannot, the first of USUAL that both models have.
        """
        if compare is not None:
            name = compare.removeprefix("-")
            return cls(((name, compare.startswith("-") or name in LARGER),), tolerance)
        of_gate = [
            (gate.metric, gate.compare in (">", ">=")) for gate in gates[:1] if gate.compare[0] in "<>"
        ]
        return cls((*of_gate, *((name, name in LARGER) for name in USUAL)), tolerance)

    def rule(self, metrics: Mapping[str, float], defence: Defence) -> Ruling:
        """Whether a model with these metrics may take over. NaN is worse than any number."""
        for name, larger in self.candidates:
            if name in metrics and name in defence.metrics:
                return self._ruling(name, larger, metrics[name], defence)
        names = " or ".join(dict.fromkeys(name for name, _ in self.candidates))
        why = defence.trouble or f"they do not both have {names}; --compare names a metric"
        return Ruling(Verdict(True, f"not compared with the champion (attempt {defence.number}): {why}"))

    def _ruling(self, name: str, larger: bool, new: float, defence: Defence) -> Ruling:
        old = defence.metrics[name]
        passed = not self._is_worse(new, old, larger=larger)
        told = f"{name} {new:.6g} {'against' if passed else 'is worse than'} the champion's {old:.6g}"
        where = f"attempt {defence.number}{', as recorded' if defence.trouble else ''}"
        by = f"{'larger' if larger else 'smaller'} is better, tolerance {100 * self.tolerance:.4g}%"
        return Ruling(Verdict(passed, f"{told} ({where}; {by})"), name, old)

    def _is_worse(self, new: float, old: float, *, larger: bool) -> bool:
        if math.isnan(old) or (math.isinf(old) and (old < 0) == larger):
            return False  # nothing is worse than that
        if math.isnan(new):
            return True
        if math.isinf(old) or math.isinf(new):
            return new < old if larger else new > old
        worse_by = old - new if larger else new - old
        return worse_by > (self.tolerance + ROUNDING) * abs(old)
