"""The built-in trainers, by name. Importing this package imports none of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from runner.errors import OptionError

LIBRARIES: dict[str, tuple[str, ...]] = {
    "arima": ("numpy", "pandas", "runner.trainers.arma.fit"),
    "autoreg": ("numpy", "pandas"),
    "cnn": ("numpy", "pandas", "tensorflow"),
    "isolation_forest": ("numpy", "pandas", "runner.trainers.forest_kernel"),
    "lstm": ("numpy", "pandas", "tensorflow"),
    "pca": ("numpy", "pandas"),
    "seasonal_naive": ("numpy", "pandas"),
}
"""The trainers there are, and what each imports when it trains: a fork server does so beforehand."""

NAMES = tuple(sorted(LIBRARIES))


def find(name: str) -> Any:
    """The module of a trainer: Params, train(dataset, params) and restore(state).

    Raises OptionError for a name that is none.
    """
    require_known(name)
    return importlib.import_module(f"runner.trainers.{name}")


def require_known(name: str) -> None:
    """Raise OptionError unless there is a trainer called `name`."""
    if name not in LIBRARIES:
        raise OptionError(f"there is no trainer {name!r}; there are {', '.join(NAMES)}")


def check_params(name: str, params: Mapping[str, str]) -> None:
    """Raise OptionError for a trainer or parameters that there are not."""
    from runner.params import parse_params, parse_period

    own = dict(params)
    parse_period(own.pop("period", None))
    parse_params(find(name).Params, own, name)
