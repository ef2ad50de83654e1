"""`ledger show`: all that is known of one slice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption

if TYPE_CHECKING:
    from ledger.artifacts import ArtifactStore
    from ledger.history import AttemptHistory, SliceHistory


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("show")(show)


def show(
    slice_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the slice.")],
    ledger: LedgerOption = DEFAULT_LEDGER,
    as_json: JsonOption = False,
) -> None:
    """Show a slice: its row, every attempt, metrics, model files, drift checks, the last traceback."""
    from ledger.asking import Asking

    with Asking.open(ledger, create=False) as opened:
        history = opened.history(slice_id)
        store = opened.artifact_store()
    if as_json:
        typer.echo(json.dumps(_plain(history, store), ensure_ascii=False, indent=2))
        return
    for line in _lines(history, store):
        typer.echo(line)


def _lines(history: SliceHistory, store: ArtifactStore) -> list[str]:
    status = history.status
    told = [
        f"slice {status['id']}: {status['status']}" + (f" ({status['reason']})" if status["reason"] else "")
    ]
    names = ("database_name", "table_name", "column_name", "file", "model_group", "trainer")
    told += [f"  {name}: {status[name]}" for name in names if status[name] is not None]
    told += [f"  params: {history.row['params']}"] if history.row["params"] else []
    told.append(f"  train: {status['train_from']} to {status['train_to']}")
    told.append(f"  test:  {status['test_from']} to {status['test_to']}")
    told += [f"  {name}: {value}" for name, value in json.loads(history.row["extra"] or "{}").items()]
    for attempt in history.attempts:
        told += _attempt(attempt, store, champion=attempt.columns["id"] == history.row["champion_id"])
    told += [_check(check) for check in history.checks]
    last = history.attempts[-1].columns if history.attempts else {}
    for name in ("traceback", "warnings", "output"):
        if last.get(name):
            told += [f"{name} of attempt {last['number']}:", str(last[name]).rstrip()]
    return told


def _attempt(attempt: AttemptHistory, store: ArtifactStore, *, champion: bool) -> list[str]:
    from ledger.records import PHASES
    from ledger.render import span

    columns = attempt.columns
    seconds = sum(columns[name] or 0.0 for name in PHASES)
    serves = ", serves" if champion else ""
    told = [
        f"attempt {columns['number']}: {columns['outcome']}{serves} "
        f"({columns['started_at']:%Y-%m-%d %H:%M:%S} UTC, {span(seconds)})"
    ]
    model = ": ".join(filter(None, (columns["trainer"], columns["model_used"])))
    rows = "" if columns["train_rows"] is None else f"{columns['train_rows']} rows"
    told += [f"  {', '.join(filter(None, (model, rows)))}"] if model else []
    told += [f"  {columns['reason']}"] if columns["reason"] else []
    if columns["error_type"]:
        told.append(f"  {columns['error_type']}: {columns['error_message']}")
    values = (
        f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in attempt.metrics.items()
    )
    told += [f"  {', '.join(values)}"] if attempt.metrics else []
    return told + [
        f"  {store.place(file.path)} ({file.format}, {file.bytes} bytes)" for file in attempt.artifacts
    ]


def _check(check: dict[str, Any]) -> str:
    verdict, reason = check["verdict"].replace("_", " "), check["reason"]
    window = f" ({check['window_from']} to {check['window_to']})" if check["window_from"] else ""
    return (
        f"drift check of {check['checked_at']:%Y-%m-%d %H:%M:%S} UTC: attempt {check['attempt']} is "
        f"{verdict}{f': {reason}' if reason else ''}{window}"
    )


def _plain(history: SliceHistory, store: ArtifactStore) -> dict[str, Any]:
    from ledger.render import plain

    return {
        **{name: plain(value) for name, value in history.status.items()},
        "params": json.loads(history.row["params"] or "{}"),
        "extra": json.loads(history.row["extra"] or "{}"),
        "attempts": [
            {
                **{name: plain(value) for name, value in attempt.columns.items()},
                "metrics": attempt.metrics,
                "artifacts": [
                    {
                        "path": store.place(file.path),
                        "format": file.format,
                        "bytes": file.bytes,
                        "sha256": file.sha256,
                    }
                    for file in attempt.artifacts
                ],
            }
            for attempt in history.attempts
        ],
        "drift_checks": [{name: plain(value) for name, value in each.items()} for each in history.checks],
    }
