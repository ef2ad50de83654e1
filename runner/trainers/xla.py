"""Whether XLA trains an architecture faster than plain TensorFlow: tried once, and only where it works.

Source: "XLA: Optimizing Compiler for Machine Learning" (openxla.org, tensorflow.org).
"""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runner.errors import SlowFitWarning

TRIAL = 50
"""Steps of a trial: enough that the steps count and the call does not."""
MARGIN = 1.5
"""How much faster plain TensorFlow must be to be taken.

The two round differently, so chance must not decide between them: with XLA an LSTM is three times
and a CNN 1.6 times as fast, so no noise of a trial makes one worker choose otherwise than the next.
"""


@dataclass(slots=True)
class Training:
    """A training as a function, compiled by XLA or plain; both take `limits` of `batches` first."""

    name: str
    compiled: Any
    plain: Any
    errors: type[Exception]
    clock: Callable[[], float] = time.process_time
    chosen: Any = None

    def __call__(self, limits: Any, *given: Any) -> Any:
        """Train; the first call tries both, and the first time that XLA fails it says so."""
        try:
            self.chosen = self.chosen or self._faster(limits, given)
            return self.chosen(limits, *given)
        except self.errors as error:
            if self.chosen is self.plain:
                raise
            self.chosen = self.plain
            _say(f"XLA cannot be used, the {self.name} trains more slowly", str(error).partition("\n")[0])
            return self.plain(limits, *given)

    def _faster(self, limits: Any, given: tuple[Any, ...]) -> Any:
        import numpy as np

        epochs, per_epoch = int(limits[0]), int(limits[1])
        few = np.array([min(epochs, -(-TRIAL // per_epoch)), min(per_epoch, TRIAL), 0, 0], np.int32)
        compiled, plain = (self._seconds(graph, few, given) for graph in (self.compiled, self.plain))
        return self.plain if MARGIN * plain < compiled else self.compiled

    def _seconds(self, graph: Any, few: Any, given: tuple[Any, ...]) -> float:
        """What a few steps cost once the graph is there."""
        graph(few, *given)
        start = self.clock()
        graph(few, *given)
        return self.clock() - start


@functools.cache
def _say(trouble: str, why: str) -> None:
    """Warn once in a process, however many architectures it trains."""
    warnings.warn(f"{trouble}: {why}", SlowFitWarning, stacklevel=4)
