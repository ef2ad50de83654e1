"""The same slices with every supported Python of this machine give the same results."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.series import daily

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = "LEDGER_TEST_PYTHONS"
"""Folders with more interpreters than PATH has, such as the `bin` of other environments."""
NEEDED = "import alembic, filelock, fsspec, numba, pandas, psutil, rich, sqlalchemy, statsmodels, threadpoolctl, typer"
HERE = f"3.{sys.version_info.minor}"


def ask(python: str, folder: Path, *words: str) -> str:
    """What a command says that is run with an interpreter."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [python, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def trained(python: str, folder: Path) -> list[dict[str, object]]:
    """The metrics of six slices, imported and trained with an interpreter."""
    folder.mkdir()
    frame = daily(300).rename("cpu").to_frame()
    frame["memory"] = frame["cpu"][::-1].to_numpy()
    frame.to_csv(folder / "web.csv", index_label="timestamp")
    ranges = "2026-01-01,2026-01-10,2026-01-11,2026-01-12"
    rows = [
        f"{column} {trainer},web.csv,{column},{trainer},{ranges}\n"
        for column in ("cpu", "memory")
        for trainer in ("seasonal_naive", "autoreg", "isolation_forest")
    ]
    header = "id,file,column,trainer,train_from,train_to,test_from,test_to\n"
    (folder / "split.csv").write_text(header + "".join(rows), encoding="utf-8")
    ask(python, folder, "ledger", "import", "split.csv")
    ask(python, folder, "runner", "run", "--workers", "1", "--quiet")
    ask(python, folder, "ledger", "verify")
    query = "SELECT slice_id, model_used, name, kind, value FROM current_metrics ORDER BY slice_id, name"
    found: list[dict[str, object]] = json.loads(ask(python, folder, "ledger", "query", "--json", query))
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What this Python makes of them."""
    return trained(sys.executable, tmp_path_factory.mktemp("here") / "project")


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_supported_python_gives_the_same_results(tmp_path, expected, version):
    if version == HERE:
        pytest.skip("it is the one that runs the tests")
    path = os.pathsep.join(filter(None, (os.environ.get(FOLDERS), os.environ["PATH"])))
    if (python := shutil.which(f"python{version}", path=path)) is None:
        pytest.skip(f"there is no python{version}; {FOLDERS} may name the folder of one")
    if subprocess.run([python, "-c", NEEDED], capture_output=True, check=False).returncode:
        pytest.skip(f"{python} lacks packages that are needed")

    found = trained(python, tmp_path / "project")

    assert found == [{**each, "value": pytest.approx(each["value"], rel=1e-6)} for each in expected]
    assert len({each["slice_id"] for each in found}) == 6
