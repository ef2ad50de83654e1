"""The folder that a user's train() may write into: the files it left there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from runner.errors import ModelFormatError

LONGEST_PART = 150
"""Bytes of a file's or folder's name: the artifact store adds to it, and most disks end at 255."""
LONGEST_NAME = 1_000
"""Bytes of a relative path: the ledger has an index over it, and PostgreSQL's end at 2,700."""
_ODD = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")


def files_in(folder: Path | None) -> dict[str, Path]:
    """The files under `folder` by their relative names, {} without one.

    A link to a file inside is a file, one to a folder inside adds nothing. Raises ModelFormatError
    for a link that leads out of the folder or nowhere, and for a name that not every disk takes.
    """
    if folder is None:
        return {}
    if folder.is_symlink():
        raise ModelFormatError("train() put a link in the place of `folder`; copy the files into it instead")
    found: dict[str, Path] = {}
    if not folder.is_dir() or not any(folder.iterdir()):  # the usual case, in a fifth of the time
        return found
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            _require_inside(path, name, folder)
        if path.is_file():
            _require_plain(name)
            found[name] = path
    return found


def _require_inside(link: Path, name: str, folder: Path) -> None:
    target = Path(os.path.realpath(link))  # Path.resolve() raises for links in a circle
    if not target.is_relative_to(os.path.realpath(folder)):
        raise ModelFormatError(f"the link {name!r} leads out of `folder`, to {target}; copy what it leads to")
    if not target.exists():
        raise ModelFormatError(f"the link {name!r} in `folder` leads nowhere; remove it in train()")


def _require_plain(name: str) -> None:
    if _ODD.search(name):
        raise ModelFormatError(
            f"the file {name!r} in `folder` has a name that not every disk takes; "
            "use no backslash, no control character and nothing but UTF-8"
        )
    longest = max(len(part.encode()) for part in name.split("/"))
    if longest > LONGEST_PART or len(name.encode()) > LONGEST_NAME:
        raise ModelFormatError(
            f"the file {name[:60]}… in `folder` has too long a name: at most {LONGEST_PART} bytes, "
            f"and {LONGEST_NAME} with its folders"
        )
