"""The sample of a plan: slices of every stratum trained in a scratch folder, and what each stood for."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.database import reading
from ledger.excerpt import excerpt
from ledger.records import Source
from ledger.store import Ledger
from ledger.stretches import columns, positions
from runner.assignment import Setup
from runner.options import RunOptions
from runner.planning.blocks import LARGEST, Block, blocks, least
from runner.planning.rehearsal import Rehearsal, rehearse
from runner.planning.strata import Stratum
from runner.planning.watched import Trained

FAST = 3_000
"""Where slices are fast, so many of them may be trained."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was trained, each slice with its block; and how the run over the excerpt went."""

    trained: tuple[tuple[Trained, Block, int], ...]  # with the number of the block
    rehearsal: Rehearsal


class Sampler:
    """Trains samples of one queue with the options of one run."""

    def __init__(
        self, ledger: Ledger, options: RunOptions, setup: Setup, preload: list[str], workers: int
    ) -> None:
        self._ledger = ledger
        self._options = options
        self._setup = setup
        self._preload = preload
        self._workers = workers

    def get_ready(self, parts: Sequence[Stratum]) -> None:
        """Train one slice of each stratum: what is compiled once per machine is no cost of a run.

        That is in another process than this, which in a run without workers loads its libraries itself.
        """
        last = [blocks([part], workers=1, most=2 * LARGEST)[-1] for part in parts]
        chosen = [replace(block, stratum=number, slices=1) for number, block in enumerate(last)]
        self._train(chosen, replace(self._options, workers=1), len(chosen))

    def sample(self, parts: Sequence[Stratum], count: int) -> Sample:
        """Train at least `count` slices with all workers, where there are so many."""
        workers = max(1, self._workers)
        count = max(count, sum(least(part, workers) for part in parts))
        return self._train(blocks(parts, workers=workers, most=max(count, FAST)), self._options, count)

    def _train(self, chosen: Sequence[Block], options: RunOptions, count: int) -> Sample:
        with _scratch(self._ledger) as folder:
            places, together = self._looked_up(chosen)
            durable = options.durable or self._ledger.path is None
            flat = [position for some in places for position in some]
            with excerpt(self._ledger, flat, folder, durable=durable) as made:
                names = made.query("SELECT id FROM slices ORDER BY position")["id"].tolist()
                rehearsal = rehearse(made, options, self._setup, self._preload, together, sample=count)
        numbers = [number for number, some in enumerate(places) for _ in some]
        block_of = dict(zip(names, numbers, strict=True))
        trained = tuple(
            (each, chosen[block_of[each.slice_id]], block_of[each.slice_id]) for each in rehearsal.trained
        )
        return Sample(trained, rehearsal)

    def _looked_up(self, chosen: Sequence[Block]) -> tuple[list[list[int]], dict[Source, tuple[str, ...]]]:
        """The positions of each block's slices, and the columns that their tables are read with."""
        together: dict[Source, tuple[str, ...]] = {}
        with reading(self._ledger.engine) as conn:
            places = [positions(conn, block.stretch, block.start, block.slices) for block in chosen]
            for stretch in {block.stretch.source: block.stretch for block in chosen}.values():
                together[stretch.source] = columns(conn, stretch)
        return places, together


@contextmanager
def _scratch(ledger: Ledger) -> Iterator[Path]:
    """A folder that is gone afterwards; on the disk where the model files will be, where that is near."""
    root = ledger.artifact_root()
    beside = None if "://" in root else Path(root).parent
    tmp = Path(tempfile.gettempdir())
    near = beside is not None and os.access(beside, os.W_OK) and beside.stat().st_dev != tmp.stat().st_dev
    folder = Path(tempfile.mkdtemp(prefix="slice-ledger-plan-", dir=beside if near else tmp))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
