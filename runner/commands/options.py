"""The options of a run on the command line, shared by every command that trains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WorkersOption = Annotated[
    str | None,
    typer.Option(
        envvar="RUNNER_WORKERS",
        help="Worker processes: a number, or auto for one per core. 0 trains in this process.",
    ),
]
WorkerOption = Annotated[
    Path | None, typer.Option(envvar="RUNNER_WORKER", help="Your file with train(row, data).")
]
TrainerOption = Annotated[
    str | None,
    typer.Option(envvar="RUNNER_TRAINER", help="A built-in trainer, for slices that name none [arima]."),
]
ParamOption = Annotated[
    list[str] | None,
    typer.Option(envvar="RUNNER_PARAM", help="key=value for the trainer, for slices that name none."),
]
GateOption = Annotated[
    list[str] | None,
    typer.Option(envvar="RUNNER_GATE", help="A condition a model must meet, such as 'mae<0.5'."),
]
CompareOption = Annotated[
    str | None,
    typer.Option(
        envvar="RUNNER_COMPARE",
        help="The metric by which a new model must be no worse than the champion; '-name' where larger "
        "is better, none for no comparison [that of the first gate, or mae, accuracy, vus_pr].",
    ),
]
ToleranceOption = Annotated[
    str | None,
    typer.Option(envvar="RUNNER_TOLERANCE", help="How much worse it may be: 5% of its score [0%]."),
]
TimeoutOption = Annotated[
    str | None, typer.Option(envvar="RUNNER_TIMEOUT", help="Longest time for one slice: 90s, 15m, 2h.")
]
MemoryLimitOption = Annotated[
    str | None,
    typer.Option(envvar="RUNNER_MEMORY_LIMIT", help="Most memory of one worker: 900MB, 2GB."),
]
MaxAttemptsOption = Annotated[
    int | None, typer.Option(envvar="RUNNER_MAX_ATTEMPTS", help="Tries before a slice has failed [3].")
]
PerSourceOption = Annotated[
    int | None,
    typer.Option(envvar="RUNNER_PER_SOURCE", help="Most workers that read one database at once."),
]
SeedOption = Annotated[int | None, typer.Option(envvar="RUNNER_SEED", help="Where chance starts [0].")]
DurableOption = Annotated[
    bool | None,
    typer.Option(
        "--durable", envvar="RUNNER_DURABLE", help="Wait for the disk at every event in SQLite too."
    ),
]
StartOption = Annotated[
    str | None, typer.Option(envvar="RUNNER_START", help="How workers start: auto, forkserver, spawn.")
]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        envvar="RUNNER_LABELS",
        help="Known anomalies to measure scores by: a column of 0 and 1, or a .csv of ranges.",
    ),
]
DetectorOption = Annotated[
    str | None,
    typer.Option(
        envvar="RUNNER_DETECTOR",
        help="What keeps a profile of the data for `runner drift`: panel, or file.py:Name [panel].",
    ),
]
ProfileOption = Annotated[
    bool | None,
    typer.Option("--profile/--no-profile", envvar="RUNNER_PROFILE", help="Keep such a profile [yes]."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(envvar="RUNNER_CONFIG", help="Options and names of databases [runner.toml]."),
]


def typed(context: typer.Context, worker: Path | None, trainer: str | None) -> tuple[Path | None, str | None]:
    """Of a worker file and a trainer the one that was typed, where the other is the environment's."""
    if trainer is not None and worker is not None:
        if _from_environment(context, "worker"):
            return None, trainer
        if _from_environment(context, "trainer"):
            return worker, None
    return worker, trainer


def _from_environment(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "ENVIRONMENT"
