"""The volume under the surface of precision and recall: VUS-PR, a score's quality on ranges.

Source: Paparrizos, Boniol, Palpanas, Tsay, Elmore & Franklin, "Volume Under the Surface: A New
Accuracy Evaluation Measure for Time-Series Anomaly Detection", PVLDB 15(11), 2022; equal to the
program of its benchmark TSB-AD (Liu & Paparrizos, NeurIPS 2024) to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.events import Events

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

THRESHOLDS = 250
"""Thresholds at which a curve is drawn, evenly spread over the ranks of the scores."""


def vus_pr(labels: Flags, scores: Floats, window: int) -> float:
    """The mean area under the curves of range precision and recall for all buffers up to `window`.

    `labels` and `scores` have the shape (n,); a buffer of so many points, half on each side of every
    event, counts in part (the weight falls with the distance). NaN without a label or without a
    point that has none.
    """
    import numpy as np

    if not 0 < labels.sum() < labels.size:
        return float("nan")
    rank = _ranks(scores)
    events = Events.of(labels)
    predicted = _reached(rank)
    inside = _reached(rank[labels])
    areas = [
        _area(*_buffered(events, labels, rank, width), inside, predicted, int(labels.sum()))
        for width in range(window + 1)
    ]
    return float(np.mean(areas))


def _ranks(scores: Floats) -> NDArray[np.int64]:
    """The first of the thresholds that each score reaches, shape (n,)."""
    import numpy as np

    falling = -np.sort(-scores)
    thresholds = falling[np.linspace(0, scores.size - 1, THRESHOLDS).astype(int)]
    return np.searchsorted(-thresholds, -scores, side="left")


def _reached(rank: NDArray[np.int64], weights: Any = None) -> Floats:
    """How many points, or how much of their weight, are at or above each threshold."""
    import numpy as np

    return np.bincount(rank, weights, minlength=THRESHOLDS)[:THRESHOLDS].cumsum().astype(np.float64)


def _buffered(events: Events, labels: Flags, rank: NDArray[np.int64], width: int) -> tuple[Floats, Floats]:
    """The weight of the buffers at or above each threshold, and the share of events found at each."""
    import numpy as np

    weight = np.zeros(labels.size)
    half = width // 2
    fall = np.sqrt(1 - np.arange(1, half + 1) / max(width, 1))
    for start, end in zip(events.starts, events.ends, strict=True):
        after = weight[end + 1 : end + 1 + half]
        after += fall[: after.size]
        before = weight[max(start - half, 0) : start]
        before += fall[: before.size][::-1]
    near = np.flatnonzero((weight > 0) & ~labels)
    found = [rank[a : b + 1].min() for a, b in events.merged(half, labels.size)]
    return _reached(rank[near], np.minimum(weight[near], 1.0)), _reached(np.array(found)) / len(found)


def _area(buffers: Floats, found: Floats, inside: Floats, predicted: Floats, positives: int) -> float:
    """The area under one curve; a threshold's buffer counts as positive where it is predicted."""
    import numpy as np

    hits = inside + buffers
    recall = np.minimum(hits / (positives + buffers / 2), 1.0) * found
    return float(np.dot(np.diff(recall, prepend=0.0), hits / predicted))
