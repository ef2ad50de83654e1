"""What a run did, and the exit code it ends with."""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger.render import span


@dataclass(slots=True)
class Summary:
    """Counts of one run; each slice counts once under how it ended, each attempt under `started`."""

    runner_id: int = 0
    ledger_option: str = ""  # what the next command needs to find the ledger
    started: int = 0  # attempts
    succeeded: int = 0
    rejected: int = 0
    outdone: int = 0  # of those rejected, how many were worse than their champion
    uncompared: int = 0  # of those that succeeded, how many replaced a champion unseen
    failed: int = 0
    retried: int = 0
    crashed: int = 0
    timed_out: int = 0
    released: int = 0
    overtaken: int = 0  # results that came too late: somebody else owned the slice by then
    taken_back: int = 0
    left_behind: int = 0
    seconds: float = 0.0
    signal: int | None = None
    waits_for: str | None = None  # what keeps the run from going on just now
    slow_claims: str | None = None  # what to do about claims that have become slow
    slow_fits: str | None = None  # why models are trained many times slower than they could be
    stopped_by: str | None = None  # why the run ended early, if it did
    exit_with: int | None = None
    waiting: set[str] = field(default_factory=set)  # slices this run left to be tried again

    @property
    def done(self) -> int:
        """Slices that this run is finished with."""
        return self.succeeded + self.rejected + self.failed

    @property
    def notes(self) -> str:
        """What went wrong, for the line that says how far the run is."""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{failed}, {self.rejected} rejected" if self.rejected else failed

    @property
    def exit_code(self) -> int:
        """0 all succeeded, 1 some did not, 3 rows of dead runners are left, 128 + a signal's number."""
        if self.signal is not None:
            return 128 + self.signal
        if self.exit_with is not None:
            return self.exit_with
        if self.left_behind:
            return 3
        return 1 if self.rejected or self.failed or self.waiting else 0

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """What to tell the user: what happened, and what to type next."""
        shown = self.ledger_option
        rate = f", {self.done / self.seconds:.1f} slices/s" if self.seconds > 0 and self.done else ""
        told = [
            f"{self.succeeded} succeeded, {self.rejected} rejected, {self.failed} failed "
            f"in {span(self.seconds)}{rate}"
        ]
        notes = (
            (self.outdone, "new models were worse than the champion, which goes on serving"),
            (
                self.uncompared,
                "new models replaced a champion without a comparison; `reason` in attempt_log says why",
            ),
            (self.retried, "attempts failed and are tried again"),
            (len(self.waiting), "slices wait to be tried again"),
            (self.crashed, "attempts killed their worker"),
            (self.timed_out, "attempts took too long"),
            (self.taken_back, "slices were taken back from runners that died"),
            (self.overtaken, "results came too late and were dropped"),
        )
        told += [f"{count} {sentence}" for count, sentence in notes if count]
        told += [f"Warning: {slow}" for slow in (self.slow_fits, self.slow_claims) if slow]
        if self.stopped_by:
            told.append(f"Stopped: {self.stopped_by}")
        if self.left_behind:
            told.append(f"{self.left_behind} slices are held by runners that died")
        return [*told, *self._next(shown)]

    def _next(self, shown: str) -> list[str]:
        if self.stopped_by and self.exit_with == 1:  # it would stop again
            return [f"Next: ledger failures{shown}"]
        if self.left_behind or self.stopped_by or self.waiting or self.signal is not None:
            return [f"Next: runner run --resume{shown}"]
        if self.failed:
            return [f"Next: ledger failures{shown}"]
        if self.rejected:
            return [f"Next: ledger list --status rejected{shown}"]
        if self.started == 0:
            return [f"Nothing was pending. Next: ledger status{shown}"]
        return [f"Next: ledger status{shown}"]
