"""Where a file is: a path, or a URL of any kind that fsspec reaches."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast
from zipfile import BadZipFile

from ledger.errors import LedgerError
from ledger.secrets import hidden, masked
from ledger.variables import filled, values_in
from runner.errors import RunnerError, SourceAddressError, SourceError

PACKAGES = {
    "http": "aiohttp requests",
    "https": "aiohttp requests",
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "hf": "huggingface_hub",
}
"""What the usual kinds of URL need installed; fsspec's own words tell it for all others."""
GONE = (404, 410)
"""What a web server answers where there is no file."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is; `shown` is as the split file names it, with no secret in it."""

    address: str
    shown: str
    secrets: tuple[str, ...] = ()  # in the address, which no message may tell


def place_of(file: str, base: str | None) -> Place:
    """A file of the split file; `base` is the folder of the split file.

    Raises SourceError for an environment variable in a URL that is not set.
    """
    if "://" not in file:
        path = str(Path(base or ".") / file)
        return Place(path, path)
    try:
        return Place(filled(file), masked(file), tuple(values_in(file)))
    except LedgerError as error:
        raise SourceError(str(error)) from None


@contextmanager
def opened(place: Place, *, unpacked: bool) -> Iterator[IO[bytes]]:
    """The bytes of a path or URL, read once, `unpacked` where its name says so (.gz, .zip, …).

    Raises SourceError when it cannot be read now or a package is missing, SourceAddressError for
    a kind of URL that nothing reads.
    """
    import fsspec

    remote = "://" in place.address
    if remote:
        _require_schemes(place)
    try:
        with fsspec.open(place.address, "rb", compression="infer" if unpacked else None) as stream:
            yield cast("IO[bytes]", stream)
    except (RunnerError, MemoryError):
        raise
    except FileNotFoundError as error:
        cause = _first_cause(error)
        if isinstance(cause, FileNotFoundError) or getattr(cause, "status", None) in GONE:
            raise SourceError(f"there is no file {place.shown}") from None
        raise _unreadable(place, cause) from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError, BadZipFile) as error:
        raise _unreadable(place, error) from None
    except Exception as error:
        if not remote:
            raise
        # Every kind of URL has a package with errors of its own.
        raise _unreadable(place, error) from None


def _first_cause(error: BaseException) -> BaseException:
    """What an error came from: fsspec calls missing what a server refused or did not answer, too."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _unreadable(place: Place, error: BaseException) -> SourceError:
    told = str(error).replace(place.address, place.shown) or type(error).__name__
    return SourceError(f"{place.shown} cannot be read: {hidden(told, place.secrets)}")


def _require_schemes(place: Place) -> None:
    """Raise unless there is a program for every part of a URL such as zip://x.csv::s3://bucket/y.zip."""
    import fsspec

    for scheme in _schemes(place.address):
        try:
            fsspec.get_filesystem_class(scheme)
        except ValueError:
            raise SourceAddressError(
                f"{place.shown}: nothing here reads {hidden(scheme, place.secrets)}:// URLs; write a path, "
                "or a URL that docs/sources.md lists"
            ) from None
        except ImportError as error:
            raise SourceError(
                f"{place.shown}: {scheme}:// URLs need a package that is not installed: "
                + (f"pip install {PACKAGES[scheme]}" if scheme in PACKAGES else str(error))
            ) from None


def _schemes(place: str) -> Iterator[str]:
    *around, last = place.split("::")
    for part in around:
        yield part.partition("://")[0]
    if "://" in last:
        yield last.partition("://")[0]
