"""Model files: the one place that writes, checks and removes them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ledger import faults
from ledger.content import CHUNK, copied
from ledger.disk import flush_files
from ledger.errors import AccessError, ArtifactError, DamagedError
from ledger.inventory import StoredFile, files_at_url, files_in_folder
from ledger.placement import stem_of
from ledger.records import Artifact

_LEDGER = re.compile(r"[0-9a-f]{8}")
OWN_FILE = "file"
"""The format of a file that the user's training wrote: it keeps its name."""


class CannotKeepError(ArtifactError):
    """A model file cannot be written: the disk is full, or the folder is gone or forbidden."""

    exit_code = 7


class ArtifactStore:
    """Model files under one root: a folder, or any URL that fsspec knows (`s3://bucket/models`).

    A path holds the ledger's id, the slice and the attempt's number, so no two attempts, of
    whatever ledger, ever write the same file. 4,096 folders share the slices of a ledger.
    """

    def __init__(self, root: str, ledger_uuid: str) -> None:
        self.root = root
        self._ledger = ledger_uuid[:8]
        self.is_remote = "://" in root

    def keep(
        self,
        slice_id: str,
        attempt: int,
        files: Mapping[str, bytes | Path],
        format: str | Mapping[str, str],
    ) -> tuple[Artifact, ...]:
        """Write `files` (name → content, or a file to copy) and return their records.

        `format` is that of all of them, or maps each name to its own.
        When this returns, every file is whole: written beside its place, then renamed. It is on the
        disk only after `flush`, and nothing may name it before. Raises ArtifactError for a name that
        is no plain relative path and for a file to copy that cannot be read, CannotKeepError when the
        disk refuses; then nothing is left.
        """
        stem = self._stem(slice_id, attempt)
        for name in files:
            _require_inside(name)
        formats = dict.fromkeys(files, format) if isinstance(format, str) else format
        if len(files) == 1 and OWN_FILE not in formats.values():
            (only,) = files
            places = {f"{stem}{PurePosixPath(only).suffix}": only}
        else:
            places = {f"{stem}/{name}": name for name in files}
        kept: list[Artifact] = []
        for path, name in places.items():
            try:
                kept.append(self._write(path, files[name], formats[name]))
            except ArtifactError:
                self.remove(kept)
                raise
            except OSError as error:
                self.remove(kept)
                reason = error.strerror or str(error)
                raise CannotKeepError(
                    f"the model file {self.place(path)} cannot be written: {reason}"
                ) from error
        return tuple(kept)

    def flush(self, artifacts: Iterable[Artifact]) -> None:
        """Return when these files are on the disk. Raises CannotKeepError when it refuses.

        Behind a URL they are where they belong when their upload has ended.
        """
        if self.is_remote:
            return
        try:
            faults.reach("flushing")
            flush_files([Path(self.place(artifact.path)) for artifact in artifacts])
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotKeepError(f"model files in {self.root} cannot be written: {reason}") from error

    def place(self, path: str) -> str:
        """Where a path of a record lies: a local path or a URL. Raises ArtifactError outside the root."""
        _require_inside(path)
        return f"{self.root.rstrip('/')}/{path}" if self.is_remote else str(Path(self.root) / path)

    def read(self, artifact: Artifact) -> bytes:
        """The content of a model file, checked. Raises ArtifactError when it is missing or altered."""
        with self._reading(artifact) as stream:
            content = stream.read()
        self._require_same(artifact, len(content), hashlib.sha256(content).hexdigest())
        return bytes(content)

    def check(self, artifact: Artifact) -> None:
        """Read a model file in pieces. Raises ArtifactError when it is missing or altered."""
        digest, size = hashlib.sha256(), 0
        with self._reading(artifact) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
        self._require_same(artifact, size, digest.hexdigest())

    def remove(self, artifacts: Iterable[Artifact]) -> None:
        """Remove model files, and the folder of an attempt that had several; what is gone already is fine."""
        for artifact in artifacts:
            self.discard(artifact.path)
            folder = Path(self.place(artifact.path)).parent
            several = len(PurePosixPath(artifact.path).parts) > 3
            if several and not self.is_remote and not any(folder.iterdir()):
                folder.rmdir()

    def discard(self, path: str) -> None:
        """Remove one file; what is gone already is fine. Raises OSError when the disk refuses."""
        place = self.place(path)
        if not self.is_remote:
            Path(place).unlink(missing_ok=True)
            return
        system, key = self._filesystem(place)
        if system.exists(key):
            system.rm_file(key)

    def discard_empty_folders(self) -> None:
        """Remove every folder of this ledger without a file; where keys have no folders, nothing."""
        if self.is_remote:
            return
        for folder, _, _ in os.walk(self._own_folder(), topdown=False):
            with contextlib.suppress(OSError):  # it is not empty, or not ours to remove
                Path(folder).rmdir()

    def files(self) -> Iterator[StoredFile]:
        """Every file of this ledger under the root, in no order; none when there is no folder yet.

        What goes while they are listed may be left out. Raises AccessError when a folder cannot be
        read.
        """
        top = self._own_folder()
        try:
            if self.is_remote:
                yield from files_at_url(*self._filesystem(top), under=self._ledger)
            else:
                yield from files_in_folder(top, under=self._ledger)
        except OSError as error:
            raise AccessError(
                f"the model files in {self.root} cannot be listed: {error.strerror or error}; "
                "check the folder and its rights"
            ) from error

    def probe(self) -> None:
        """Write a file and remove it again. Raises CannotKeepError when the disk refuses."""
        path = f"{self._ledger}/probe-{os.getpid()}"
        try:
            written = [self._write(path, bytes(CHUNK), "probe")]
            self.flush(written)
            self.remove(written)
        except OSError as error:
            raise CannotKeepError(
                f"model files cannot be written in {self.root}: {error.strerror or error}"
            ) from error

    def _stem(self, slice_id: str, attempt: int) -> str:
        return f"{self._ledger}/{stem_of(slice_id, attempt)}"

    def _write(self, path: str, content: bytes | Path, format: str) -> Artifact:
        if self.is_remote:
            return self._put(path, content, format)
        target = Path(self.place(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as stream:
                size, sha256 = copied(content, stream)
                faults.reach("writing")
            faults.reach("renaming")
            temporary.replace(target)
            faults.reach("renamed")
        except (OSError, ArtifactError):
            temporary.unlink(missing_ok=True)
            raise
        return Artifact(path, format, size, sha256)

    def _put(self, path: str, content: bytes | Path, format: str) -> Artifact:
        # Object stores show a key only when its upload is complete: no rename is needed.
        system, key = self._filesystem(self.place(path))
        system.makedirs(key.rpartition("/")[0], exist_ok=True)
        try:
            with system.open(key, "wb") as stream:
                size, sha256 = copied(content, stream)
        except ArtifactError:  # what was copied of it was closed, and so is there
            self.discard(path)
            raise
        return Artifact(path, format, size, sha256)

    def _own_folder(self) -> str:
        # With any other name a look at the ledger's folder would be one at other ledgers' files.
        if not _LEDGER.fullmatch(self._ledger):
            raise DamagedError(
                "the ledger has lost its identity (the setting uuid), so nobody can say which model "
                "files are its own; restore a backup"
            )
        return self.place(self._ledger)

    def _open(self, path: str) -> IO[bytes]:
        place = self.place(path)
        if not self.is_remote:
            return Path(place).open("rb")
        system, key = self._filesystem(place)
        opened: IO[bytes] = system.open(key, "rb")
        return opened

    @contextlib.contextmanager
    def _reading(self, artifact: Artifact) -> Iterator[IO[bytes]]:
        try:
            with self._open(artifact.path) as stream:
                yield stream
        except OSError as error:
            raise ArtifactError(
                f"the model file {self.place(artifact.path)} cannot be read: {error}"
            ) from error

    def _require_same(self, artifact: Artifact, size: int, sha256: str) -> None:
        if (size, sha256) != (artifact.bytes, artifact.sha256):
            raise ArtifactError(
                f"the model file {self.place(artifact.path)} is not what was recorded "
                f"({artifact.bytes} bytes, sha256 {artifact.sha256[:12]}…); "
                "train the slice again with `ledger requeue`"
            )

    def _filesystem(self, place: str) -> tuple[Any, str]:
        import fsspec

        system, key = fsspec.core.url_to_fs(place)
        return system, str(key)


def _require_inside(name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name or "\0" in name or not parts or parts[0].endswith(("/", ":")) or ".." in parts:
        raise ArtifactError(f"{name!r} cannot be the name of a model file: it must be a plain relative path")
