"""Model files on their way to the disk, while the workers go on and the next ones come.

A flush takes milliseconds, for one file or for many, so all that came during one share the next.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from multiprocessing import Pipe

from ledger.artifacts import ArtifactStore, CannotKeepError
from ledger.records import Claim
from runner.assignment import Report


class Flushing:
    """A thread that flushes the files of reports; only then may the ledger name them."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._lock = threading.Condition()
        self._given: list[Report] = []
        self._done: list[Report] = []
        self._held: dict[int, Claim] = {}  # by attempt, until `taken`
        self._error: BaseException | None = None
        self._closed = False
        self._at_work = False
        self.woken, self._wake = Pipe(duplex=False)
        self._thread = threading.Thread(target=self._work, name="flushing", daemon=True)
        self._thread.start()

    @property
    def held(self) -> list[Claim]:
        """The slices whose files are not known to be on the disk yet."""
        return list(self._held.values())

    def give(self, report: Report) -> None:
        """Flush the files of this report."""
        self._held[report.held.attempt_id] = report.held
        with self._lock:
            self._given.append(report)
            self._lock.notify_all()

    def taken(self) -> list[Report]:
        """The reports whose files are on the disk by now, or could not be brought there."""
        with self._lock:
            while self.woken.poll():
                self.woken.recv_bytes()
            done, self._done = self._done, []
            error, self._error = self._error, None
        if error is not None:
            raise error
        for report in done:
            del self._held[report.held.attempt_id]
        return done

    def finish(self) -> list[Report]:
        """Wait for the files of every report, and return what `taken` has not."""
        with self._lock:
            self._lock.wait_for(lambda: not self._given and not self._at_work)
        return self.taken()

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        self._thread.join()
        self.woken.close()
        self._wake.close()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._given or self._closed)
                reports, self._given = self._given, []
                self._at_work = bool(reports)
            if not reports:
                return
            try:
                done, error = self._flushed(reports), None
            except BaseException as raised:  # the runner's own loop must end by it
                done, error = [], raised
            with self._lock:
                self._done += done
                self._error = self._error or error
                self._at_work = False
                self._lock.notify_all()
                self._wake.send_bytes(b".")

    def _flushed(self, reports: list[Report]) -> list[Report]:
        try:
            self._store.flush([artifact for report in reports for artifact in report.artifacts])
        except CannotKeepError as error:
            if len(reports) > 1:  # it may be the file of one of them
                return [self._flushed([report])[0] for report in reports]
            with contextlib.suppress(OSError):
                self._store.remove(reports[0].artifacts)
            return [replace(reports[0], artifacts=(), metrics={}, nothing_kept=str(error))]
        return reports
