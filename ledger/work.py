"""What a runner does to a ledger: each method is one event in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ledger import __version__, claims, migrate, powercut, queue, runners
from ledger.database import reading, writing
from ledger.errors import ArtifactError
from ledger.handle import Handle
from ledger.hosts import this_process
from ledger.othercode import OtherCode, other_code
from ledger.recording import Recording
from ledger.records import Claim, Slice


class Work(Handle):
    """The runners' side of a ledger."""

    def register_runner(self, options: Mapping[str, Any], *, command: str = runners.RUN) -> int:
        """Announce this process as a runner and return its id.

        Raises SchemaError when the ledger was upgraded since it was opened.
        """
        with writing(self._engine) as conn:
            me = runners.register(
                conn,
                this_process(),
                options=options,
                version=__version__,
                now=self._clock(),
                command=command,
            )
            # Asked after the row is in: an upgrade refuses where it sees one, and locks out new ones.
            migrate.require_current(migrate.revision_of(conn), self.name)
            return me

    def beat(self, runner_id: int) -> bool:
        """Say that the runner lives; False when it was declared dead meanwhile."""
        with writing(self._engine) as conn:
            return runners.beat(conn, runner_id, now=self._clock())

    def end_runner(self, runner_id: int, ending: str) -> int:
        """Close the record of a runner that stops, and give back what it still holds; return how many slices.

        Of a runner that has ended nobody would take a slice back: it would be running for ever.
        """
        with writing(self._engine) as conn:
            now = self._clock()
            runners.end(conn, [runner_id], ending=ending, now=now)  # first: now it claims nothing
            return claims.release_unknown(conn, runner_id, known=(), now=now, reason="its runner ended")

    def ended_with_slices(self) -> set[int]:
        """The runners whose record is closed although slices are in their hands."""
        with reading(self._engine) as conn:
            return runners.ended_with_slices(conn)

    def live_runners(self) -> list[runners.RunnerRecord]:
        """Every runner that has not ended, with whether it lives as far as this machine knows."""
        with reading(self._engine) as conn:
            return runners.live_runners(conn)

    def last_run(self) -> runners.LastRun | None:
        """The run to go on with, None when there never was one."""
        with reading(self._engine) as conn:
            return runners.last_run(conn)

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """One transaction for several events of a runner."""
        with writing(self._engine) as conn:
            yield Recording(conn, self._clock())

    def take_back_lost(self, dead: Collection[int]) -> int:
        """Give back what these dead runners held and close their records; return how many slices."""
        with writing(self._engine) as conn:
            runners.end(conn, dead, ending="died", now=self._clock())  # first: now they claim nothing
            return claims.take_back_lost(conn, dead=dead, now=self._clock())

    def train_again_what_a_power_cut_took(self) -> int:
        """Queue the slices again whose model file did not outlive the machine; return how many.

        Looked at are the newest files of runners that went down with this machine, where the root is
        a folder.
        """
        store, lost = self.artifact_store(), set()
        with reading(self._engine) as conn:
            written = [] if store.is_remote else list(powercut.newest_files(conn))
        for attempt_id, file in written:
            try:
                store.check(file)
            except ArtifactError:
                lost.add(attempt_id)
        if not lost:
            return 0
        with writing(self._engine) as conn:
            return powercut.train_again(conn, lost)

    def held_by(self, runner_ids: Collection[int]) -> int:
        """How many slices these runners hold."""
        with reading(self._engine) as conn:
            return queue.held_by(conn, runner_ids)

    def unfinished(self) -> int:
        """How many slices are pending, waiting or running."""
        with reading(self._engine) as conn:
            return queue.unfinished(conn)

    def still_queued(self, slice_ids: Collection[str]) -> set[str]:
        """Those of these slices that are pending or waiting."""
        with reading(self._engine) as conn:
            return queue.still_queued(conn, slice_ids)

    def any_slice(self, wanted: Callable[[Slice], bool]) -> bool:
        """Whether there is a slice, not retired, of which this is true."""
        with reading(self._engine) as conn:
            return any(map(wanted, queue.every(conn)))

    def sample(self, count: int) -> list[Claim]:
        """Up to `count` slices spread over the ledger, to be tried out; nothing is claimed."""
        with reading(self._engine) as conn:
            return queue.sample(conn, count)

    def other_code(self, *, unnamed: str, built_in: str) -> OtherCode:
        """Champions trained by other code than these: of slices that name no trainer, and of others."""
        with reading(self._engine) as conn:
            return other_code(conn, unnamed=unnamed, built_in=built_in)

    def trainers_named(self) -> set[str]:
        """The trainers that slices still to be trained name for themselves."""
        with reading(self._engine) as conn:
            return queue.trainers_named(conn)
