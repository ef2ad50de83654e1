"""TensorFlow, imported late and quietly."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any


@functools.cache
def tensorflow() -> Any:
    """The module, with one thread unless the environment says otherwise and without a banner.

    TF_NUM_INTRAOP_THREADS and TF_NUM_INTEROP_THREADS count, else OMP_NUM_THREADS. Importing must be
    all that happens before a worker is forked: a fork after the first operation hangs. So this is
    called by the functions that train, never at import.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    with _without_banner():
        import tensorflow as tf
    threading = tf.config.threading
    # it may have computed already, in a notebook: then the user's setting stands
    with contextlib.suppress(RuntimeError):
        threading.set_intra_op_parallelism_threads(threads("TF_NUM_INTRAOP_THREADS"))
        threading.set_inter_op_parallelism_threads(threads("TF_NUM_INTEROP_THREADS"))
    return tf


def threads(variable: str) -> int:
    """The number of threads that the environment asks for; 1 where it says nothing usable."""
    written = os.environ.get(variable) or os.environ.get("OMP_NUM_THREADS") or "1"
    return int(written) if written.isdecimal() else 1


@contextlib.contextmanager
def _without_banner() -> Iterator[None]:
    """Keep what C++ writes to stderr while importing; show it only when the import fails.

    Some of it is written before TensorFlow has read TF_CPP_MIN_LOG_LEVEL, so that does not help.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    with tempfile.TemporaryFile() as kept:
        stderr = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
