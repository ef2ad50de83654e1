"""Where model files lie: the path an attempt writes to, and which attempt a path is of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

DIGITS = 15
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_FOLDER = re.compile(r"[0-9a-f]{3}")
_PARTS = re.compile(r"[A-Za-z0-9._-]+-([0-9a-f]{12})\.([0-9]{1,9})")
_TEMPORARY = re.compile(r"(.+)\.[0-9]+\.tmp", re.DOTALL)
_PROBE = re.compile(r"[^/]+/probe-[0-9]+(\.[0-9]+\.tmp)?")


@dataclass(frozen=True, slots=True)
class Origin:
    """The attempt that wrote a file; of its slice only the digest can be read from a path."""

    digest: str
    attempt: int
    temporary: bool = False  # cut short: a file has its own name only when it is whole


def digest_of(slice_id: str) -> str:
    """What stands for a slice in the paths of its files."""
    return hashlib.sha256(slice_id.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]


def stem_of(slice_id: str, attempt: int) -> str:
    """The path of an attempt's files below the ledger's folder, but for what follows its number."""
    # The readable part is for people; the digest tells ids apart that look alike to a file
    # system (upper and lower case, composed and decomposed letters, very long ones).
    digest = digest_of(slice_id)
    readable = _UNSAFE.sub("_", slice_id)[:40].strip(".") or "slice"
    return f"{digest[:3]}/{readable}-{digest[3:]}.{attempt}"


def origin_of(path: str) -> Origin | None:
    """Whose file this is, by its path below the artifact root; None for a file no attempt wrote.

    The path is `LEDGER/abc/READABLE-DIGEST.ATTEMPT`, then a suffix, or a folder's `/name`.
    """
    parts = path.split("/")
    if len(parts) < 3 or "\\" in path or not _FOLDER.fullmatch(parts[1]):
        return None
    first, name = parts[1], parts[2]
    cut_short = _TEMPORARY.fullmatch(parts[-1])
    if len(parts) > 3:
        return _origin(first, name, temporary=cut_short is not None)
    # The name of a whole file has one suffix at most, even where that is `.tmp`; a temporary one has more.
    whole = _origin(first, _without_suffix(name), temporary=False)
    if whole is None and cut_short is not None:
        return _origin(first, _without_suffix(cut_short[1]), temporary=True)
    return whole


def is_probe(path: str) -> bool:
    """Whether a file was only written to see whether files can be."""
    return _PROBE.fullmatch(path) is not None


def _origin(first: str, name: str, *, temporary: bool) -> Origin | None:
    match = _PARTS.fullmatch(name)
    return Origin(first + match[1], int(match[2]), temporary) if match else None


def _without_suffix(name: str) -> str:
    return name if _PARTS.fullmatch(name) else name.rpartition(".")[0]
