"""How well anomaly scores tell the labelled points of a test range: never point-adjusted, never tuned on it.

Point adjustment counts an event as found whole where one point of it is; random scores then look
excellent (Kim, Choi, Choi, Lee & Yoon, "Towards a Rigorous Evaluation of Time-Series Anomaly
Detection", AAAI 2022). The threshold is the model's own, from its training data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.events import Events
from runner.vus import vus_pr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

DAY = 86_400.0


def detection_measures(
    scores: Floats, labels: Flags, *, threshold: float | None, step: float | None, window: int
) -> dict[str, float]:
    """Measure `scores` against `labels`, both of shape (n,); a score above `threshold` is an alarm.

    auc_pr, vus_pr (buffers up to `window` points), precision and recall of points, events (runs of
    labelled points), events_found (those with an alarm in them), false_alarms_per_day (runs of
    alarms that touch no event, per day without a label; `step` is in seconds). A measure that would
    divide by nothing is left out: without a label auc_pr, vus_pr and recall, without an alarm
    precision, without a normal point vus_pr and false_alarms_per_day, and that too without a step.
    Without a threshold there are auc_pr, vus_pr and events alone.
    """
    events = Events.of(labels)
    found = {"events": float(events.starts.size)}
    if labels.any():
        found["auc_pr"] = average_precision(labels, scores)
        if not labels.all():
            found["vus_pr"] = vus_pr(labels, scores, window)
    if threshold is not None:
        found |= _of_alarms(scores > threshold, labels, events, step)
    return found


def _of_alarms(alarms: Flags, labels: Flags, events: Events, step: float | None) -> dict[str, float]:
    """What depends on a threshold."""
    hits, normal = int((alarms & labels).sum()), int((~labels).sum())
    found = {"events_found": float(_touched(events, alarms))}
    if alarms.any():
        found["precision"] = hits / int(alarms.sum())
    if labels.any():
        found["recall"] = hits / int(labels.sum())
    if normal and step:
        runs = Events.of(alarms)
        false = runs.starts.size - _touched(runs, labels)
        found["false_alarms_per_day"] = false / (normal * step / DAY)
    return found


def average_precision(labels: Flags, scores: Floats) -> float:
    """The area under the steps of precision over recall; points of equal score are taken together.

    `labels` has at least one true.
    """
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)  # of each distinct score
    hits = labels[order].cumsum()[last]
    return float(np.dot(np.diff(hits, prepend=0), hits / (last + 1)) / hits[-1])


def _touched(events: Events, flags: Flags) -> int:
    """How many of the events have a true flag in them."""
    import numpy as np

    before = np.concatenate([[0], flags.cumsum()])
    return int((before[events.ends + 1] > before[events.starts]).sum())
