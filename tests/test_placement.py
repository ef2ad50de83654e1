"""Paths of model files, and what can be read from them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.placement import Origin, digest_of, is_probe, origin_of, stem_of

SUFFIX = st.from_regex(r"(\.[^./\\\x00]*)?", fullmatch=True)


@given(st.text(max_size=60), st.integers(1, 10**9 - 1), SUFFIX)
@example("x-0123456789ab.5.y", 3, ".tmp")
@example("x-0123456789ab.5", 3, ".7")
def test_a_file_its_temporary_one_and_those_in_a_folder_are_told_apart(slice_id, attempt, suffix):
    path = f"12345678/{stem_of(slice_id, attempt)}"
    whole = Origin(digest_of(slice_id), attempt)
    cut_short = Origin(digest_of(slice_id), attempt, temporary=True)

    assert origin_of(f"{path}{suffix}") == whole
    assert origin_of(f"{path}{suffix}.4711.tmp") == cut_short
    assert origin_of(f"{path}/deep/model{suffix}") == whole
    assert origin_of(f"{path}/deep/model{suffix}.4711.tmp") == cut_short


@pytest.mark.parametrize(
    "path",
    [
        "12345678/notes.txt",
        "12345678/abc/notes.txt",
        "12345678/abc/x-0123456789ab.json",
        "12345678/abc/x-0123456789AB.1.json",
        "12345678/abc/x-0123456789ab.1.tar.gz",
        "12345678/abcd/x-0123456789ab.1.json",
        "12345678/abc/x-0123456789ab.1.json/y",
        "12345678/abc/x-0123456789ab.1/a\\..\\b",
        "12345678/abc/x-0123456789ab.12345678901.json",
        "12345678/probe-17",
    ],
)
def test_a_file_no_attempt_wrote_has_no_origin(path):
    assert origin_of(path) is None


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("12345678/probe-17", True),
        ("12345678/probe-17.17.tmp", True),
        ("12345678/abc/probe-17", False),
        ("12345678/probe-x", False),
    ],
)
def test_a_probe_is_known_by_its_name(path, answer):
    assert is_probe(path) is answer
