"""What may happen to slices, in any order, each step compared with the model in plain Python."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
)
from sqlalchemy import select, text

from ledger.contradictions import contradictions
from ledger.database import reading
from ledger.errors import UnknownSliceError
from ledger.recording import Recording
from ledger.records import Artifact, Claim, Facts, Failure, Success
from ledger.requeue import Selection
from ledger.schema import artifacts, attempts, metrics, slices
from ledger.status import Outcome, Status
from ledger.store import Ledger
from tests.conftest import Clock
from tests.slice_model import Model, Row, is_older

HEADER = "id,file,train_from,train_to,test_from,test_to,priority\n"
IDS = ("a", "b", "c", "d", "e", "f")
FILES = st.lists(
    st.tuples(st.sampled_from(IDS), st.integers(1, 2), st.integers(0, 2)),
    min_size=2,
    unique_by=lambda row: row[0],
)
WHERE: dict[str, Callable[[Row], bool]] = {
    "tries > 0": lambda row: row.tries > 0,
    "crashes > 0 OR priority = 2": lambda row: row.crashes > 0 or row.priority == 2,
    "champion_attempt IS NULL": lambda row: row.champion is None,
    "last_outcome = 'lost'": lambda row: row.outcomes[-1:] == ["lost"],
    "status = 'waiting' AND id <> 'a'": lambda row: row.status == "waiting" and row.id != "a",
}
BY_STATE = {"failed": st.booleans(), "rejected": st.booleans()}
BY_ID = {"ids": st.lists(st.sampled_from(IDS), max_size=4).map(tuple)}
BY_CONDITION = {"where": st.none() | st.sampled_from(sorted(WHERE))}
BY_AGE = {"older_than": st.none() | st.integers(0, 20).map(lambda seconds: timedelta(seconds=seconds))}
SELECTIONS = st.one_of(
    st.just(Selection(failed=True, rejected=True)),
    st.just(Selection(ids=("unknown",))),
    *(st.builds(Selection, **by) for by in (BY_STATE, BY_ID, BY_CONDITION, BY_AGE)),
    st.builds(Selection, **BY_STATE, **BY_ID, **BY_CONDITION, **BY_AGE),
)

PROCESSES = st.integers(0, 2)
MEANWHILE = st.sampled_from(
    [*["nothing"] * 4, "row changed", "row left out", "declared dead", "recorded before"]
)
SELDOM = st.sampled_from([False, False, False, True])


class LifeOfSlices(RuleBasedStateMachine):
    """Three processes work on the ledger. Each has an id as a runner, and an account of what
    it holds: it will record that, whatever became of it meanwhile.
    """

    def __init__(self, ledger: Ledger, clock: Clock, split: Path) -> None:
        super().__init__()
        self.ledger, self.clock, self.split = ledger, clock, split
        self.model = Model()
        self.closed: dict[int, tuple[object, ...]] = {}
        self.ids = [self._register() for _ in range(3)]
        self.accounts: list[list[Claim]] = [[], [], []]
        self.recorded: list[list[Claim]] = [[], [], []]
        self.slices_are_imported([(name, 1, place % 3) for place, name in enumerate(IDS)], prune=False)

    @rule(rows=FILES | st.none(), prune=SELDOM)
    def slices_are_imported(self, rows, prune):
        """A file of these rows; None: the last file once more."""
        if rows is not None:
            lines = (f"{name},x.csv,0,{spec},10,14,{priority}\n" for name, spec, priority in rows)
            self.split.write_text(HEADER + "".join(lines), encoding="utf-8")
            self.file = {name: (spec, priority) for name, spec, priority in rows}

        report = self.ledger.import_slices(self.split, prune=prune)

        counts = self.model.bring_in(self.file, prune=prune)
        assert {name: getattr(report, name) for name in counts} == counts

    @rule(process=PROCESSES, heard=st.lists(SELDOM.map(operator.not_), min_size=1, max_size=3))
    def slices_are_claimed(self, process, heard):
        """One for each of `heard`; a claim that was not heard of stands in the ledger alone."""
        with self.ledger.recording() as record:
            taken = [record.claim(self.ids[process]) for _ in heard]

        for claim, told in zip(taken, heard, strict=True):
            row = self.model.claim(self.ids[process])
            assert (None if claim is None else _told(claim)) == (None if row is None else _expected(row))
            if claim is not None and told:
                self.accounts[process].append(claim)

    @rule(process=PROCESSES, meanwhile=MEANWHILE, passed=st.booleans(), heard=st.booleans())
    def a_model_is_recorded(self, process, meanwhile, passed, heard):
        if claim := self._claim_of(process, meanwhile):
            made = (Artifact(f"{claim.attempt_id}/model", "json", 2, "0" * 64),)
            success = Success({"mae": 0.5, "odd": float("nan")}, made, passed, "" if passed else "mae")
            self._record(
                lambda record: record.complete(claim, success, Facts(fit_seconds=1.0)),
                stands=self.model.complete(claim, passed=passed, now=self.clock.now),
                heard=heard,
            )

    @rule(
        process=PROCESSES,
        meanwhile=MEANWHILE,
        outcome=st.sampled_from([Outcome.FAILED, Outcome.TIMEOUT, Outcome.CRASHED]),
        wait=st.none() | st.integers(0, 10),
        heard=st.booleans(),
    )
    def a_failure_is_recorded(self, process, meanwhile, outcome, wait, heard):
        if claim := self._claim_of(process, meanwhile):
            retry_at = None if wait is None else self.clock.now + timedelta(seconds=wait)
            failure = Failure("ValueError", "bad")
            self._record(
                lambda record: record.fail(claim, failure, Facts(), outcome=outcome, retry_at=retry_at),
                stands=self.model.fail(claim, outcome.value, retry_at),
                heard=heard,
            )

    @rule(
        process=PROCESSES,
        meanwhile=MEANWHILE,
        failure=st.none() | st.just(Failure("NoSpace", "full")),
        heard=st.booleans(),
    )
    def a_slice_is_given_back(self, process, meanwhile, failure, heard):
        if claim := self._claim_of(process, meanwhile):
            self._record(
                lambda record: record.release(claim, reason="stopped", failure=failure),
                stands=self.model.release(claim, "failed" if failure else "interrupted"),
                heard=heard,
            )

    def _claim_of(self, process: int, meanwhile: str) -> Claim | None:
        """What a process holds by its own account, else a new claim; then what happens to it meanwhile."""
        account, recorded = self.accounts[process], self.recorded[process]
        if meanwhile == "recorded before":
            return recorded[-1] if recorded else None
        if not account:
            self.a_runner_says_that_it_lives(process)
            self.slices_are_claimed(process, [True])
        if not account:
            return None
        claim = account.pop(0)
        recorded.append(claim)
        file = {name: row for name, row in self.file.items() if name != claim.slice.id}
        if meanwhile == "row changed":
            file[claim.slice.id] = (3 - self.model.rows[claim.slice.id].spec, claim.slice.priority)
        if file and meanwhile.startswith("row"):
            self.slices_are_imported([(name, *row) for name, row in file.items()], prune=True)
        if meanwhile == "declared dead":
            self.runners_are_declared_dead({process}, at_work=False, awake=False)
        return claim

    def _record(self, say: Callable[[Recording], bool], *, stands: bool, heard: bool) -> None:
        """Record; where the answer to COMMIT was not heard, once more, which must change nothing."""
        for _ in range(1 if heard else 2):
            with self.ledger.recording() as record:
                assert say(record) is stands

    @rule(processes=st.sets(PROCESSES, min_size=1, max_size=2), at_work=st.booleans(), awake=st.booleans())
    def runners_are_declared_dead(self, processes, at_work, awake):
        """They go on with a new id if they are awake; else they notice when they beat."""
        for process in processes if at_work else ():
            self.slices_are_claimed(process, [True])
        dead = [self.ids[process] for process in processes]
        lost = [row for runner in dead for row in self.model.held_by(runner)]

        assert self.ledger.take_back_lost(dead) == self.model.give_back(lost, "lost")
        self.model.runners |= dict.fromkeys(dead, False)
        for process in processes if awake else ():
            self.a_runner_says_that_it_lives(process)

    @rule(process=PROCESSES)
    def a_runner_says_that_it_lives(self, process):
        lives = self.ledger.beat(self.ids[process])

        assert lives is self.model.runners[self.ids[process]]
        if not lives:
            self.ids[process] = self._register()

    def _register(self) -> int:
        runner = self.ledger.register_runner({})
        assert runner not in self.model.runners
        self.model.runners[runner] = True
        return runner

    @rule(process=PROCESSES, stops=SELDOM)
    def what_a_runner_never_heard_of_is_given_back(self, process, stops):
        runner = self.ids[process]
        known = () if stops else self.accounts[process]
        if stops:
            count = self.ledger.end_runner(runner, "finished")
            self.model.runners[runner] = False
            self.ids[process] = self._register()
        else:
            with self.ledger.recording() as record:
                count = record.release_unknown(runner, [claim.attempt_id for claim in known])

        heard = {(claim.slice.id, claim.attempt) for claim in known}
        mine = self.model.held_by(runner)
        unheard = [row for row in mine if (row.id, len(row.outcomes)) not in heard]
        assert count == self.model.give_back(unheard, "interrupted")

    @rule(seconds=st.none() | st.integers(0, 20))
    def time_passes_until_some_are_due(self, seconds):
        """So many seconds; None: until the moment when the next one is."""
        waits = [row.not_before for row in self.model.rows.values() if row.not_before]
        wait = (min(waits, default=self.clock.now) - self.clock.now).total_seconds()
        self.clock.advance(seconds=max(0, wait) if seconds is None else seconds)
        with self.ledger.recording() as record:
            queued = record.queue_due()
            due = record.next_due()

        assert queued == self.model.queue_due(self.clock.now)
        waits = [row.not_before for row in self.model.rows.values() if row.not_before]
        assert due == min(waits, default=None)

    @rule(selection=SELECTIONS)
    def slices_are_queued_again(self, selection):
        if selection.is_empty:
            return
        if unknown := set(selection.ids) - set(self.model.rows):
            with pytest.raises(UnknownSliceError) as caught:
                self.ledger.requeue(selection)
            assert caught.value.slice_id in unknown
            return

        report = self.ledger.requeue(selection)

        chosen = self._chosen(selection)
        reason = "expired" if selection.older_than is not None else "retry" if selection.failed else "manual"
        assert (report.queued, report.running) == self.model.requeue(chosen, reason)

    def _chosen(self, selection: Selection) -> Callable[[Row], bool]:
        states = [state for state in ("failed", "rejected") if getattr(selection, state)]
        return lambda row: (
            (not selection.ids or row.id in selection.ids)
            and (not states or row.status in states)
            and (selection.where is None or WHERE[selection.where](row))
            and (selection.older_than is None or is_older(row, selection.older_than, self.clock.now))
        )

    @invariant()
    def the_ledger_is_as_it_must_be(self):
        with reading(self.ledger.engine) as conn:
            rows = conn.execute(select(slices)).all()
            tried = conn.execute(select(attempts).order_by(attempts.c.number)).all()
            assert [told for _, told in contradictions(conn)] == []
            counts = conn.execute(text("SELECT * FROM progress")).mappings().one()
            self._only_models_have_results(conn, tried)

        there = Counter(row.status for row in rows)
        assert {state.value: counts[state] for state in Status} == {
            state.value: there[state] for state in Status
        }
        self._every_slice_is_as_the_model_says(rows, tried)
        self._nothing_closed_has_changed(tried)

    def _every_slice_is_as_the_model_says(self, rows, tried):
        outcomes = {
            row.id: [attempt.outcome for attempt in tried if attempt.slice_id == row.id] for row in rows
        }
        assert {row.id: _seen(row) for row in rows} == {
            row.id: _meant(row) for row in self.model.rows.values()
        }
        assert outcomes == {row.id: row.outcomes for row in self.model.rows.values()}

    def _nothing_closed_has_changed(self, tried):
        closed = {attempt.id: tuple(attempt) for attempt in tried if attempt.outcome != "running"}
        assert self.closed.items() <= closed.items()
        self.closed = closed

    def _only_models_have_results(self, conn, tried):
        models = sorted(attempt.id for attempt in tried if attempt.outcome in ("succeeded", "rejected"))
        kept = conn.execute(select(metrics.c.attempt_id, metrics.c.name, metrics.c.kind)).all()
        files = conn.execute(select(artifacts.c.attempt_id, artifacts.c.path)).all()

        kinds = (("mae", "finite"), ("odd", "nan"))
        assert sorted(kept) == [(id, name, kind) for id in models for name, kind in kinds]
        assert sorted(files) == [(id, f"{id}/model") for id in models]


def _told(claim: Claim) -> tuple[object, ...]:
    spec = int(claim.slice.train_to)
    return (claim.slice.id, claim.attempt, spec, claim.slice.priority, claim.tries, claim.crashes)


def _expected(row: Row) -> tuple[object, ...]:
    return (row.id, len(row.outcomes), row.spec, row.priority, row.tries, row.crashes)


def _seen(row) -> tuple[object, ...]:
    work = (row.status, row.reason, row.not_before, row.runner_id, row.champion_id)
    counts = (row.attempt, row.tries, row.crashes, bool(row.deferred))
    return (int(row.train_to), row.priority, *work, *counts)


def _meant(row: Row) -> tuple[object, ...]:
    work = (row.status, row.reason, row.not_before, row.runner, row.champion)
    counts = (len(row.outcomes), row.tries, row.crashes, row.deferred)
    return (row.spec, row.priority, *work, *counts)
