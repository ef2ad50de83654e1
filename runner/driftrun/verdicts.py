"""The verdicts of a run, once all of its findings are in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ledger.drift.records import Confirmed, Flagged, Previous, Undecided
from ledger.ranges import parse
from runner.drift.decision import Check, Verdict, VerdictKind, decide

ASKS = frozenset({VerdictKind.SUSPECT, VerdictKind.DRIFTED, VerdictKind.COMMON_CAUSE})
"""The verdicts that a second tier may say something about."""


def flagged(
    findings: Sequence[Undecided],
    suspicions: Mapping[int, Previous],
    confirmations: Mapping[str, Confirmed],
    q: float,
) -> list[Flagged]:
    """The verdicts that are neither plainly stable nor plainly insufficient."""
    checks = [_check(each, suspicions, q) for each in findings]
    found = []
    for verdict, finding in zip(decide(checks, q), findings, strict=True):
        if verdict.kind in ASKS:
            told = confirmations.get(verdict.slice)
            found.append(_flagged(verdict, finding, suspicions, told))
    return found


def _check(finding: Undecided, suspicions: Mapping[int, Previous], q: float) -> Check:
    slice_id, p, start, end, database, column, previous_id = finding
    before = None if previous_id is None else suspicions.get(previous_id)
    nothing = float("nan")
    if p is None or p > q:  # it cannot be significant: where its window lies makes no difference
        return Check(slice_id, nothing if p is None else p, "", 0.0, 0.0, database, column)
    return Check(
        slice=slice_id,
        p=p,
        reason="",
        start=_position(start),
        end=_position(end),
        database=database,
        column=column,
        previous=None if before is None else before.verdict,
        previous_reason="" if before is None else before.reason,
        since=None if before is None or before.since is None else _position(before.since),
    )


def _flagged(
    verdict: Verdict, finding: Undecided, suspicions: Mapping[int, Previous], told: Confirmed | None
) -> Flagged:
    slice_id, _, _, end, _, _, previous_id = finding
    if told is not None and told.confirmed is False:
        return Flagged(slice_id, VerdictKind.STABLE, f"; {told.reason}", None)
    before = None if previous_id is None else suspicions.get(previous_id)
    raised = end if before is None or before.since is None else before.since
    note = verdict.reason if told is None else f"; {told.reason}{verdict.reason}"
    return Flagged(slice_id, str(verdict.kind), note, raised)


def _position(written: str | None) -> float:
    """Where a moment lies: seconds since 1970, or the number that it is."""
    assert written is not None
    moment = parse(written).low
    return moment.replace(tzinfo=UTC).timestamp() if isinstance(moment, datetime) else float(moment)
