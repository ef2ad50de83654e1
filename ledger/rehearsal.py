"""An import tried where there is no ledger yet, so that a bad split file leaves none behind."""

from __future__ import annotations

from pathlib import Path

from ledger.database import ledger_url, sqlite_path
from ledger.findings import Findings
from ledger.import_report import ImportReport
from ledger.splitfile import read_batches


def rehearse(ledger: str, split: str | Path, *, group_by: str | None = None) -> ImportReport | None:
    """Read a whole split file and say what its import would do where there is no SQLite ledger yet.

    None where there is one already, on PostgreSQL, and where none can be made. Raises
    SplitFileError and AccessError as the import does.
    """
    path = sqlite_path(ledger_url(ledger))
    if path is None or path.exists() or not path.parent.is_dir():
        return None
    findings = Findings(str(split))
    rows = sum(len(batch) for batch in read_batches(Path(split).absolute(), findings, group_by=group_by))
    findings.raise_if_any()
    return ImportReport(
        path=str(split),
        rows=rows,
        added=rows,
        changed=0,
        unchanged=0,
        retired=0,
        missing=0,
        overlapping=findings.overlapping,
        dry_run=True,
    )
