"""The user's worker file: its functions get_data, train and evaluate, and what they may return."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ledger import __version__
from ledger.records import Slice
from ledger.text import storable
from runner.errors import ResultError, WorkerFileError
from runner.folder import files_in
from runner.trainer import Dataset, Trained

BUILT_IN = f"slice-ledger {__version__}"
"""The version of the code of every built-in trainer."""
OFFERED = ("folder", "seed", "params")
"""What train() is given beyond row and data, if it names it."""
LONGEST = 200
"""Characters in the name of a metric or a model: the ledger has an index over metrics by name."""


@dataclass(frozen=True, slots=True)
class UserFile:
    """A loaded worker file."""

    path: str
    code_version: str  # the beginning of the file's sha256
    _get_data: Callable[..., Any] | None
    _train: Callable[..., Any] | None
    _evaluate: Callable[..., Any] | None
    _wanted: frozenset[str]

    @classmethod
    def load(cls, path: str) -> UserFile:
        """Import the file. Raises WorkerFileError when it cannot be, or defines neither function."""
        file = Path(path)
        try:
            source = file.read_bytes()
        except OSError as error:
            raise WorkerFileError(f"the worker file {path} cannot be read: {error.strerror}") from None
        module = _import(file)
        train, get_data = getattr(module, "train", None), getattr(module, "get_data", None)
        if train is None and get_data is None:
            raise WorkerFileError(f"{path} defines neither train(row, data) nor get_data(row)")
        return cls(
            path=path,
            code_version=version_of(source),
            _get_data=get_data,
            _train=train,
            _evaluate=getattr(module, "evaluate", None),
            _wanted=_wanted(train) if train else frozenset(),
        )

    @property
    def reads(self) -> bool:
        """Whether it defines get_data."""
        return self._get_data is not None

    @property
    def trains(self) -> bool:
        """Whether it defines train."""
        return self._train is not None

    @property
    def evaluates(self) -> bool:
        """Whether it defines evaluate."""
        return self._evaluate is not None

    def evaluate(self, row: Slice, data: Dataset, model: Any) -> dict[str, float]:
        """Call the user's evaluate on an earlier model. Raises ResultError for what are no metrics."""
        assert self._evaluate is not None
        return _metrics(self._evaluate(row, data, model))

    def get_data(self, row: Slice) -> Any:
        """Call the user's get_data."""
        assert self._get_data is not None
        return self._get_data(row)

    def train(self, row: Slice, data: Dataset, *, folder: Path, seed: int, params: Mapping[str, str]) -> Any:
        """Call the user's train with what it names, the usual sources of chance seeded before."""
        assert self._train is not None
        _seed(seed)
        offered = {"folder": folder, "seed": seed, "params": dict(params)}
        return self._train(row, data, **{name: offered[name] for name in self._wanted})


def version_of(source: bytes) -> str:
    """The version of a worker file's code: the beginning of its sha256."""
    return f"sha256 {hashlib.sha256(source).hexdigest()[:12]}"


def interpret(returned: Any, folder: Path) -> Trained:
    """Understand what train() returned: metrics, a Trained, or None if it left files in `folder`.

    Metrics may be any real numbers, NaN and infinities included; they come back as floats, their names
    as text. Raises ResultError naming what cannot be understood.
    """
    if isinstance(returned, Trained):
        trained = returned
    elif isinstance(returned, Mapping):
        trained = Trained(metrics=returned)
    elif returned is None and files_in(folder):
        trained = Trained()
    elif returned is None:
        raise ResultError("train() returned nothing; it returns metrics, or runner.Trained(metrics, model)")
    else:
        raise ResultError(
            f"train() returned a {type(returned).__name__}; it returns a mapping of metrics, "
            "or runner.Trained(metrics, model)"
        )
    used = trained.model_used
    if used is not None:
        used = storable(_shown(used, str), limit=LONGEST)
    return replace(trained, metrics=_metrics(trained.metrics), model_used=used)


def _metrics(given: Any) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise ResultError(f"the metrics are a {type(given).__name__}; they are a mapping of names to numbers")
    metrics: dict[str, float] = {}
    for key, value in given.items():
        name = _name(key)
        if name in metrics:
            raise ResultError(f"train() returned two metrics called {name}")
        metrics[name] = _number(name, value)
    return metrics


def _name(key: Any) -> str:
    try:
        name = str(key)
    except Exception:  # the key's own code may raise anything
        name = "\0"
    if storable(name, limit=LONGEST) != name:
        rule = f"a name is valid text of at most {LONGEST} characters"
        raise ResultError(f"no metric can be called {_shown(key)[:60]}; {rule}")
    return name


def _number(name: str, value: Any) -> float:
    try:
        if getattr(value, "shape", None) == () and hasattr(value, "item"):  # a scalar of numpy or torch
            masked = bool(getattr(value, "mask", False))  # what numpy gives as the mean of nothing
            value = math.nan if masked else value.item()
        if isinstance(value, (str, bytes, bytearray)) or value is None:
            raise TypeError
        number = float(value)
        if math.isinf(number) and value != number:
            raise OverflowError  # a Decimal or a long double goes beyond a float without a word
    except OverflowError:
        raise ResultError(f"the metric {name} is a number too large for a float") from None
    except Exception:  # the value's own code may raise anything
        told = f"{_shown(value)[:60]} ({type(value).__name__}); a metric is a number"
        raise ResultError(f"the metric {name} is {told}") from None
    return number


def _shown(value: Any, write: Callable[[Any], str] = repr) -> str:
    try:
        return write(value)
    except Exception:  # its own code; and Python writes no number of 5,000 digits
        return "something that cannot be shown"


def _import(file: Path) -> Any:
    # A name of its own, so that it hides no library; its folder, so that it finds its neighbours.
    folder = str(file.absolute().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(f"slice_ledger_worker_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise WorkerFileError(f"the worker file {file} is no Python file; its name ends with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # so that classes defined in it can be pickled
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        told = "".join(traceback.format_exception_only(error)).strip()
        where = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        line = f", line {where[-1].lineno}" if where else ""
        raise WorkerFileError(f"the worker file {file}{line} cannot be imported: {told}") from error
    return module


def _wanted(train: Callable[..., Any]) -> frozenset[str]:
    parameters = inspect.signature(train).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return frozenset(OFFERED)
    return frozenset(parameter.name for parameter in parameters) & frozenset(OFFERED)


def _seed(seed: int) -> None:
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
