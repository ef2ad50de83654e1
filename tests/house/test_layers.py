"""Who may import whom, and what a light start loads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.store import Ledger

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"numpy", "pandas", "scipy", "sklearn", "statsmodels", "numba", "tensorflow", "keras", "pyarrow"}
COMPILED = ("runner/trainers/forest_kernel.py", "runner/trainers/arma/")
"""Code that numba compiles when it is imported: only a training imports it."""
MODULES = sorted([*(ROOT / "ledger").rglob("*.py"), *(ROOT / "runner").rglob("*.py")])


def imported(path: Path, *, top_only: bool) -> set[str]:
    """The modules a file imports; with `top_only`, only those it imports when it is itself imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in tree.body if not _is_type_checking(node)] if top_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down_and_heavy_ones_wait(path):
    everywhere, at_the_top = imported(path, top_only=False), imported(path, top_only=True)
    package = path.relative_to(ROOT).parts

    assert package[0] != "ledger" or "runner" not in roots(everywhere)
    assert package[:2] != ("runner", "trainers") or not {"ledger", "sqlalchemy"} & roots(everywhere)
    assert package[0] != "runner" or not {"ledger.schema", "ledger.claims", "alembic"} & everywhere
    assert not HEAVY & roots(at_the_top) or path.relative_to(ROOT).as_posix().startswith(COMPILED)


@pytest.mark.parametrize(
    "words",
    [
        ["ledger", "--help"],
        ["runner", "--help"],
        ["runner", "run", "--help"],
        ["runner", "plan", "--help"],
        ["runner", "drift", "--help"],
        ["ledger", "import", "split.csv"],
        ["ledger", "status"],
        ["ledger", "query", "SELECT 1 AS one"],
        ["ledger", "list"],
        ["ledger", "failures"],
        ["ledger", "verify"],
        ["ledger", "gc"],
        ["ledger", "doctor"],
    ],
    ids=" ".join,
)
def test_a_light_command_loads_nothing_heavy(tmp_path, words):
    (tmp_path / "split.csv").write_text("id,file,train_from,train_to,test_from,test_to\na,x,0,1,2,3\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if words[:2] != ["ledger", "import"]:
        subprocess.run(
            [sys.executable, "-m", "ledger", "import", "split.csv"], cwd=tmp_path, env=environment, check=True
        )
    script = (
        f"import sys; sys.argv = {words!r}\nfrom {words[0]}.cli import app\n"
        "try:\n    app()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('LOADED', *sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    loaded = roots(set(done.stdout.rpartition("LOADED")[2].split()))
    assert not HEAVY & loaded
    assert "--help" not in words or "sqlalchemy" not in loaded


NOT_FOR_ASKING = {
    "ledger.store",
    "ledger.work",
    "ledger.slices",
    "ledger.artifacts",
    "ledger.indexes",
    "sqlalchemy.dialects.postgresql",
    "filelock",
}


@pytest.mark.parametrize("command", ["status", "failures", "list", "champions"])
def test_an_answer_does_not_wait_for_what_only_changes_need(tmp_path, command):
    with Ledger.open(tmp_path / "ledger.db"):
        pass
    script = (
        f"import sys; sys.argv = ['ledger', {command!r}]\nfrom ledger.cli import app\n"
        "try:\n    app()\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = done.stdout.rpartition("LOADED")[2].split()
    assert "ledger.asking" in loaded
    assert not NOT_FOR_ASKING & set(loaded)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_in_a_sentence_what_it_is_for(path):
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert told


def test_no_file_grows_past_its_budget_by_much():
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES
    }

    assert {name: size for name, size in sizes.items() if size > 360} == {}
