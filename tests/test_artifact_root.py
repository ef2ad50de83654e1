"""Where model files lie is decided once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import LedgerError
from tests.fleet import train

HEADER = "id,file,train_from,train_to,test_from,test_to\n"


@pytest.fixture
def split(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text(HEADER + "a,x.csv,0,9,10,14\n", encoding="utf-8")
    return path


def test_a_ledger_finds_its_models_from_whatever_folder_it_is_used(ledger, split, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger.import_slices(split)
    first = ledger.artifact_root()

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    ledger.import_slices(split)

    assert ledger.artifact_root() == first
    assert Path(first).name == "artifacts"


@pytest.mark.parametrize("wished", ["models", "memory://models"])
def test_a_folder_or_url_can_be_wished(ledger, split, tmp_path, monkeypatch, wished):
    monkeypatch.chdir(tmp_path)

    ledger.import_slices(split, artifacts=wished)

    assert ledger.artifact_root() == (wished if "://" in wished else str(tmp_path / wished))


def test_a_place_that_would_lose_the_models_there_are_is_refused(ledger, split, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger.import_slices(split, artifacts="first")
    ledger.import_slices(split, artifacts="second")
    train(ledger)

    ledger.import_slices(split, artifacts="second")
    with pytest.raises(LedgerError, match=f"has model files in {tmp_path}/second; move them to"):
        ledger.import_slices(split, artifacts="third")


def test_a_password_in_the_url_of_the_models_is_refused(ledger, split):
    with pytest.raises(LedgerError, match="holds a password, which would be stored"):
        ledger.import_slices(split, artifacts="ftp://me:hush@host/models")

    assert ledger.status().total == 0
