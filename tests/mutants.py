"""Breaks the code on purpose, one line at a time: `python -m tests.mutants [WORD]` shows which test turns red.

Works on a copy of the checkout. docs/testing.md lists the mutants with their tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file, and the test that must notice it."""

    name: str
    file: str
    old: str
    new: str
    test: str


MUTANTS = (
    Mutant(
        "unfenced completion",
        "ledger/closing.py",
        'slices.c.attempt == bindparam("claimed_attempt"), RUNNING)',
        'bindparam("claimed_attempt") == bindparam("claimed_attempt"))',
        "tests/test_claims.py::test_a_runner_that_lost_its_slice_cannot_record_a_result",
    ),
    Mutant(
        "row before file",
        "ledger/artifacts.py",
        "temporary = target.with_name(",
        "temporary = target if True else target.with_name(",
        "tests/test_artifacts.py::test_a_path_never_names_half_a_file",
    ),
    Mutant(
        "file not flushed",
        "runner/engine.py",
        "if isinstance(event, Report) and event.artifacts:",
        "if isinstance(event, Report) and event.artifacts and event is None:",
        "tests/test_flushing.py::test_the_ledger_names_no_file_that_is_not_on_the_disk",
    ),
    Mutant(
        "DEFERRED transactions",
        "ledger/database.py",
        'sqlite_begin="IMMEDIATE"',
        'sqlite_begin="DEFERRED"',
        "tests/test_database.py::test_a_writing_transaction_has_the_lock_before_it_reads",
    ),
    Mutant(
        "no heartbeat check",
        "ledger/runners.py",
        "self._seen[other.id][1] > LEASE_SECONDS",
        "self._seen[other.id][1] > 1e12",
        "tests/test_runners.py::test_silence_for_a_whole_lease_is_death_and_a_beat_is_life",
    ),
    Mutant(
        "bound status in the claim",
        "ledger/queue.py",
        "PENDING = text(\"slices.status = 'pending'\")",
        "PENDING = text(\"slices.status = :s\").bindparams(s='pending')",
        "tests/test_claims.py::test_a_claim_uses_the_index_of_pending_slices_alone",
    ),
    Mutant(
        "worker deaths not counted",
        "ledger/closing.py",
        "_CRASH if outcome is Outcome.CRASHED else _FAIL",
        "_FAIL",
        "tests/test_claims.py::test_a_crash_counts_as_a_crash_and_not_as_a_try",
    ),
    Mutant(
        "row of a live runner taken back",
        "ledger/runners.py",
        "if other.alive is False or",
        "if True or",
        "tests/test_runners.py::test_the_slices_of_a_living_runner_stay_with_it",
    ),
    Mutant(
        "an unheard COMMIT counts as overtaken",
        "ledger/recording.py",
        "resolved.stands = claims.outcome_of(self._conn, held) in wanted",
        "resolved.stands = False",
        "tests/test_recording.py::test_a_result_told_twice_stands_and_is_there_once",
    ),
    Mutant(
        "results counted before their COMMIT",
        "runner/engine.py",
        "            self._results.forget()\n",
        "",
        "tests/crash/test_postgresql_faults.py::test_a_connection_dropped_around_a_commit_costs_nothing",
    ),
    Mutant(
        "the ledger's file is not looked at",
        "runner/engine.py",
        "            self._ledger.require_present()\n",
        "",
        "tests/crash/test_fault_points.py::test_a_ledger_that_vanishes_under_a_run_stops_it",
    ),
    Mutant(
        "what a dead worker had not begun is dropped",
        "runner/dealing.py",
        "            self._again(event.left)\n",
        "",
        "tests/test_fast_slices.py::test_one_that_kills_its_worker_costs_those_behind_it_nothing",
    ),
    Mutant(
        "a worker keeps what waits behind a long slice",
        "runner/worker.py",
        "            if time.monotonic() - began > LONG_SECONDS:\n",
        "            if False:\n",
        "tests/test_fast_slices.py::test_slow_slices_behind_fast_ones_are_left_to_whoever_is_free",
    ),
    Mutant(
        "a worker told to end takes the next slice with it",
        "runner/pool.py",
        "innocent = worker.has_ended_for_another",
        "innocent = False",
        "tests/test_fast_slices.py::test_one_that_ends_just_before_its_worker_is_killed_costs_those_behind_it_nothing",
    ),
    Mutant(
        "a worn worker is given more",
        "runner/pool.py",
        "if worker.ready and not worker.worn and",
        "if worker.ready and",
        "tests/test_fast_slices.py::test_a_worn_worker_ends_its_slices_before_it_is_replaced",
    ),
    Mutant(
        "a plan charges a shared reading to every slice",
        "runner/planning/estimate.py",
        "    share = block[0].share\n",
        "    share = 1.0\n",
        "tests/test_plan_estimate.py::test_a_reading_is_counted_once_for_its_table_and_not_for_each_slice",
    ),
    Mutant(
        "a plan takes a worker's first slice for a usual one",
        "runner/planning/estimate.py",
        "    later = [each for each in some if not each.first]\n",
        "    later = list(some)\n",
        "tests/test_plan_estimate.py::test_what_a_worker_does_once_is_counted_once_for_all_workers_at_the_same_time",
    ),
    Mutant(
        "a plan reads a column where a run reads its table",
        "runner/planning/rehearsal.py",
        "        return self._columns.get(taken.source, ())\n",
        "        return ()\n",
        "tests/test_plan.py::test_a_table_is_read_with_all_columns_that_the_queue_reads",
    ),
    Mutant(
        "unfenced drift run",
        "ledger/drift/runs.py",
        "    if conn.execute(held.with_for_update()).first() is None:",
        "    if conn.execute(held.with_for_update()).first() is False:",
        "tests/test_driftrun.py::test_a_runner_whose_drift_run_was_taken_over_writes_nothing_any_more",
    ),
    Mutant(
        "drift windows that overlap",
        "runner/driftrun/checking.py",
        "None if target.previous is None else target.previous.window_to",
        "None",
        "tests/test_driftrun.py::test_suspect_twice_is_drifted_and_the_second_window_begins_after_the_first",
    ),
    Mutant(
        "suspicion of an earlier model",
        "ledger/drift/plan.py",
        "        _checks.c.attempt_id == slices.c.champion_id,\n",
        "",
        "tests/test_driftrun.py::test_a_verdict_names_the_model_that_was_judged_and_is_none_on_its_successor",
    ),
    Mutant(
        "checks made twice",
        "ledger/drift/plan.py",
        "    if run_id is not None:",
        "    if run_id is False:",
        "tests/crash/test_drift.py::test_a_drift_run_killed_anywhere_goes_on_where_it_was",
    ),
    Mutant(
        "a batch lost with its worker",
        "runner/driftrun/engine.py",
        "            batches.put_back(batch)\n            return\n",
        "            return\n",
        "tests/test_driftrun.py::test_a_check_that_kills_its_worker_costs_its_own_slice_only",
    ),
    Mutant(
        "a champion's score on its old test range decides",
        "runner/defending.py",
        "            return Defence(*named, self._measured(champion, row, dataset, labels))\n",
        "            return Defence(*named, champion.metrics)\n",
        "tests/test_defending.py::test_the_champion_is_scored_on_the_new_test_range_as_it_would_serve_there",
    ),
    Mutant(
        "a champion's recorded score counts on another test range",
        "ledger/registry.py",
        "metrics_of(conn, attempt_id) if same else {}",
        "metrics_of(conn, attempt_id)",
        "tests/test_defending.py::test_a_model_of_ones_own_has_its_recorded_metrics_for_the_same_test_range_only",
    ),
    Mutant(
        "a challenger's verdict is ignored",
        "runner/results.py",
        "        if ruling is not None and verdict.passed:\n",
        "        if ruling is not None and verdict.passed and ruling.verdict.passed:\n",
        "tests/test_defending.py::test_a_worse_model_is_rejected_with_both_scores_and_the_champion_serves",
    ),
    Mutant(
        "a rejected model becomes champion",
        "ledger/closing.py",
        "    if success.passed:\n        _leave",
        "    if success.passed or held:\n        _leave",
        "tests/test_defending.py::test_a_worse_model_is_rejected_with_both_scores_and_the_champion_serves",
    ),
    Mutant(
        "a rollback of a champion is not remembered",
        "ledger/rollback.py",
        "            before.c.before_id,\n",
        "            served.c.id,\n",
        "tests/test_promotions.py::test_a_rollback_returns_to_the_champion_before_step_by_step",
    ),
    Mutant(
        "a champion of a slice in training is rolled back",
        "ledger/rollback.py",
        "text(\"slices.status <> 'running'\")",
        "text(\"slices.status <> ''\")",
        "tests/test_postgresql_races.py::test_a_slice_that_is_claimed_while_it_is_rolled_back_keeps_its_champion",
    ),
    Mutant(
        "a champion that was not judged is queued for drift",
        "ledger/shortlist.py",
        '\n        AND COALESCE(slices.champion_id, 0) = COALESCE(c.champion_id, 0)"""',
        '"""',
        "tests/test_postgresql_races.py::test_a_champion_that_is_replaced_while_drift_is_looked_up_is_not_queued_for_it",
    ),
    Mutant(
        "a verdict on an earlier champion queues its successor",
        "ledger/selection.py",
        "        check.c.attempt_id == slices.c.champion_id,\n",
        "",
        "tests/test_requeue_rolling.py::test_a_drift_verdict_on_a_model_that_was_replaced_queues_nothing",
    ),
    Mutant(
        "a champion is drifted again for the same check",
        "ledger/selection.py",
        "        check.c.requeued_at.is_(None),\n",
        "",
        "tests/test_requeue_rolling.py::test_one_drift_check_queues_its_slice_once_whatever_becomes_of_it",
    ),
    Mutant(
        "gc removes a champion",
        "ledger/thinning.py",
        "models.c.place > keep, ~serves)",
        "models.c.place > keep)",
        "tests/test_promotions.py::test_older_models_give_up_their_files_and_a_champion_never",
    ),
    Mutant(
        "a champion's ranges are not rolled",
        "ledger/forward.py",
        "        rows.append((",
        "        () and rows.append((",
        "tests/test_requeue_rolling.py::test_by_age_ranges_roll_forward_by_the_days_since_the_champion_was_trained",
    ),
)


def survives(mutant: Mutant, checkout: Path) -> bool:
    """Whether the test stays green although the code is broken. Raises ValueError for an outdated mutant."""
    path = checkout / mutant.file
    sound = path.read_text(encoding="utf-8")
    if mutant.old not in sound:
        raise ValueError(f"{mutant.name}: {mutant.file} no longer holds the line to break")
    path.write_text(sound.replace(mutant.old, mutant.new, 1), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutant.test]
        done = subprocess.run(
            command,
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode != 1  # 1: tests were run and some failed
    finally:
        path.write_text(sound, encoding="utf-8")


def main(words: list[str]) -> int:
    """Try every mutant whose name has one of `words` in it, or all; 1 when one survives."""
    alive = 0
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "checkout"
        shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".*", "quickstart", "*.db"))
        for mutant in MUTANTS:
            if not words or any(word in mutant.name for word in words):
                lives = survives(mutant, checkout)
                alive += lives
                print("SURVIVES" if lives else "red     ", mutant.name, flush=True)
    return min(alive, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
