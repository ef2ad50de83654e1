"""What a drift run found, and what to type next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ledger.drift.records import Told
from ledger.render import counted, span

ORDER = ("drifted", "common_cause", "suspect", "stable", "insufficient")


@dataclass(slots=True)
class DriftSummary:
    """Counts of one drift run: `done` checks of `planned`, and `counts` by verdict once they are decided."""

    ledger_option: str = ""  # what the next command needs to find the ledger
    run_id: int = 0  # 0 while none has begun
    named: int = 0  # slices asked for by their ids
    planned: int = 0
    sources: int = 0  # tables and files
    unprofiled: int = 0  # slices without a profile; only of a dry run
    dry_run: bool = False
    done: int = 0
    before: int = 0  # of them by the process that was interrupted
    counts: Mapping[str, int] | None = None
    worst: Sequence[Told] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)  # the commonest of what was insufficient
    seconds: float = 0.0
    signal: int | None = None
    waits_for: str | None = None  # what keeps the run from going on just now

    @property
    def notes(self) -> str:
        """Nothing: what a run has found is known at its end."""
        return ""

    @property
    def exit_code(self) -> int:
        """0 whatever was found; 128 + a signal's number where it was stopped."""
        return 0 if self.signal is None or self.counts is not None else 128 + self.signal

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """What to tell the user: what was found, and what to type next."""
        if self.dry_run:
            return self._planned()
        made = self.done - self.before
        rate = f", {made / self.seconds:.0f} checks/s" if self.seconds > 0 and made else ""
        if self.counts is None:
            told = f"Stopped: {self.done} of {self.planned} checks are done in {span(self.seconds)}{rate}"
            resume = " --resume" if self.run_id else ""
            return [told, f"Next: runner drift{resume}{self.ledger_option}"]
        if not self.planned:
            told = f"There is no model to check. Next: ledger status{self.ledger_option}"
            return [*self._without_model(), told]
        models = counted(sum(self.counts.values()), "model")
        verdicts = ", ".join(f"{self.counts.get(name, 0)} {name.replace('_', ' ')}" for name in ORDER)
        told = f"{models} checked in {span(self.seconds)}{rate}: {verdicts}"
        worst = [f"  {each.slice_id}: {_in_words(each)}" for each in self.worst]
        why = [f"  {count} × insufficient: {reason}" for reason, count in self.reasons.items()]
        return [told, *self._without_model(), *worst, *why, self._next(self.counts)]

    def _planned(self) -> list[str]:
        sources = counted(self.sources, "table or file", "tables or files")
        told = [f"{counted(self.planned, 'model')} would be checked against {sources}"]
        if self.unprofiled:
            told.append(f"{self.unprofiled} of them without a profile yet, which comes with a training")
        return [*told, *self._without_model()]

    def _without_model(self) -> list[str]:
        count = self.named - self.planned
        return [f"  {counted(count, 'named slice')} without a model that serves"] if count > 0 else []

    def _next(self, counts: Mapping[str, int]) -> str:
        if counts.get("drifted"):
            return f"Next: ledger requeue --drifted{self.ledger_option}"
        if counts.get("suspect") or counts.get("common_cause"):
            return f"Next: runner drift{self.ledger_option}, when there is newer data"
        return f"Next: ledger status{self.ledger_option}"


def _in_words(told: Told) -> str:
    verdict = told.verdict.replace("_", " ")
    return told.reason if verdict in told.reason else f"{verdict}: {told.reason}"
