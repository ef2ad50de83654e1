"""`ledger champions`: which model serves, since when, and how good it is."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.commands.options import DEFAULT_LEDGER, JsonOption, LedgerOption

# Of the view `champions` as it is, every slice would be looked up before the first ones are known.
SERVING = (
    "SELECT s.id AS slice_id, a.number AS attempt, a.trainer, a.model_used, a.finished_at AS trained_at, "
    "p.at AS since, p.why, m.name AS metric, m.value "
    "FROM slices s JOIN attempts a ON a.id = s.champion_id "
    "LEFT JOIN promotions p ON p.id = (SELECT MAX(l.id) FROM promotions l WHERE l.slice_id = s.id) "
    "LEFT JOIN metrics m ON m.attempt_id = a.id AND m.name = "
)
USUAL = (  # the name of a metric
    "COALESCE(a.compared_by, (SELECT u.name FROM metrics u WHERE u.attempt_id = a.id ORDER BY CASE u.name "
    "WHEN 'mae' THEN 0 WHEN 'accuracy' THEN 1 WHEN 'vus_pr' THEN 2 ELSE 3 END, u.name LIMIT 1))"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("champions")(champions)


def champions(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of slices; none: all.")] = None,
    ledger: LedgerOption = DEFAULT_LEDGER,
    metric: Annotated[
        str | None, typer.Option(help="The metric shown [what it was compared by, else mae, accuracy, …].")
    ] = None,
    where: Annotated[str | None, typer.Option(help="A condition over the view champions, in SQL.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the models that serve, in the order of import."""
    from ledger.asking import Asking
    from ledger.database import reading
    from ledger.query import answering
    from ledger.render import printer
    from ledger.selection import require_known

    show = printer(as_csv=as_csv, as_json=as_json)
    asked = _asked(ids or [], metric, where, limit)
    with Asking.open(ledger, create=False) as opened:
        url = opened.engine.url
        with reading(opened.engine) as conn:
            require_known(conn, ids or [])
    with answering(url, asked) as answer:
        show(answer.columns, answer.rows)


def _asked(ids: list[str], metric: str | None, where: str | None, limit: int) -> str:
    from ledger.requeue import require_condition

    conditions = ["1 = 1"]
    if ids:
        conditions.append(f"s.id IN ({', '.join(map(_quoted, ids))})")
    if where is not None:
        require_condition(where)
        conditions.append(f"s.id IN (SELECT slice_id FROM champions WHERE ({where}\n))")
    shown = USUAL if metric is None else _quoted(metric)
    return f"{SERVING}{shown} WHERE {' AND '.join(conditions)} ORDER BY s.position LIMIT {limit}"


def _quoted(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"
