"""The files of built-in models, read back: JSON or npz, and no code is run."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

from ledger.artifacts import ArtifactStore
from ledger.errors import LedgerError
from ledger.records import Champion
from runner.errors import ModelFormatError
from runner.plain import HEAD
from runner.saving import LAYOUT
from runner.trainer import State


def restored(
    content: bytes,
    kind: str,
    restore: Callable[[State], Any] | None,
    find: Callable[[str], Any] | None = None,
) -> Any:
    """A built-in model from its file: by `restore`, or that of the trainer `find` gives for its name.

    Raises ModelFormatError for a layout that this program does not know.
    """
    trainer, state = _state(content, kind)
    if restore is None:
        assert find is not None
        restore = find(trainer).restore
    return restore(state)


def _state(content: bytes, kind: str) -> tuple[str, State]:
    """The trainer of a built-in model, and the state of the model."""
    arrays, head = arrays_of(content) if kind == "npz" else _json(content)
    if head.get("layout") != LAYOUT:
        raise ModelFormatError(f"the model has layout {head.get('layout')}, this program reads {LAYOUT}")
    return head["trainer"], {**head["state"], **arrays}


def state_of(store: ArtifactStore, champion: Champion) -> State | None:
    """The state of a built-in model; None for any other, and where its file is not what it was."""
    if len(champion.files) != 1 or champion.files[0].format not in ("json", "npz"):
        return None
    try:
        return _state(store.read(champion.files[0]), champion.files[0].format)[1]
    except (LedgerError, ModelFormatError):
        return None


def _json(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    import numpy as np

    head = json.loads(content)
    coded = head.pop("arrays").items()
    return {
        name: np.frombuffer(base64.b64decode(data), dtype=np.dtype(kind)).reshape(shape)
        for name, (kind, shape, data) in coded
    }, head


def arrays_of(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of an npz file, and what came with them as JSON."""
    import numpy as np

    with np.load(io.BytesIO(content), allow_pickle=False) as opened:
        arrays = {name: opened[name] for name in opened.files}
    return arrays, json.loads(arrays.pop(HEAD).tobytes())
