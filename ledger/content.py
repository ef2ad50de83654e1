"""What goes into a model file: bytes, or a file that a training left, in pieces and with its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ledger.errors import ArtifactError

CHUNK = 2**20
"""Bytes in memory at a time."""


def copied(content: bytes | Path, stream: IO[bytes]) -> tuple[int, str]:
    """Write `content`, or what is in the file of that name, to `stream`; its bytes and their sha256.

    Raises ArtifactError for a file that cannot be read, OSError where the disk refuses.
    """
    digest = hashlib.sha256()
    if isinstance(content, bytes):
        digest.update(content)
        stream.write(content)
        return len(content), digest.hexdigest()
    size = 0
    for chunk in _chunks(content):
        digest.update(chunk)
        stream.write(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


def _chunks(source: Path) -> Iterator[bytes]:
    # A file of the training that cannot be read is no trouble of the disk that models are kept on.
    try:
        with source.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except OSError as error:
        raise ArtifactError(
            f"the file {source.name} that train() left cannot be read: {error.strerror or error}; "
            "write it again, and leave no links to what goes"
        ) from error
