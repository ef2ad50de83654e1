"""Plain values: those that JSON or npz gives back as they were, with no code run."""

from __future__ import annotations

import json
from typing import Any

HEAD = "head.json"
"""The place in an npz file of what is no array."""


def is_plain_array(value: Any) -> bool:
    """Whether npz gives `value` back as it is: no objects, no mask, no type that only a library knows."""
    import numpy as np

    if type(value) is not np.ndarray or value.dtype.hasobject:
        return False
    described = np.lib.format.dtype_to_descr(value.dtype)
    return bool(np.lib.format.descr_to_dtype(described) == value.dtype)


def are_named_arrays(value: dict[Any, Any]) -> bool:
    """Whether npz gives the mapping back: its names become file names, and arguments before that."""
    return bool(value) and all(
        isinstance(name, str)
        and name.isprintable()
        and not name.endswith(".npy")
        and name not in ("file", "allow_pickle", HEAD)
        and is_plain_array(array)
        for name, array in value.items()
    )


def same_in_json(value: Any) -> bytes | None:
    """`value` as JSON, None where that gives back another: `(1, 2)` a list, `{1: 2}` a `{"1": 2}`."""
    try:
        content = json.dumps(value, separators=(",", ":")).encode()
        same = _is_same(value, json.loads(content))
    except (TypeError, ValueError, RecursionError):  # holds more than JSON can
        return None
    return content if same else None


def _is_same(value: Any, loaded: Any) -> bool:
    if isinstance(value, dict):
        return (
            type(value) is type(loaded)
            and value.keys() == loaded.keys()
            and all(_is_same(each, loaded[name]) for name, each in value.items())
        )
    if isinstance(value, (list, tuple)):
        return (
            type(value) is type(loaded)
            and len(value) == len(loaded)
            and all(_is_same(*pair) for pair in zip(value, loaded, strict=True))
        )
    return bool(value == loaded or (value != value and loaded != loaded))  # NaN is no other value
