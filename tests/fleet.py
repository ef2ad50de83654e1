"""Slices claimed, their model files kept, and results recorded, step by step as a runner does it."""

from __future__ import annotations

from pathlib import Path

from ledger.records import Artifact, Claim, Facts, Success
from ledger.store import Ledger

HEADER = "id,file,train_from,train_to,test_from,test_to\n"


def import_slices(ledger: Ledger, folder: Path, *ids: str) -> None:
    """Import slices with these ids."""
    rows = "".join(f"{name},x.csv,0,9,10,14\n" for name in ids)
    (folder / "split.csv").write_text(HEADER + rows, encoding="utf-8")
    ledger.import_slices(folder / "split.csv")


def claim(ledger: Ledger, runner: int | None = None) -> Claim:
    """The next slice, by a runner of its own unless one is given."""
    runner = ledger.register_runner({}) if runner is None else runner
    with ledger.recording() as record:
        held = record.claim(runner)
    assert held is not None
    return held


def keep(ledger: Ledger, held: Claim, *names: str) -> tuple[Artifact, ...]:
    """Write the model files of an attempt; the ledger does not know of them yet."""
    files: dict[str, bytes | Path] = {name: name.encode() for name in names or ("model.json",)}
    return ledger.artifact_store().keep(held.slice.id, held.attempt, files, "json")


def complete(ledger: Ledger, held: Claim, kept: tuple[Artifact, ...], *, passed: bool = True) -> None:
    """Record an attempt with its files."""
    with ledger.recording() as record:
        assert record.complete(held, Success({"mae": 1.0}, kept, passed=passed), Facts())


def train(ledger: Ledger) -> Path:
    """Claim, keep, record; return where the model file is."""
    held = claim(ledger)
    kept = keep(ledger, held)
    complete(ledger, held, kept)
    return Path(ledger.artifact_store().place(kept[0].path))


def lose(ledger: Ledger, *names: str) -> Path:
    """Claim, keep, and die before anything is recorded; return where the file is."""
    held = claim(ledger)
    kept = keep(ledger, held, *names)
    ledger.take_back_lost([held.runner_id])
    return Path(ledger.artifact_store().place(kept[0].path))
