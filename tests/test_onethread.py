"""Libraries of the user's own process have one thread while a slice is trained there."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import threadpoolctl

from runner.onethread import OneThread


@pytest.fixture
def looks(monkeypatch):
    """How often the libraries of this process were looked for."""
    seen = []

    class Counted(threadpoolctl.ThreadpoolController):
        def __init__(self):
            seen.append(1)
            super().__init__()

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Counted)
    return seen


def threads() -> list[int]:
    np.ones((2, 2)) @ np.ones((2, 2))  # its library is there
    return [library["num_threads"] for library in threadpoolctl.threadpool_info()]


def test_libraries_have_one_thread_inside_and_as_many_as_before_afterwards():
    one = OneThread()
    with threadpoolctl.threadpool_limits(2):
        for _ in range(2):
            with one.held():
                assert set(threads()) == {1}
            assert set(threads()) == {2}


def test_libraries_are_looked_for_again_only_when_modules_were_imported_since(looks, monkeypatch):
    one = OneThread()
    for _ in range(3):
        with one.held():
            pass
    assert len(looks) == 1

    monkeypatch.setitem(sys.modules, "imported_since", types.ModuleType("imported_since"))
    for _ in range(3):
        with one.held():
            pass

    assert len(looks) == 2
