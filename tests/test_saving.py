"""Models to files and back: which format, and that no code runs unless it is asked for."""

from __future__ import annotations

import json
import math
import pickle
import sys
import tracemalloc
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sqlalchemy import update

from ledger.artifacts import ArtifactStore
from ledger.database import writing
from ledger.errors import ArtifactError, UnknownSliceError
from ledger.records import Facts, Success
from ledger.registry import NoModelError
from ledger.schema import artifacts
from runner import load
from runner.errors import ModelFormatError
from runner.saving import save
from runner.userfile import UserFile


@pytest.fixture
def folder(tmp_path):
    """What train() gets as `folder`."""
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def kept(ledger, make_slice, folder):
    """Save a model as the champion of slice `a`, and return the ledger it can be loaded from."""

    def keep(model, files=()):
        make_slice("a")
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"content")
        saved = save(model, folder)
        runner = ledger.register_runner({})
        with ledger.recording() as record:
            held = record.claim(runner)
            store = ArtifactStore(ledger.artifact_root(), ledger.uuid())
            made = store.keep("a", held.attempt, saved.files, saved.formats) if saved.files else ()
            record.complete(held, Success({"m": 1.0}, made), Facts())
        return ledger

    return keep


@pytest.mark.parametrize(
    "model", [{"b": 1.5, "a": [1, None, True]}, {}, [1, 2], 3.5, "text", float("inf"), {"a": np.float64(0.5)}]
)
def test_plain_values_come_back(kept, model):
    loaded = load(kept(model), "a")

    assert loaded == model
    assert repr(loaded) == repr(model).replace("np.float64(0.5)", "0.5")


def test_a_value_that_is_no_number_keeps_a_model_plain(kept):
    assert math.isnan(load(kept({"a": [math.nan]}), "a")["a"][0])


@pytest.mark.parametrize(
    "model",
    [
        {1: 2.0},
        {"a": (1, 2)},
        {None: 1},
        [{"a": {1: 1, "1": 2}}],
        OrderedDict(a=1),
        Counter("aab"),
        {"file": np.ones(2)},
        {"head.json": np.ones(2)},
        {"a.npy": np.ones(2)},
        {"a\0b": np.ones(2)},
    ],
    ids=lambda model: str(type(model).__name__),
)
def test_what_json_or_npz_would_change_is_pickled_and_comes_back(kept, model):
    ledger = kept(model)

    loaded = load(ledger, "a", allow_pickle=True)

    assert [file.format for file in ledger.model_files("a")] == ["pickle"]
    assert type(loaded) is type(model)
    assert repr(loaded) == repr(model)


def test_a_number_too_long_for_json_comes_back(kept):
    assert load(kept([10**5000]), "a", allow_pickle=True) == [10**5000]


def test_a_value_nested_too_deeply_for_json_is_told(tmp_path):
    model: list[object] = []
    for _ in range(100_000):
        model = [model]

    with pytest.raises(ModelFormatError, match="a model of class list cannot be pickled"):
        save(model, tmp_path)


def test_an_array_comes_back(kept):
    array = np.arange(6.0).reshape(2, 3)

    assert np.array_equal(load(kept(array), "a"), array)


@pytest.mark.parametrize("names", ["wb", ["array"], ["dense/kernel:0", "é", ""]])
def test_named_arrays_come_back(kept, names):
    model = {name: np.full(3, place) for place, name in enumerate(names)}

    loaded = load(kept(model), "a")

    assert {name: array.tolist() for name, array in loaded.items()} == {
        name: array.tolist() for name, array in model.items()
    }


def test_the_mask_of_an_array_comes_back(kept):
    loaded = load(kept(np.ma.array([1, 2], mask=[False, True])), "a", allow_pickle=True)

    assert loaded.tolist() == [1, None]


@pytest.mark.parametrize("dtype", ["O", [("a", "O"), ("b", "f8")]])
def test_an_array_of_objects_is_pickled(kept, dtype):
    assert load(kept(np.zeros(2, dtype)), "a", allow_pickle=True).dtype == np.dtype(dtype)


class OfThisModule:
    pass


def test_a_pickle_of_what_is_not_here_says_what_is_missing(kept, monkeypatch):
    ledger = kept(OfThisModule())
    monkeypatch.delattr(sys.modules[__name__], "OfThisModule")

    with pytest.raises(ModelFormatError, match=r"needs what it was made of: .*OfThisModule"):
        load(ledger, "a", allow_pickle=True)


def test_a_pickle_is_loaded_only_when_asked_for(kept):
    ledger = kept(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]))

    with pytest.raises(ModelFormatError, match="allow_pickle=True"):
        load(ledger, "a")

    assert load(ledger, "a", allow_pickle=True).predict([[1.0]]) == pytest.approx([2 / 3])


DEFINES = """
import keras

class Mine:
    answer = 42

@keras.saving.register_keras_serializable()
class Line(keras.Model):
    def __init__(self, **given):
        super().__init__(**given)
        self.dense = keras.layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

def train(row, data):
    return {"m": 1.0}
"""


@pytest.fixture
def defined(tmp_path, monkeypatch):
    """A worker file that defines classes of models, and the module it was imported as; then it is forgotten."""
    path = tmp_path / "defines.py"
    path.write_text(DEFINES, encoding="utf-8")
    UserFile.load(str(path))
    name = "slice_ledger_worker_defines"
    yield path, sys.modules[name], lambda: sys.modules.pop(name)
    sys.modules.pop(name, None)


def test_a_class_that_the_worker_file_defines_is_loaded_with_that_file(kept, defined):
    path, module, forget = defined
    ledger = kept(module.Mine())
    forget()

    with pytest.raises(ModelFormatError, match="name the worker file that defines it"):
        load(ledger, "a", allow_pickle=True)
    assert load(ledger, "a", allow_pickle=True, worker=path).answer == 42


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own
def test_a_keras_model_of_the_users_own_class_comes_back(kept, defined):
    path, module, forget = defined
    model = module.Line()
    expected = model(np.ones((1, 3), dtype=np.float32))
    ledger = kept(model)
    forget()

    loaded = load(ledger, "a", worker=path)

    assert [file.format for file in ledger.model_files("a")] == ["keras"]
    np.testing.assert_allclose(loaded(np.ones((1, 3), dtype=np.float32)), expected)


class SavesItself:
    def save(self, path: str) -> None:
        Path(path).write_bytes(b"mine")


def test_a_model_that_saves_itself_does(kept):
    (place,) = load(kept(SavesItself()), "a").values()

    assert Path(place).read_bytes() == b"mine"


def test_a_model_that_saves_itself_writes_beside_the_files_of_train(kept):
    assert sorted(load(kept(SavesItself(), files=["notes.txt"]), "a")) == ["model.saved"]


def test_a_full_disk_is_not_held_against_a_model_that_saves_itself(tmp_path):
    class MeetsAFullDisk:
        def save(self, path: str) -> None:
            raise OSError(28, "No space left on device", path)

    with pytest.raises(OSError, match="No space left"):
        save(MeetsAFullDisk(), tmp_path)


def test_files_left_in_the_folder_are_kept_by_their_names(kept):
    loaded = load(kept(None, files=["one.bin", "first/weights", "second/weights"]), "a")

    assert sorted(loaded) == ["first/weights", "one.bin", "second/weights"]


@pytest.mark.parametrize("name", ["notes.txt", "model.csv", "model", "more/model.json"])
def test_a_model_and_files_are_kept_together(kept, name):
    ledger = kept({"a": 1}, files=[name])

    assert load(ledger, "a") == {"a": 1}
    assert sorted(file.format for file in ledger.model_files("a")) == ["file", "values"]


def test_the_models_file_is_found_by_its_name_where_all_files_have_its_format(ledger, kept):
    ledger = kept({"a": 1}, files=["model.csv"])
    with writing(ledger.engine) as conn:
        conn.execute(update(artifacts).values(format="values"))

    assert load(ledger, "a") == {"a": 1}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ({"a": 1}, "model.json"),
        ({"a": 1}, "Model.JSON"),
        ({"a": 1}, "model.json/part"),
        (np.ones(2), "model.npz"),
        ({1, 2}, "model.pickle"),
        (SavesItself(), "model.saved"),
        (SavesItself(), "model.saved.npz"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_file_of_trains_own_in_the_place_of_the_model_is_refused(kept, folder, model, name):
    with pytest.raises(ModelFormatError, match=f"train.. wrote '{name}' into `folder`, but the model"):
        kept(model, files=[name])

    assert (folder / name).read_bytes() == b"content"


def test_a_link_inside_the_folder_is_kept_as_a_file(kept, folder):
    (folder / "last").symlink_to("step-1")
    (folder / "also").symlink_to("more")

    loaded = load(kept(None, files=["step-1", "more/notes.txt"]), "a")

    assert sorted(loaded) == ["last", "more/notes.txt", "step-1"]
    assert not Path(loaded["last"]).is_symlink()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("../secret", "the link 'link' leads out of `folder`, to .*secret"),
        ("..", "leads out of `folder`"),
        ("../nothing", "leads out of `folder`"),
        ("/", "leads out of `folder`"),
        ("nothing", "the link 'link' in `folder` leads nowhere"),
        ("link", "leads nowhere"),
    ],
)
@pytest.mark.parametrize("model", [None, {"a": 1}], ids=["files alone", "with a model"])
def test_a_link_out_of_the_folder_is_refused(tmp_path, folder, model, target, told):
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to(target)

    with pytest.raises(ModelFormatError, match=told):
        save(model, folder)


def test_a_model_that_saves_itself_as_a_link_out_of_the_folder_is_refused(folder):
    class Links:
        def save(self, path: str) -> None:
            Path(path).symlink_to("/etc/hosts")

    with pytest.raises(ModelFormatError, match=r"the link 'model.saved' leads out"):
        save(Links(), folder)


def test_a_folder_that_was_replaced_by_a_link_is_refused(tmp_path, folder):
    folder.rmdir()
    folder.symlink_to(tmp_path)

    with pytest.raises(ModelFormatError, match="put a link in the place of `folder`"):
        save(None, folder)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("..\\evil", "not every disk takes"),
        ("a\nb", "not every disk takes"),
        ("\udc80", "not every disk takes"),
        ("x" * 151, "too long a name"),
        ("/".join(["y" * 100] * 10), "too long a name"),
    ],
    ids=["backslash", "newline", "not UTF-8", "long", "deep"],
)
def test_a_name_that_cannot_be_kept_is_told(kept, name, told):
    with pytest.raises(ModelFormatError, match=told):
        kept(None, files=[name, "other"])


@pytest.mark.parametrize("others", [[], ["other"]], ids=["alone", "with another"])
def test_the_longest_name_that_is_taken_can_be_kept(kept, others):
    assert len(load(kept(None, files=["a." + "x" * 148, *others]), "a")) == 1 + len(others)


def test_a_large_file_is_never_read_into_memory(kept, folder):
    with (folder / "weights.bin").open("wb") as stream:
        stream.truncate(100 * 2**20)
    tracemalloc.start()

    (place,) = load(kept(None), "a").values()

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert Path(place).stat().st_size == 100 * 2**20
    assert peak < 10 * 2**20


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


@pytest.mark.parametrize("model", [{"a": 1}, SavesItself()], ids=["a value", "a file"])
def test_a_damaged_model_is_not_loaded(kept, model):
    ledger = kept(model)
    (file,) = ledger.model_files("a")
    store = ArtifactStore(ledger.artifact_root(), ledger.uuid())
    Path(store.place(file.path)).write_bytes(pickle.dumps("evil"))

    with pytest.raises(ArtifactError, match="is not what was recorded"):
        load(ledger, "a")


def test_the_same_model_gives_the_same_bytes(tmp_path):
    first, again = (save({"b": np.ones(3), "a": np.zeros(2)}, tmp_path).files["model.npz"] for _ in range(2))

    assert first == again


def test_a_layout_of_the_future_is_refused(ledger, kept, monkeypatch):
    monkeypatch.setattr("runner.modelfile.LAYOUT", 99)
    from runner.loading import _built_in

    with pytest.raises(ModelFormatError, match="has layout 1, this program reads 99"):
        _built_in(json.dumps({"layout": 1, "arrays": {}, "state": {}}).encode(), "json")
