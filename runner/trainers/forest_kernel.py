"""Growing and scoring isolation trees over sliding windows, compiled by numba.

Source: Liu, Ting & Zhou, "Isolation Forest", ICDM 2008, with the choices of scikit-learn's
IsolationForest: samples drawn without replacement, a feature drawn among those that vary in the
node, a cut drawn uniformly between its least and greatest value, no deeper than log2(samples).

A tree is a heap: the children of node i are 2i + 1 (values up to the cut) and 2i + 2. Below a leaf
that ends early the cuts are infinite, so that every window takes `depth` steps, without a branch.
Window i of a series holds its values i to i + window − 1; windows are never copied.
"""

from __future__ import annotations

import numpy as np

from runner.trainers.compiled import EXACT, compiled

VARIES = np.float32(1e-7)
"""A feature whose values lie this close together is constant, as it is to scikit-learn."""

FACTOR = np.uint64(6364136223846793005)
STEP = np.uint64(1442695040888963407)
HALF = np.uint64(32)


@compiled("uint64(uint64)", freedom=EXACT)
def _following(state: np.uint64) -> np.uint64:
    """The next state of a linear congruential generator (Knuth's MMIX); its high bits are used."""
    return state * FACTOR + STEP


@compiled("int64(uint64, int64)", freedom=EXACT)
def _below(state: np.uint64, bound: int) -> int:
    """A whole number from 0 to bound − 1, drawn by the high half of a state."""
    return int(((state >> HALF) * np.uint64(bound)) >> HALF)


@compiled("uint64(int64[::1], int64, uint64)", freedom=EXACT)
def _draw(order: np.ndarray, samples: int, state: np.uint64) -> np.uint64:
    """Bring `samples` of the windows to the front of `order`, none twice."""
    for place in range(samples):
        state = _following(state)
        other = place + _below(state, order.size - place)
        order[place], order[other] = order[other], order[place]
    return state


@compiled("Tuple((uint64, int64, float32))(float32[::1], int64[::1], int64[::1], uint64)", freedom=EXACT)
def _cut(
    series: np.ndarray, members: np.ndarray, names: np.ndarray, state: np.uint64
) -> tuple[np.uint64, int, np.float32]:
    """Draw a feature that varies among `members`, and a cut below its greatest value; −1 for none."""
    left = names.size
    while left > 0:
        state = _following(state)
        drawn = _below(state, left)
        name = names[drawn]
        low = high = series[members[0] + name]
        for member in members[1:]:
            low = min(low, series[member + name])
            high = max(high, series[member + name])
        if high > low + VARIES:
            state = _following(state)
            share = np.float64(state >> np.uint64(11)) * 2.0**-53
            at = np.float32(low + share * (np.float64(high) - low))
            return state, name, at if at < high else low
        left -= 1
        names[drawn], names[left] = names[left], name
    return state, -1, np.float32(0)


@compiled("int64(float32[::1], int64[::1], int64, float32)", freedom=EXACT)
def _part(series: np.ndarray, members: np.ndarray, name: int, cut: np.float32) -> int:
    """Bring the members up to the cut to the front, and count them."""
    count = 0
    for place in range(members.size):
        member = members[place]
        if series[member + name] <= cut:
            members[place], members[count] = members[count], member
            count += 1
    return count


@compiled(
    "void(float32[::1], int64, int64, int64, uint64, int16[:,::1], float32[:,::1], int32[:,::1])",
    freedom=EXACT,
)
def grow(
    series: np.ndarray,
    window: int,
    samples: int,
    depth: int,
    seed: np.uint64,
    feature: np.ndarray,
    cut: np.ndarray,
    size: np.ndarray,
) -> None:
    """Grow a tree in each row of `feature` and `cut`, shapes (trees, 2^depth − 1).

    `cut` comes filled with infinity, `feature` and `size` with zeros. `size`, shape
    (trees, 2^depth), gets the samples of each leaf at the place where its windows end.
    """
    order = np.arange(series.size - window + 1)
    names = np.arange(window)
    begin = np.zeros(2 << depth, np.int64)
    end = np.zeros(2 << depth, np.int64)
    state = _following(seed)
    for tree in range(feature.shape[0]):
        state = _draw(order, samples, state)
        begin[:] = end[:] = 0
        end[0] = samples
        for level in range(depth + 1):
            for across in range(1 << level):
                node = (1 << level) - 1 + across
                members = order[begin[node] : end[node]]
                if members.size == 0:
                    continue
                name = -1
                if level < depth and members.size > 1:
                    state, name, at = _cut(series, members, names, state)
                if name < 0:
                    size[tree, across << (depth - level)] = members.size
                    continue
                feature[tree, node], cut[tree, node] = name, at
                middle = begin[node] + _part(series, members, name, at)
                begin[2 * node + 1], end[2 * node + 1] = begin[node], middle
                begin[2 * node + 2], end[2 * node + 2] = middle, end[node]


@compiled(
    "void(float32[::1], int16[:,::1], float32[:,::1], float64[:,::1], int64, float64[::1])", freedom=EXACT
)
def add_lengths(
    series: np.ndarray,
    feature: np.ndarray,
    cut: np.ndarray,
    length: np.ndarray,
    depth: int,
    total: np.ndarray,
) -> None:
    """Add to `total`, shape (windows,), the path length of each window in every tree.

    All windows go down one level together: their steps do not wait for each other, which takes a
    fifth of the time of one window after the other. Unsigned numbers spare the check for a negative index.
    """
    one, inner = np.uintp(1), np.uintp(feature.shape[1])
    nodes = np.zeros(total.size, np.uintp)
    for tree in range(feature.shape[0]):
        names, cuts, lengths = feature[tree], cut[tree], length[tree]
        nodes[:] = 0
        for _ in range(depth):
            for window in range(total.size):
                node = nodes[window]
                above = series[np.uintp(window) + np.uintp(names[node])] > cuts[node]
                nodes[window] = node + node + one + np.uintp(above)
        for window in range(total.size):
            total[window] += lengths[nodes[window] - inner]
