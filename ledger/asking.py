"""What the user of a ledger asks it; each question imports what it needs, for it is asked often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.database import reading
from ledger.handle import Handle

if TYPE_CHECKING:
    import pandas as pd

    from ledger.failures import FailureGroup
    from ledger.history import SliceHistory
    from ledger.reports import Report


class Asking(Handle):
    """A ledger that is asked; nothing here writes."""

    def status(self) -> Report:
        """Counts per state, rate, ETA, the worst errors and who runs."""
        from ledger.reports import status_report

        with reading(self._engine) as conn:
            return status_report(conn, self.name, now=self._clock())

    def failures(self) -> list[FailureGroup]:
        """What went wrong, grouped by error, the largest group first."""
        from ledger.failures import failure_groups

        with reading(self._engine) as conn:
            return failure_groups(conn, ledger_option=self.option)

    def history(self, slice_id: str) -> SliceHistory:
        """All that is known of one slice. Raises UnknownSliceError."""
        from ledger.history import slice_history

        with reading(self._engine) as conn:
            return slice_history(conn, slice_id)

    def query(self, sql: str) -> pd.DataFrame:
        """The answer to one SELECT; nothing can be written. Raises QueryError."""
        import pandas as pd

        from ledger.query import run_query

        columns, rows = run_query(self._engine, sql)
        return pd.DataFrame(rows, columns=columns)
