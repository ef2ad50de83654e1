"""The environment variables a worker process starts with."""

from __future__ import annotations

import os
from collections.abc import Mapping

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Libraries read these once, when they are imported: with more, N workers fight for the cores."""

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "PYTHONUNBUFFERED": "1"}


def worker_environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """What is inherited, with one thread per library and no banners."""
    base = dict(os.environ if inherited is None else inherited)
    return base | dict.fromkeys(ONE_THREAD, "1") | QUIET
