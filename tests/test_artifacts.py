"""Model files: whole or not there, where they should be, and checked."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import content, disk
from ledger.artifacts import ArtifactStore, CannotKeepError
from ledger.errors import ArtifactError

UUID = "12345678-aaaa"


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(str(tmp_path / "artifacts"), UUID)


def test_a_kept_file_is_read_back_and_lies_under_the_ledger(store):
    (kept,) = store.keep("cpu.1", 3, {"model.json": b"{}"}, "json")

    assert store.read(kept) == b"{}"
    assert kept.path.startswith("12345678/")
    assert kept.path.endswith(".3.json")
    assert (kept.bytes, kept.format) == (2, "json")


def test_several_files_share_a_folder_of_the_attempt(store, tmp_path):
    source = tmp_path / "weights.bin"
    source.write_bytes(b"abc")

    kept = store.keep("a", 1, {"weights.bin": source, "more/notes.txt": b"x"}, "file")

    assert [store.read(each) for each in kept] == [b"abc", b"x"]
    assert kept[0].path.endswith(".1/weights.bin")


@pytest.mark.parametrize("names", [["model.json"], ["model.json", "notes.txt"]])
def test_each_file_may_have_a_format_of_its_own(store, names):
    kept = store.keep("a", 1, dict.fromkeys(names, b"x"), {"model.json": "json", "notes.txt": "file"})

    assert [each.format for each in kept] == ["json", "file"][: len(names)]


def test_no_two_attempts_ledgers_or_ids_share_a_path(store, tmp_path):
    other = ArtifactStore(str(tmp_path / "artifacts"), "87654321-bbbb")
    long = "x" * 300

    paths = {
        store.keep(name, attempt, {"m": b"x"}, "f")[0].path.lower()
        for name in ("a", "A", "é", "e\u0301", "a/b", "a_b", long, long + "y", "..", "")
        for attempt in (1, 2)
    } | {other.keep("a", 1, {"m": b"x"}, "f")[0].path}

    assert len(paths) == 21


@given(st.text(max_size=50), st.integers(1, 10**6))
def test_no_id_leads_outside_the_root(slice_id, attempt):
    stem = ArtifactStore("/root/models", UUID)._stem(slice_id, attempt)

    assert len(Path(stem).parts) == 3
    assert ".." not in Path(stem).parts
    assert stem.isascii()


@pytest.mark.parametrize("name", ["", "..", "../x", "a/../../x", "/etc/passwd", "C:\\x", "a\0b", "..\\x"])
def test_a_name_that_is_no_plain_relative_path_is_refused(store, name):
    with pytest.raises(ArtifactError, match="cannot be the name of a model file"):
        store.keep("a", 1, {name: b"x", "other": b"y"}, "file")


def test_250_000_slices_spread_over_4_096_folders(store):
    folders = {Path(store._stem(str(number), 1)).parent for number in range(20_000)}

    assert 4_000 < len(folders) <= 4_096


@pytest.mark.parametrize("damage", [b"", b"{", b"[]"])
def test_an_altered_file_is_noticed(store, damage):
    (kept,) = store.keep("a", 1, {"model.json": b"{}"}, "json")
    Path(store.place(kept.path)).write_bytes(damage)

    with pytest.raises(ArtifactError, match="is not what was recorded"):
        store.read(kept)
    with pytest.raises(ArtifactError, match="is not what was recorded"):
        store.check(kept)


def test_a_missing_file_is_told(store):
    (kept,) = store.keep("a", 1, {"model.json": b"{}"}, "json")
    store.remove([kept])

    with pytest.raises(ArtifactError, match="cannot be read"):
        store.read(kept)
    with pytest.raises(ArtifactError, match="cannot be read"):
        store.check(kept)


def test_a_full_disk_leaves_nothing_behind(store, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    with pytest.raises(CannotKeepError, match="No space left on device") as caught:
        store.keep("a", 1, {"one": b"x", "two": b"y"}, "file")

    assert caught.value.exit_code == 7
    assert [path for path in Path(store.root).rglob("*") if path.is_file()] == []


def test_a_disk_that_refuses_a_flush_is_told(store, monkeypatch):
    kept = store.keep("a", 1, {"one": b"x"}, "file")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(CannotKeepError, match="No space left on device"):
        store.flush(kept)


def test_a_flush_covers_each_file_and_its_folder(store, monkeypatch):
    flushed = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append(os.fstat(fd).st_ino) or fsync(fd))
    (kept,) = store.keep("a", 1, {"model.json": b"{}"}, "json")
    assert flushed == []

    store.flush([kept])

    place = Path(store.place(kept.path))
    assert flushed == [place.stat().st_ino, place.parent.stat().st_ino]


def test_many_files_are_flushed_with_their_file_system_where_the_system_can(store, monkeypatch):
    kept = store.keep("a", 1, {f"part {number}": b"x" for number in range(5)}, "file")
    calls = []
    monkeypatch.setattr(disk, "_syncfs", lambda: lambda fd: calls.append(os.fstat(fd).st_dev) or 0)

    store.flush(kept)

    assert calls == [Path(store.root).stat().st_dev]


def test_many_files_are_flushed_one_by_one_where_the_system_has_no_other_way(store, monkeypatch):
    kept = store.keep("a", 1, {f"part {number}": b"x" for number in range(5)}, "file")
    calls = []
    monkeypatch.setattr(disk, "_syncfs", lambda: None)
    monkeypatch.setattr(os, "fsync", calls.append)

    store.flush(kept)

    assert len(calls) == 5 + 1  # and their folder


def test_a_file_system_that_cannot_be_flushed_is_told(store, monkeypatch):
    kept = store.keep("a", 1, {f"part {number}": b"x" for number in range(5)}, "file")
    monkeypatch.setattr(disk, "_syncfs", lambda: lambda _: ctypes.set_errno(errno.EIO) or -1)

    with pytest.raises(CannotKeepError, match=os.strerror(errno.EIO)):
        store.flush(kept)


def test_a_path_never_names_half_a_file(store, monkeypatch):
    place = Path(store.place(f"{store._stem('a', 1)}.json"))
    seen = []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda a, b: seen.append((place.exists(), a.read_bytes())) or replace(a, b)
    )

    store.keep("a", 1, {"model.json": b"{}"}, "json")

    assert seen == [(False, b"{}")]
    assert place.read_bytes() == b"{}"


def test_removing_takes_the_attempts_own_folder_along(store):
    kept = store.keep("a", 1, {"one": b"x", "two": b"y"}, "file")
    folder = Path(store.place(kept[0].path)).parent

    store.remove(kept)

    assert not folder.exists()
    assert folder.parent.exists()


def test_a_url_works_like_a_folder():
    store = ArtifactStore("memory://models", UUID)

    (kept,) = store.keep("a", 1, {"model.json": b"{}"}, "json")

    assert store.read(kept) == b"{}"
    store.check(kept)
    store.remove([kept])
    with pytest.raises(ArtifactError):
        store.read(kept)


def test_the_place_of_a_path_from_outside_stays_inside(store):
    with pytest.raises(ArtifactError):
        store.place("../../etc/passwd")


def test_the_parts_of_a_file_are_hashed_as_they_are_copied(tmp_path, store):
    source = tmp_path / "large.bin"
    source.write_bytes(os.urandom(content.CHUNK + 7))

    (kept,) = store.keep("a", 1, {"large.bin": source}, "file")

    assert store.read(kept) == source.read_bytes()


@pytest.mark.parametrize("root", ["folder", "memory://sources"])
def test_a_file_of_the_training_that_cannot_be_read_is_no_trouble_of_the_disk(tmp_path, root):
    store = ArtifactStore(root if "://" in root else str(tmp_path / root), UUID)
    (tmp_path / "one.bin").write_bytes(b"x")

    with pytest.raises(ArtifactError, match="the file gone.bin that train") as caught:
        store.keep("a", 1, {"one": tmp_path / "one.bin", "two": tmp_path / "gone.bin"}, "file")

    assert not isinstance(caught.value, CannotKeepError)
    assert list(store.files()) == []
