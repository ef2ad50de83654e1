"""How a model becomes files, by what it is."""

from __future__ import annotations

import base64
import io
import json
import pickle
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from runner.errors import ModelFormatError
from runner.folder import files_in
from runner.plain import HEAD, are_named_arrays, is_plain_array, same_in_json
from runner.trainer import Model

SMALL = 4_096  # bytes of arrays that still go into a JSON file; an npz alone costs more than 1 kB
LAYOUT = 1
"""Of the JSON and npz files of built-in models; a change that old code cannot read adds one."""
FILES = {
    "json": "model.json",
    "npz": "model.npz",
    "values": "model.json",
    "array": "model.npz",
    "arrays": "model.npz",
    "pickle": "model.pickle",
    "keras": "model.keras",
    "custom": "model.saved",  # or that with a suffix, or a folder of that name
}
"""The name of the file for each format of a model."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Files (name → content, or where it lies), and the format that tells how to load the model."""

    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    format: str = "none"
    own: frozenset[str] = frozenset()  # the files that train() wrote itself: no part of the model

    @property
    def formats(self) -> dict[str, str]:
        """The format of each file."""
        return {name: "file" if name in self.own else self.format for name in self.files}


def save(model: Any, folder: Path | None, *, trainer: str | None = None) -> Saved:
    """Turn a model into files; files that a user's train left in `folder` are kept with it.

    Built-in models (with `trainer`, their name) become JSON, or npz where they have large arrays: no
    code runs when these are loaded. Of a user's models, those that JSON or npz give back as they
    were become that, Keras models `.keras`; what has a `save(path)` writes itself; all else is
    pickled. Raises ModelFormatError when nothing works, and for files that cannot be kept with it.
    """
    if trainer is not None and isinstance(model, Model):
        return _built_in(model, trainer)
    own = files_in(folder)
    if model is None:
        return Saved(own, "file", frozenset(own)) if own else Saved()
    saved = _of_user(model, folder, own)
    _require_free(FILES[saved.format], own)
    return Saved({**own, **saved.files}, saved.format, frozenset(own))


def _built_in(model: Model, trainer: str) -> Saved:
    import numpy as np

    state = model.state()
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in state.items() if name not in arrays}
    head = {"layout": LAYOUT, "trainer": trainer, "model_used": model.model_used, "state": plain}
    if sum(array.nbytes for array in arrays.values()) > SMALL:
        return _saved("npz", _npz(arrays, _json(head)))
    coded = {name: [array.dtype.str, array.shape, _coded(array)] for name, array in arrays.items()}
    return _saved("json", _json({**head, "arrays": coded}))


def _saved(format: str, content: bytes) -> Saved:
    return Saved({FILES[format]: content}, format)


def _coded(array: Any) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _of_user(model: Any, folder: Path | None, own: Collection[str]) -> Saved:
    if is_plain_array(model):
        return _saved("array", _npz({"array": model}, b"{}"))
    if type(model) is dict and are_named_arrays(model):
        return _saved("arrays", _npz(model, b"{}"))
    if isinstance(model, (dict, list, int, float, str)) and (content := same_in_json(model)) is not None:
        return _saved("values", content)
    libraries = {parent.__module__.partition(".")[0] for parent in type(model).__mro__}
    if "keras" in libraries and folder is not None:
        return _saves_itself(model, folder, own, "keras")
    if (
        libraries.isdisjoint(("sklearn", "statsmodels"))
        and callable(getattr(model, "save", None))
        and folder is not None
    ):
        return _saves_itself(model, folder, own, "custom")
    return _saved("pickle", _pickle(model))


def _saves_itself(model: Any, folder: Path, own: Collection[str], format: str) -> Saved:
    _require_free(FILES[format], own)
    try:
        model.save(str(folder / FILES[format]))
    except (OSError, MemoryError):  # the machine's trouble, not the model's: worth another try
        raise
    except Exception as error:
        raise ModelFormatError(f"{type(model).__name__}.save(path) failed: {error}") from error
    written = {name: path for name, path in files_in(folder).items() if name not in own}
    if not written:
        raise ModelFormatError(f"{type(model).__name__}.save(path) wrote no file")
    return Saved(written, format)


def _require_free(name: str, own: Collection[str]) -> None:
    """Refuse what train() wrote itself under the name of the model's file, as any disk compares names."""
    for each in own:
        first = PurePosixPath(each).parts[0].casefold()
        if first == name or (name == FILES["custom"] and first.startswith(name)):
            raise ModelFormatError(
                f"train() wrote {each!r} into `folder`, but the model that it returned is saved as {name!r} "
                "there; give the file another name"
            )


def _pickle(model: Any) -> bytes:
    try:
        return pickle.dumps(model, protocol=5)
    except MemoryError:
        raise
    except Exception as error:  # pickle raises whatever the class's own code raises
        raise ModelFormatError(
            f"a model of class {type(model).__name__} cannot be pickled ({error}); write it into `folder` "
            "in train(), or return an object with save(path)"
        ) from error


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _npz(arrays: Mapping[str, Any], head: bytes) -> bytes:
    import numpy as np

    stream = io.BytesIO()
    np.savez_compressed(
        stream, allow_pickle=False, **{HEAD: np.frombuffer(head, dtype=np.uint8)}, **dict(arrays)
    )
    return stream.getvalue()
