"""Models to files and back: which format, and that no code runs unless it is asked for."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ledger.artifacts import ArtifactStore
from ledger.errors import ArtifactError, UnknownSliceError
from ledger.records import Facts, Success
from ledger.registry import NoModelError
from runner import load
from runner.errors import ModelFormatError
from runner.saving import save


@pytest.fixture
def kept(ledger, make_slice, tmp_path):
    """Save a model as the champion of slice `a`, and return the ledger it can be loaded from."""

    def keep(model, folder=None, files=()):
        make_slice("a")
        folder = tmp_path / "folder"
        folder.mkdir()
        for name in files:
            (folder / name).write_bytes(b"content")
        saved = save(model, folder)
        runner = ledger.register_runner({})
        with ledger.recording() as record:
            held = record.claim(runner)
            store = ArtifactStore(ledger.artifact_root(), ledger.uuid())
            made = store.keep("a", held.attempt, saved.files, saved.format) if saved.files else ()
            record.complete(held, Success({"m": 1.0}, made), Facts())
        return ledger

    return keep


@pytest.mark.parametrize("model", [{"a": 1.5, "b": [1, 2]}, [1, 2], 3.5, "text"])
def test_plain_values_come_back(kept, model):
    assert load(kept(model), "a") == model


def test_an_array_comes_back(kept):
    array = np.arange(6.0).reshape(2, 3)

    assert np.array_equal(load(kept(array), "a"), array)


def test_named_arrays_come_back(kept):
    loaded = load(kept({"w": np.ones(3), "b": np.zeros(1)}), "a")

    assert sorted(loaded) == ["b", "w"]


def test_a_pickle_is_loaded_only_when_asked_for(kept):
    ledger = kept(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]))

    with pytest.raises(ModelFormatError, match="allow_pickle=True"):
        load(ledger, "a")

    assert load(ledger, "a", allow_pickle=True).predict([[1.0]]) == pytest.approx([2 / 3])


class SavesItself:
    def save(self, path: str) -> None:
        Path(path).write_bytes(b"mine")


def test_a_model_that_saves_itself_does(kept):
    (place,) = load(kept(SavesItself()), "a").values()

    assert Path(place).read_bytes() == b"mine"


def test_files_left_in_the_folder_are_kept(kept):
    loaded = load(kept(None, files=["one.bin", "two.bin"]), "a")

    assert sorted(loaded) == ["one.bin", "two.bin"]


def test_a_model_and_files_are_kept_together(kept):
    assert load(kept({"a": 1}, files=["notes.txt"]), "a") == {"a": 1}


@pytest.mark.parametrize("model", [lambda: 1, (each for each in ())], ids=["a function", "a generator"])
def test_what_cannot_be_saved_is_told(tmp_path, model):
    with pytest.raises(ModelFormatError, match=f"a model of class {type(model).__name__} cannot be pickled"):
        save(model, tmp_path)


def test_metrics_alone_leave_no_model(kept):
    with pytest.raises(ModelFormatError, match="kept metrics only"):
        load(kept(None), "a")


def test_a_slice_without_a_champion_is_told(ledger, make_slice):
    make_slice("a")

    with pytest.raises(NoModelError, match="has no champion yet, it is pending"):
        load(ledger, "a")


def test_an_unknown_slice_or_attempt_is_told(kept):
    ledger = kept({"a": 1})

    with pytest.raises(UnknownSliceError, match="'b'"):
        load(ledger, "b")
    with pytest.raises(NoModelError, match="has no attempt 9"):
        load(ledger, "a", attempt=9)


def test_a_damaged_model_is_not_loaded(kept):
    ledger = kept({"a": 1})
    (file,) = ledger.model_files("a")
    store = ArtifactStore(ledger.artifact_root(), ledger.uuid())
    Path(store.place(file.path)).write_bytes(pickle.dumps("evil"))

    with pytest.raises(ArtifactError, match="is not what was recorded"):
        load(ledger, "a")


def test_the_same_model_gives_the_same_bytes(tmp_path):
    first, again = (save({"b": np.ones(3), "a": np.zeros(2)}, tmp_path).files["model.npz"] for _ in range(2))

    assert first == again


def test_a_layout_of_the_future_is_refused(ledger, kept, monkeypatch):
    monkeypatch.setattr("runner.loading.LAYOUT", 99)
    from runner.loading import _built_in

    with pytest.raises(ModelFormatError, match="has layout 1, this program reads 99"):
        _built_in(json.dumps({"layout": 1, "arrays": {}, "state": {}}).encode(), "json")
