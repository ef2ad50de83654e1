"""One attempt: load the slice's data, fit, evaluate, save; whatever happens becomes a report."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger.artifacts import ArtifactStore, CannotKeepError
from ledger.records import Artifact, Champion, Claim, Facts, Failure, Slice
from runner.assignment import Assignment, Report, Setup
from runner.cut import Cut, cut
from runner.defending import Defending
from runner.driftrun.detectors import find
from runner.driftrun.profiles import profiles_of
from runner.errors import FinalError, MissingColumnError, UnfitDataError
from runner.labels import LabelFile, is_label_file, taken_out
from runner.memory import forget_peak, peak_memory
from runner.modelfile import state_of
from runner.options import DEFAULT_TRAINER
from runner.printed import Printed, collected_warnings
from runner.saving import save
from runner.scratch import Scratch
from runner.sources import Reader, SourceSettings
from runner.trainer import Dataset
from runner.userfile import BUILT_IN, UserFile, interpret


class Phases:
    """Seconds spent in each phase of an attempt, by the monotonic clock."""

    def __init__(self) -> None:
        self.seconds: dict[str, Any] = {}

    @contextlib.contextmanager
    def time(self, phase: str) -> Iterator[None]:
        """Add the time spent inside to `phase`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[f"{phase}_seconds"] = self.seconds.get(f"{phase}_seconds", 0.0) + spent


class Training:
    """Trains one claimed slice after the other, in whatever process it lives."""

    def __init__(self, setup: Setup, *, printed: Path | None) -> None:
        self._setup = setup
        self._printed = Printed(printed)
        self._scratch = Scratch(setup.scratch)
        self._store = ArtifactStore(setup.artifact_root, setup.ledger_uuid)
        self._user = UserFile.load(setup.worker) if setup.worker else None
        self._defending = Defending(self._store, self._user)
        in_file = setup.labels is not None and is_label_file(setup.labels)
        self._label_file = LabelFile.read(str(setup.labels)) if in_file else None
        self._label_column = None if in_file else setup.labels
        self._detector = find(setup.detector) if setup.detector else None
        self._reader = Reader(
            SourceSettings(
                databases=setup.databases,
                time_column=setup.time_column,
                separator=setup.separator,
                label_column=self._label_column,
                keep_open=setup.keep_open,
            )
        )

    def attempt(self, assignment: Assignment) -> Report:
        """Train the claimed slice once. Only what ends the process itself gets past this."""
        held = assignment.held
        facts: dict[str, Any] = {"seed": self._setup.seed, "code_version": self._code_version(held.slice)}
        phases = Phases()
        self._printed.begin()
        forget_peak()
        outcome: dict[str, Any]
        with collected_warnings() as warned, self._scratch.attempt():
            try:
                outcome = self._train(assignment, phases, facts)
            except CannotKeepError as error:
                outcome = {"nothing_kept": str(error)}
            except Exception as error:  # the user's code may raise anything; the run goes on
                outcome = {"failure": _failure(error)}
        return Report(
            held=held,
            facts=Facts(
                **facts,
                **phases.seconds,
                output=self._printed.tail(),
                warnings="\n".join(warned) or None,
                peak_memory=peak_memory(),
            ),
            **outcome,
        )

    def close(self) -> None:
        """Let go of the sources and of the folder."""
        self._reader.close()
        self._scratch.close()

    def _train(self, assignment: Assignment, phases: Phases, facts: dict[str, Any]) -> dict[str, Any]:
        held, row = assignment.held, assignment.held.slice
        own = row.trainer is not None and row.trainer != (self._setup.trainer or DEFAULT_TRAINER)
        params = dict(row.params or ({} if own else self._setup.params))
        facts["trainer"] = self.trainer_of(row)
        with phases.time("load"):
            data = self._load(row, assignment.together)
            facts |= {"train_rows": len(data.train), "test_rows": len(data.test)}
            dataset = _dataset(data, params, self._setup.seed)
        if assignment.ahead is not None and not self._reads_itself:
            self._reader.read_ahead(assignment.ahead.row, assignment.ahead.together)
        kept: dict[str, Any] = self._defended(assignment, dataset, data.labels, phases)
        if self._detector is not None:  # before a train() of the user's own can change the data
            with phases.time("evaluate"):
                kept["profiles"] = profiles_of(self._detector, data.train, data.test)
        if self._trains_itself(row):
            return kept | self._by_user(held, dataset, data.labels, params, phases, facts)
        return kept | self._built_in(assignment, dataset, data.labels, params, phases, facts)

    def _defended(
        self, assignment: Assignment, dataset: Dataset, labels: Any, phases: Phases
    ) -> dict[str, Any]:
        """How the champion does; before the training, which may change the data it is given."""
        if assignment.champion is None or not self._setup.defend:
            return {}
        with phases.time("evaluate"):
            defence = self._defending.defence(assignment.champion, assignment.held.slice, dataset, labels)
        return {"defence": defence}

    def trainer_of(self, row: Slice) -> str:
        """The trainer in force for a slice: its own, else the run's."""
        if row.trainer is not None:
            return row.trainer
        return "worker" if self._trains_itself(row) else (self._setup.trainer or DEFAULT_TRAINER)

    def _trains_itself(self, row: Slice) -> bool:
        return row.trainer is None and self._user is not None and self._user.trains

    @property
    def _reads_itself(self) -> bool:
        return self._user is not None and self._user.reads

    def _code_version(self, row: Slice) -> str:
        if self._user is not None and self._trains_itself(row):
            return self._user.code_version
        return BUILT_IN

    def _load(self, row: Slice, together: Sequence[str]) -> Cut:
        if self._user is not None and self._reads_itself:
            data = cut(self._user.get_data(row), row)
            if self._label_column is not None:
                data = taken_out(data, self._label_column)
        else:
            data = self._reader.load(row, together)
        if self._label_file is not None:
            data = replace(data, labels=self._label_file.of_test(row, data.test.index))
        return data

    def _built_in(
        self,
        assignment: Assignment,
        dataset: Dataset,
        labels: Any,
        params: Mapping[str, str],
        phases: Phases,
        facts: dict[str, Any],
    ) -> dict[str, Any]:
        from runner import trainers
        from runner.metrics import evaluate
        from runner.params import parse_params

        name = facts["trainer"]
        trainer = trainers.find(name)
        chosen = parse_params(trainer.Params, params, name)
        with phases.time("load"):
            dataset = self._warm(dataset, trainer, chosen, assignment.champion, facts)
        with phases.time("fit"):
            model = trainer.train(dataset, chosen)
        facts["model_used"] = model.model_used
        with phases.time("evaluate"):
            metrics = evaluate(model, dataset, labels)
        with phases.time("save"):
            artifacts = self._keep(assignment.held, model, None, name)
        return {"metrics": metrics, "artifacts": artifacts}

    def _warm(
        self, dataset: Dataset, trainer: Any, params: Any, champion: Champion | None, facts: dict[str, Any]
    ) -> Dataset:
        """The dataset with the state of the champion's model, where the training will begin from it."""
        makes_use_of = getattr(trainer, "makes_use_of", None)
        if champion is None or champion.trainer != facts["trainer"] or makes_use_of is None:
            return dataset
        previous = state_of(self._store, champion)
        if previous is None or not makes_use_of(previous, params):
            return dataset
        facts["warm_start_id"] = champion.attempt_id
        return replace(dataset, previous=previous)

    def _by_user(
        self,
        held: Claim,
        dataset: Dataset,
        labels: Any,
        params: Mapping[str, str],
        phases: Phases,
        facts: dict[str, Any],
    ) -> dict[str, Any]:
        from runner.scores import user_metrics

        assert self._user is not None
        own = self._scratch.model
        with phases.time("fit"):
            returned = self._user.train(held.slice, dataset, folder=own, seed=self._setup.seed, params=params)
            trained = interpret(returned, own)
        facts["model_used"] = trained.model_used
        with phases.time("evaluate"):
            metrics = user_metrics(trained, dataset, labels)
        with phases.time("save"):
            artifacts = self._keep(held, trained.model, own, None)
        return {"metrics": metrics, "artifacts": artifacts}

    def _keep(
        self, held: Claim, model: Any, folder: Path | None, trainer: str | None
    ) -> tuple[Artifact, ...]:
        saved = save(model, folder, trainer=trainer)
        if not saved.files:
            return ()
        return self._store.keep(held.slice.id, held.attempt, saved.files, saved.formats)


def _dataset(data: Cut, params: dict[str, str], seed: int) -> Dataset:
    """Add what follows from the time step; `period` is a parameter of every trainer."""
    from runner.params import parse_period
    from runner.period import period_of, step_of

    step = step_of(data.train.index)
    period = parse_period(params.pop("period", None)) or period_of(step)
    return Dataset(train=data.train, test=data.test, period=max(1, period), step=step, seed=seed)


def _failure(error: Exception) -> Failure:
    try:
        message, trace = str(error), "".join(traceback.format_exception(error))
    except Exception:  # the user's own exception may fail to say what it is
        message, trace = "", ""
    return Failure(
        error_type="OutOfMemory" if isinstance(error, MemoryError) else type(error).__name__,
        message=message or type(error).__name__,
        traceback=trace or None,
        final=isinstance(error, FinalError),
        # A column that is missing everywhere is a mistake in the options: that must stop a run.
        by_data=isinstance(error, UnfitDataError) and not isinstance(error, MissingColumnError),
    )
