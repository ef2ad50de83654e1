"""`ledger status`: how far it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption

if TYPE_CHECKING:
    from ledger.plans import Actual
    from ledger.reports import Report


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(ledger: LedgerOption = DEFAULT_LEDGER, as_json: JsonOption = False) -> None:
    """Say how many slices are in which state, how fast it goes, and what went wrong most."""
    from ledger.asking import Asking

    with Asking.open(ledger, create=False) as opened:
        report, option = opened.status(), opened.option
    if as_json:
        typer.echo(json.dumps(_plain(report)))
        return
    for line in _lines(report, option):
        typer.echo(line)


def _lines(report: Report, option: str) -> list[str]:
    from ledger.render import span
    from ledger.status import Status

    told = [f"{report.ledger}: {report.total} slices, {report.done} done"]
    width = len(str(report.total))
    for state, count in report.counts.items():
        if count:
            share = f"  {count / report.total:6.1%}" if report.total and state is not Status.RETIRED else ""
            told.append(f"  {state.value:<9}  {count:>{width}}{share}")
    if report.rate is not None:
        left = f", {span(report.eta[0])} to {span(report.eta[1])} left" if report.eta else ""
        told.append(f"  {report.rate:.1f} slices/s{left}")
    told += _at_work(report)
    told += [f"  {error.count} × {error.error_type}" for error in report.errors]
    told += _against(report.plan) if report.plan else []
    if report.abandoned:
        told.append(f"{report.abandoned} slices are held by dead runners. Next: runner run --resume{option}")
    elif report.counts[Status.PENDING] and not report.runners:
        told.append(f"Next: runner run --resume{option}")
    elif report.errors:
        told.append(f"Next: ledger failures{option}")
    return told


def _at_work(report: Report) -> list[str]:
    """Who runs, and how far drift runs are."""
    life = {True: "lives", False: "is dead", None: "is on another machine"}
    runners = [
        f"  runner {each.id} ({each.process.host}, pid {each.process.pid}) {life[each.alive]}"
        for each in report.runners
    ]
    drift = [
        f"  drift run {each.run_id}: {each.done} of {each.planned} checks done, by runner {each.runner_id}"
        for each in report.drift
    ]
    return [*runners, *drift]


def _against(actual: Actual) -> list[str]:
    """The last plan, and what became of it."""
    from ledger.render import counted, span

    plan = actual.plan
    band = f"{span(plan.seconds_low)} to {span(plan.seconds_high)}"
    told = [f"  planned {actual.planned_at:%Y-%m-%d %H:%M} UTC: {band} for {counted(plan.slices, 'slice')}"]
    if not actual.runs:
        return told
    verdict = {None: "", True: ": inside the band", False: ": outside the band"}[actual.inside]
    if actual.finished:
        told.append(f"  it took {span(actual.elapsed)}{verdict}")
    else:
        whole = f", {span(actual.projected)} in all at this pace{verdict}" if actual.projected else ""
        told.append(f"  so far {span(actual.elapsed)}, {actual.done} of them done{whole}")
    if actual.differs:
        told.append(f"  the run has other options than the plan: {', '.join(actual.differs)}")
    return told


def _plan_as_plain(actual: Actual) -> dict[str, object]:
    plan = actual.plan
    return {
        "planned_at": actual.planned_at.isoformat(),
        "slices": plan.slices,
        "seconds": {"low": plan.seconds_low, "expected": plan.seconds_expected, "high": plan.seconds_high},
        "recommended": plan.recommended,
        "runs": actual.runs,
        "elapsed_seconds": actual.elapsed,
        "done": actual.done,
        "finished": actual.finished,
        "projected_seconds": actual.projected,
        "inside": actual.inside,
        "other_options": list(actual.differs),
    }


def _plain(report: Report) -> dict[str, object]:
    return {
        "ledger": report.ledger,
        "total": report.total,
        "done": report.done,
        "counts": {state.value: count for state, count in report.counts.items()},
        "rate_per_second": report.rate,
        "eta_seconds": report.eta,
        "abandoned": report.abandoned,
        "errors": {error.error_type: error.count for error in report.errors},
        "runners": [
            {"id": each.id, "host": each.process.host, "pid": each.process.pid, "alive": each.alive}
            for each in report.runners
        ],
        "drift_runs": [
            {"id": each.run_id, "runner": each.runner_id, "planned": each.planned, "done": each.done}
            for each in report.drift
        ],
        "plan": _plan_as_plain(report.plan) if report.plan else None,
    }
