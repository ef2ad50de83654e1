"""A drift detector by the name it has on a command line: `panel`, or `file.py:Name` for one's own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from runner.drift.detector import DriftDetector, Panel
from runner.errors import OptionError

if TYPE_CHECKING:
    from runner.drift.finding import Finding

PANEL = "panel"
ROWS, CYCLES = 500, 5
"""The window unless another is asked for: so many rows, and so many of the shortest season."""
LONGEST = 20_000


def find(name: str) -> DriftDetector:
    """The detector called so. Raises OptionError for what is none, and what its file raises as a sentence."""
    if name == PANEL:
        return cast(DriftDetector, Panel())  # frozen: its name is not to be set
    path, colon, wanted = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise OptionError(f"detector is {name!r}; it is panel, or file.py:Name for one of your own")
    found = getattr(_module(Path(path)), wanted, None)
    made = found() if isinstance(found, type) else found
    if not isinstance(made, DriftDetector):
        raise OptionError(f"{path} defines no drift detector {wanted}: it has a name, profile() and check()")
    return made


def absolute(name: str, folder: Path = Path()) -> str:
    """The same detector, wherever it is asked for; its file may be named from `folder`."""
    path, colon, wanted = name.rpartition(":")
    return f"{(folder / path).absolute()}:{wanted}" if colon else name


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored profile, ready to be compared with: how many rows it wants, and what compares them."""

    rows: int
    check: Callable[[Any], Finding]


def opened(detector: DriftDetector, profile: bytes) -> Opened:
    """Make ready what a detector has stored. Raises what the detector raises for bytes that are not its own.

    The panel wants the last 500 rows, and at least five of its shortest season; others 500.
    """
    if not isinstance(detector, Panel):
        return Opened(ROWS, partial(detector.check, profile))
    from runner.drift.panel import check
    from runner.drift.profile import Profile

    known = Profile.from_bytes(profile)
    shortest = min((season.period for season in known.seasons), default=0.0)
    rows = CYCLES * shortest / known.step if known.step else 0.0
    return Opened(max(ROWS, min(LONGEST, round(rows))), partial(check, known))


def _module(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"slice_ledger_detector_{file.stem}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise OptionError(f"there is no detector file {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's own code may raise anything
        told = f"{type(error).__name__}: {error}"
        raise OptionError(f"the detector file {file} cannot be imported: {told}") from error
    return module
