"""How a model becomes files, by what it is."""

from __future__ import annotations

import base64
import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import ModelFormatError
from runner.trainer import Model

SMALL = 4_096  # bytes of arrays that still go into a JSON file; an npz alone costs more than 1 kB
LAYOUT = 1
"""Of the JSON and npz files of built-in models; a change that old code cannot read adds one."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Files (name → content, or where it lies) and the format that tells how to load them."""

    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    format: str = "none"


def save(model: Any, folder: Path | None, *, trainer: str | None = None) -> Saved:
    """Turn a model into files; files that a user's train left in `folder` are kept with it.

    Built-in models (with `trainer`, their name) become JSON, or npz where they have large arrays: no
    code runs when these are loaded. Of a user's models, numbers and arrays become JSON or npz,
    Keras models `.keras`; what has a `save(path)` writes itself; all else is pickled. Raises
    ModelFormatError when nothing works.
    """
    if trainer is not None and isinstance(model, Model):
        return _built_in(model, trainer)
    own = _own_files(folder)
    if model is None:
        return Saved(own, "file") if own else Saved()
    saved = _of_user(model, folder)
    return Saved({**own, **saved.files}, saved.format)


def _built_in(model: Model, trainer: str) -> Saved:
    import numpy as np

    state = model.state()
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in state.items() if name not in arrays}
    head = {"layout": LAYOUT, "trainer": trainer, "model_used": model.model_used, "state": plain}
    if sum(array.nbytes for array in arrays.values()) > SMALL:
        return Saved({"model.npz": _npz(arrays, _json(head))}, "npz")
    coded = {name: [array.dtype.str, array.shape, _coded(array)] for name, array in arrays.items()}
    return Saved({"model.json": _json({**head, "arrays": coded})}, "json")


def _coded(array: Any) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _of_user(model: Any, folder: Path | None) -> Saved:
    import numpy as np

    kind = type(model).__module__.partition(".")[0]
    if kind == "keras" and folder is not None:
        model.save(path := folder / "model.keras")
        return Saved({"model.keras": path}, "keras")
    if isinstance(model, np.ndarray) and model.dtype != object:
        return Saved({"model.npz": _npz({"array": model}, b"{}")}, "arrays")
    if isinstance(model, dict) and _all_arrays(model):
        return Saved({"model.npz": _npz(model, b"{}")}, "arrays")
    if isinstance(model, (dict, list, int, float, str)):
        try:
            return Saved({"model.json": _json(model)}, "values")
        except (TypeError, ValueError):
            pass  # holds more than JSON can: pickled below
    if (
        kind not in ("sklearn", "statsmodels")
        and callable(getattr(model, "save", None))
        and folder is not None
    ):
        return _saves_itself(model, folder)
    return Saved({"model.pickle": _pickle(model)}, "pickle")


def _saves_itself(model: Any, folder: Path) -> Saved:
    place = folder / "model.saved"
    before = set(_own_files(folder))
    try:
        model.save(str(place))
    except Exception as error:
        raise ModelFormatError(f"{type(model).__name__}.save(path) failed: {error}") from error
    written = {name: path for name, path in _own_files(folder).items() if name not in before}
    if not written:
        raise ModelFormatError(f"{type(model).__name__}.save(path) wrote no file")
    return Saved(written, "custom")


def _pickle(model: Any) -> bytes:
    try:
        return pickle.dumps(model, protocol=5)
    except Exception as error:  # pickle raises whatever the class's own code raises
        raise ModelFormatError(
            f"a model of class {type(model).__name__} cannot be pickled ({error}); write it into `folder` "
            "in train(), or return an object with save(path)"
        ) from error


def _own_files(folder: Path | None) -> dict[str, bytes | Path]:
    if folder is None:
        return {}
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _all_arrays(model: dict[Any, Any]) -> bool:
    import numpy as np

    return bool(model) and all(
        isinstance(name, str) and isinstance(value, np.ndarray) and value.dtype != object
        for name, value in model.items()
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _npz(arrays: Mapping[str, Any], head: bytes) -> bytes:
    import numpy as np

    stream = io.BytesIO()
    np.savez_compressed(
        stream, allow_pickle=False, **{"head.json": np.frombuffer(head, dtype=np.uint8)}, **dict(arrays)
    )
    return stream.getvalue()
