"""What a worker file defines and imports, seen without running any of it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from runner.errors import WorkerFileError

KNOWN = frozenset(
    {
        "catboost",
        "keras",
        "lightgbm",
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "statsmodels",
        "tensorflow",
        "torch",
        "xgboost",
    }
)
"""Libraries that a fork server may import beforehand: importing them computes nothing."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The names a worker file binds at its top level, and the known libraries it imports anywhere."""

    names: frozenset[str]
    libraries: frozenset[str]

    @property
    def trains(self) -> bool:
        """Whether it defines train."""
        return "train" in self.names

    @property
    def reads(self) -> bool:
        """Whether it defines get_data."""
        return "get_data" in self.names


def outline(path: str) -> Outline:
    """Read a worker file's outline. Raises WorkerFileError for what is no Python."""
    try:
        tree = ast.parse(Path(path).read_bytes(), filename=path)
    except OSError as error:
        raise WorkerFileError(f"the worker file {path} cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise WorkerFileError(f"the worker file {path}{line} cannot be imported: {error}") from None
    imported = {name for node in ast.walk(tree) for name in _modules(node)}
    return Outline(
        names=frozenset(name for node in tree.body for name in _bound(node)),
        libraries=frozenset(name for name in imported if name.partition(".")[0] in KNOWN),
    )


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
