"""What must be trained, what happened, what is live, and which files hold models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.store import Ledger

__version__ = "0.1.0"
__all__ = ["Ledger", "__version__"]


def __getattr__(name: str) -> Any:
    # SQLAlchemy costs a quarter of a second, so only who asks for the ledger pays for it.
    if name == "Ledger":
        from ledger.store import Ledger

        return Ledger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
