"""A worker file seen without running it."""

from __future__ import annotations

import pytest

from runner.errors import WorkerFileError
from runner.outline import outline


@pytest.mark.parametrize(
    ("source", "trains"),
    [
        ("def train(row, data): ...", True),
        ("from mine import train", True),
        ("from mine import fit as train", True),
        ("train = lambda row, data: {}", True),
        ("def get_data(row): ...", False),
        ("class A:\n    def train(self): ...", False),
    ],
)
def test_what_is_called_train_at_the_top_trains(tmp_path, source, trains):
    path = tmp_path / "worker.py"
    path.write_text(source + "\n1 / 0\n", encoding="utf-8")

    assert outline(str(path)).trains is trains


def test_known_libraries_are_found_wherever_they_are_imported(tmp_path):
    path = tmp_path / "worker.py"
    path.write_text(
        "import os, numpy as np\nfrom . import x\ndef train(r, d):\n    from sklearn.linear_model import Ridge\n",
        encoding="utf-8",
    )

    assert outline(str(path)).libraries == {"numpy", "sklearn.linear_model"}


@pytest.mark.parametrize(
    ("source", "told"), [("def train(:", "line 1 cannot be imported"), ("a\0b", "cannot be imported")]
)
def test_what_is_no_python_is_told(tmp_path, source, told):
    path = tmp_path / "worker.py"
    path.write_text(source, encoding="utf-8")

    with pytest.raises(WorkerFileError, match=told):
        outline(str(path))
