"""TensorFlow, imported late and quietly."""

from __future__ import annotations

import functools
import os
from typing import Any


@functools.cache
def tensorflow() -> Any:
    """The module, with one thread unless the environment says otherwise and without a banner.

    Importing must be all that happens before a worker is forked: a fork after the first operation
    hangs. So this is called by the functions that train, never at import.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import tensorflow as tf

    for set_threads, variable in (
        (tf.config.threading.set_intra_op_parallelism_threads, "TF_NUM_INTRAOP_THREADS"),
        (tf.config.threading.set_inter_op_parallelism_threads, "TF_NUM_INTEROP_THREADS"),
    ):
        try:
            set_threads(int(os.environ.get(variable, "1")))
        except RuntimeError:
            break  # it has computed already: in a notebook the user's setting stands
    return tf
