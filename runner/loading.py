"""Trained models back from their files."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ledger.artifacts import ArtifactStore
from ledger.records import Artifact
from ledger.store import Ledger
from runner.errors import ModelFormatError
from runner.modelfile import arrays_of, restored
from runner.saving import FILES
from runner.userfile import UserFile


def load(
    ledger: Ledger | str | Path,
    slice_id: str,
    *,
    attempt: int | None = None,
    allow_pickle: bool = False,
    worker: str | Path | None = None,
) -> Any:
    """Load the champion of a slice, or the model of its attempt number `attempt`.

    `worker` is the worker file that defines the model's class, where one does: it is imported first.

    A built-in model has `predict` or `score`; a user's comes back as it was returned; where the
    user's train wrote files itself, or its model did, this returns their paths by name. Every
    file is checked against its recorded sha256. Raises UnknownSliceError, NoModelError,
    ArtifactError, WorkerFileError, and ModelFormatError for a pickle without `allow_pickle`: loading
    a pickle runs whatever code is in it.
    """
    if not isinstance(ledger, Ledger):
        with Ledger.open(ledger, create=False) as opened:
            return load(opened, slice_id, attempt=attempt, allow_pickle=allow_pickle, worker=worker)
    if worker is not None:
        UserFile.load(str(worker))
    store = ArtifactStore(ledger.artifact_root(), ledger.uuid())
    files = ledger.model_files(slice_id, attempt)
    if not files:
        raise ModelFormatError(f"slice {slice_id!r}: the training kept metrics only, no model")
    return load_files(store, files, allow_pickle=allow_pickle)


def load_files(store: ArtifactStore, files: Sequence[Artifact], *, allow_pickle: bool = False) -> Any:
    """The model whose files these are, as `load` gives it. Raises ArtifactError and ModelFormatError."""
    of_model = [file for file in files if file.format != "file"]
    if not of_model or of_model[0].format == "custom":
        return {_name(file): _checked_place(store, file) for file in of_model or files}
    named = FILES[of_model[0].format]
    model = next((file for file in of_model if _name(file) == named), of_model[0])
    if model.format == "keras":
        return _keras(_checked_place(store, model))
    content = store.read(model)
    if model.format == "pickle":
        if not allow_pickle:
            raise ModelFormatError(
                f"{store.place(model.path)} is a pickle, which can run code when it is loaded; "
                "pass allow_pickle=True if you trust who trained it"
            )
        return _unpickled(content, store.place(model.path))
    if model.format == "values":
        return json.loads(content)
    if model.format in ("array", "arrays"):
        arrays, _ = arrays_of(content)
        return arrays["array"] if model.format == "array" else arrays
    return _built_in(content, model.format)


def _name(file: Artifact) -> str:
    """The name a file was kept by; one file alone has that of its slice and attempt, and its suffix."""
    parts = PurePosixPath(file.path).parts
    return "/".join(parts[3:]) or parts[-1]


def _unpickled(content: bytes, place: str) -> Any:
    try:
        return pickle.loads(content)
    except (ImportError, AttributeError) as error:
        raise ModelFormatError(
            f"{place} needs what it was made of: {error}; make that importable here, "
            "or name the worker file that defines it: load(…, worker='worker.py')"
        ) from error


def _built_in(content: bytes, kind: str) -> Any:
    from runner import trainers

    return restored(content, kind, None, trainers.find)


def _keras(path: str) -> Any:
    import keras

    try:
        return keras.saving.load_model(path, safe_mode=True)
    except TypeError as error:
        raise ModelFormatError(
            f"{path} needs what it was made of: {str(error).splitlines()[0]}; a class of your own is "
            "decorated with @keras.saving.register_keras_serializable(), and load(…, worker='worker.py') "
            "names the file that defines it"
        ) from error


def _checked_place(store: ArtifactStore, file: Artifact) -> str:
    store.check(file)
    return store.place(file.path)
