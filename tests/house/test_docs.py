"""What the docs say of the tests is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]


def written_tests() -> set[str]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("test_*.py"))
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_docs_name_is_there():
    named = {
        name
        for page in ("faults.md", "testing.md")
        for name in re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    }

    assert len(named) > 50
    assert named - written_tests() == set()


def test_every_mutant_finds_the_line_that_it_breaks():
    lost = [each.name for each in MUTANTS if each.old not in (ROOT / each.file).read_text(encoding="utf-8")]

    assert lost == []


def test_the_fault_table_has_every_row():
    rows = re.findall(
        r"^\| (\d+) \|", (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"), re.MULTILINE
    )

    assert [int(row) for row in rows] == list(range(1, 69))
