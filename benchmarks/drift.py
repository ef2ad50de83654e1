"""How often drift is found where there is none, and where there is some: simulations with known answers.

    python benchmarks/drift.py [table] [fleet] [cost] [--runs N] [--slices N] [SCENARIO …]

`table`: false alarms and power per scenario (train 2,000 points, test 500, recent 500, 15 minutes apart,
α = .05), beside a two-sample Kolmogorov–Smirnov test of the raw values. `fleet`: a fleet that is judged
in two windows, 2 % of it drifted and 3 % with incidents. `cost`: CPU time of a profile and of a check.
Everything is seeded. benchmarks/drift_real.py does the same with public series.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # CPU time is that of the work, not of waiting threads

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import ks_2samp

from runner.drift.decision import Check, Verdict, VerdictKind, adjusted_p, decide
from runner.drift.finding import Finding
from runner.drift.panel import check
from runner.drift.profile import Profile

Floats: TypeAlias = NDArray[np.float64]
Generator: TypeAlias = np.random.Generator
Scenario: TypeAlias = Callable[[Generator], "pd.Series[float]"]

TRAIN, TEST, RECENT = 2_000, 500, 500
KNOWN = TRAIN + TEST
ALL = KNOWN + RECENT
DAY = 96  # rows
SIZE = 2.0  # amplitude of a season in sd of the noise
ALPHA = 0.05
INDEX = pd.date_range("2026-01-05", periods=ALL + RECENT, freq="15min")
SINCE = np.arange(ALL + RECENT)


def noise(rng: Generator, phi: float = 0.9, *, count: int = ALL, heavy: bool = False) -> Floats:
    """An autoregression of order one and variance one; `heavy` tails are of Student's t with 3 degrees."""
    drawn = rng.standard_t(3, count + 500) / np.sqrt(3) if heavy else rng.normal(size=count + 500)
    found: Floats = lfilter([np.sqrt(1 - phi**2)], [1, -phi], drawn)[500:]
    return found


def season(count: int = ALL, *, period: float = DAY, later: float = 0.0) -> Floats:
    """A wave of SIZE."""
    found: Floats = SIZE * np.sin(2 * np.pi * (SINCE[:count] - later) / period)
    return found


def series(values: Floats) -> pd.Series[float]:
    """The values every 15 minutes."""
    return pd.Series(values, INDEX[: values.size])


def changed(values: Floats, now: Floats) -> pd.Series[float]:
    """The values, and `now` instead of them from the recent window on."""
    return series(np.concatenate([values[:KNOWN], now[KNOWN:]]))


def with_gaps(found: pd.Series[float], rng: Generator) -> pd.Series[float]:
    """Every tenth value is missing, and three stretches of a day; half of it as NaN, half as no row."""
    gone = rng.random(found.size) < 0.1
    for start in (300, 1_200, 2_650):
        gone[start : start + DAY] = True
    told = rng.random(found.size) < 0.5
    return found.mask(gone & told)[~gone | told]


def irregular(rng: Generator, shift: float = 0.0) -> pd.Series[float]:
    """A process in continuous time, seen at random times 15 minutes apart on average, with a daily wave."""
    at = np.cumsum(rng.exponential(1.0, ALL))
    kept = 0.9 ** np.diff(at, prepend=at[0])
    drawn, values = rng.normal(size=ALL), np.empty(ALL)
    values[0] = drawn[0]
    for row in range(1, ALL):
        values[row] = kept[row] * values[row - 1] + np.sqrt(1 - kept[row] ** 2) * drawn[row]
    values += SIZE * np.sin(2 * np.pi * at / DAY)
    values[KNOWN:] += shift
    return pd.Series(values, INDEX[0] + pd.to_timedelta(at * 900, unit="s"))


def clock(rng: Generator, row: int) -> pd.Series[float]:
    """A daily wave by local time; clocks are put forward before `row`, on 29 March."""
    moved = np.where(SINCE[:ALL] >= row, season(later=-4), season())
    found = series(noise(rng) + moved)
    found.index += pd.Timestamp("2026-03-29 01:00") - INDEX[KNOWN - 1]
    return found


def counter(rng: Generator, shift: float = 0.0) -> pd.Series[float]:
    """A count that grows by 10 a step, more by day, with noise; it starts again once in a while."""
    rates = 10 + noise(rng) + season()
    rates[KNOWN:] += shift
    total = np.cumsum(np.maximum(rates, 0))
    for start in np.flatnonzero(rng.random(ALL) < 0.002):
        total[start:] -= total[start]
    return series(total)


CALM: dict[str, Scenario] = {
    "iid": lambda rng: series(noise(rng, 0.0)),
    "AR .5": lambda rng: series(noise(rng, 0.5)),
    "AR .9": lambda rng: series(noise(rng)),
    "AR .99": lambda rng: series(noise(rng, 0.99)),
    "t3 AR .9": lambda rng: series(noise(rng, heavy=True)),
    "season + AR .9": lambda rng: series(noise(rng) + season()),
    "gaps": lambda rng: with_gaps(series(noise(rng) + season()), rng),
    "irregular": irregular,
    "clocks changed before": lambda rng: clock(rng, KNOWN),
    "clocks changed amid": lambda rng: clock(rng, KNOWN + RECENT // 2),
    "counter": counter,
}


def _level(rng: Generator, shift: float = 1.0) -> pd.Series[float]:
    values = noise(rng)
    return changed(values, values + shift)


def _scale(rng: Generator) -> pd.Series[float]:
    values = noise(rng)
    return changed(values, values * 1.5)


def _season(rng: Generator, now: Floats) -> pd.Series[float]:
    values = noise(rng)
    return changed(values + season(), values + now)


CHANGED: dict[str, Scenario] = {
    "+1 sd": _level,
    "sd ×1.5": _scale,
    "φ .9→.5": lambda rng: changed(noise(rng), noise(rng, 0.5)),
    "period 96→72": lambda rng: _season(rng, season(period=72)),
    "phase 6 h": lambda rng: _season(rng, season(later=24)),
    "amplitude ×1.5": lambda rng: _season(rng, 1.5 * season()),
    "gaps, +1 sd": lambda rng: with_gaps(_level(rng), rng),
    "irregular, +1 sd": lambda rng: irregular(rng, 1.0),
    "counter, +1 sd": lambda rng: counter(rng, 1.0),
}
DESIGNED = {  # what the design's own simulation gave, per cent: KS raw, panel, panel with floors
    "iid": (6, 3.6, 0),
    "AR .5": (18, 3.8, 0.6),
    "AR .9": (75, 4.2, 1.4),
    "AR .99": (99, 5.4, 1.8),
    "t3 AR .9": (77, 4.4, 1.2),
    "season + AR .9": (70, 3.0, 1.8),
    "+1 sd": (100, 98, 98),
    "sd ×1.5": (98, 100, 100),
    "φ .9→.5": (44, 100, 100),
    "period 96→72": (62, 100, 100),
    "phase 6 h": (65, 100, 100),
    "amplitude ×1.5": (99, 86, 85),
}


def split(found: pd.Series[float]) -> tuple[pd.Series[float], pd.Series[float], pd.Series[float]]:
    """The train, test and recent part, by time where rows are missing."""
    if found.size == ALL:
        return found.iloc[:TRAIN], found.iloc[TRAIN:KNOWN], found.iloc[KNOWN:]
    return found[: INDEX[TRAIN - 1]], found[INDEX[TRAIN] : INDEX[KNOWN - 1]], found[INDEX[KNOWN] :]


def without_floors(finding: Finding) -> float:
    """The p of all statistics together, if every effect counted."""
    from runner.drift.panel import WEIGHTS

    total = sum(WEIGHTS[each.statistic] for each in finding.evidence)
    return min(each.p * total / WEIGHTS[each.statistic] for each in finding.evidence)


def table(runs: int, names: Sequence[str]) -> None:
    """Print a line for each scenario: alarms in per cent of the runs, and the statistics that raised them."""
    print(f"{runs} runs each, α = {ALPHA}\n")
    print("| scenario | KS raw | panel | panel with floors | KS raw, panel, with floors as designed | by |")
    print("|---|---|---|---|---|---|")
    for name, scenario in {**CALM, **CHANGED}.items():
        if names and name not in names:
            continue
        rng, alarms, by = np.random.default_rng(2026), np.zeros(3), Counter[str]()
        for _ in range(runs):
            train, test, recent = split(scenario(rng))
            finding = check(Profile.of(train, test), recent)
            raw = ks_2samp(train.dropna(), recent.dropna(), method="asymp").pvalue
            found = np.array([raw, without_floors(finding), finding.p]) <= ALPHA
            alarms += found
            by[finding.statistic] += int(found[2])
        cells = " | ".join(f"{100 * share:.1f}" for share in alarms / runs)
        known = ", ".join(f"{value:g}" for value in DESIGNED.get(name, ()))
        told = ", ".join(f"{statistic} {count}" for statistic, count in by.most_common() if count)
        print(f"| {name} | {cells} | {known} | {told} |", flush=True)


DRIFTS: dict[str, Callable[[Floats, Floats, Generator], Floats]] = {
    "level +1.5 sd": lambda plain, wave, _: plain + wave + 1.5,
    "sd ×1.5": lambda plain, wave, _: 1.5 * plain + wave,
    "φ .9→.5": lambda plain, wave, rng: noise(rng, 0.5, count=plain.size) + wave,
    "phase 6 h": lambda plain, wave, _: plain + np.roll(wave, 24),
}
SMALL: dict[str, Callable[[Floats, Floats, Generator], Floats]] = {
    "level +1 sd": lambda plain, wave, _: plain + wave + 1.0,
    "amplitude ×1.5": lambda plain, wave, _: plain + 1.5 * wave,
}


def member(rng: Generator, kind: str) -> tuple[list[Finding], float]:
    """The findings of two windows of one slice, calm, with incidents or drifted; p of KS for the first."""
    drifts = {**DRIFTS, **SMALL}
    phi = 0.9 if kind in drifts else float(rng.choice([0.0, 0.5, 0.9, 0.9]))
    plain = noise(rng, phi, count=SINCE.size, heavy=rng.random() < 0.2)
    wave = season(SINCE.size) if kind in ("phase 6 h", "amplitude ×1.5") or rng.random() < 0.5 else 0 * plain
    values = plain + wave
    if kind in drifts:
        values[KNOWN:] = drifts[kind](plain, wave, rng)[KNOWN:]
    if kind == "incident":
        for window in range(KNOWN, SINCE.size, RECENT)[: 1 + int(rng.random() < 0.5)]:
            start = window + int(rng.integers(0, RECENT - 36))
            values[start : start + int(rng.integers(4, 36))] += 8.0
    found = pd.Series(values, INDEX)
    profile = Profile.of(found.iloc[:TRAIN], found.iloc[TRAIN:KNOWN])
    windows = [found.iloc[at : at + RECENT] for at in (KNOWN, KNOWN + RECENT)]
    raw = float(ks_2samp(found.iloc[:TRAIN], windows[0], method="asymp").pvalue)
    return [check(profile, window) for window in windows], raw


def fleet(slices: int) -> None:
    """Print false-positive rate, false discovery rate and power of one window and of two."""
    rng = np.random.default_rng(6)
    drifted, incidents = slices // 50, slices * 3 // 100
    kinds = [list(DRIFTS)[row % len(DRIFTS)] for row in range(drifted)]
    kinds += ["incident"] * incidents + ["calm"] * (slices - drifted - incidents)
    found, raw = zip(*(member(rng, kind) for kind in kinds), strict=True)
    small = [(kind, member(rng, kind)[0]) for kind in SMALL for _ in range(100)]
    first = decide([_check(row, windows[0]) for row, windows in enumerate(found)])
    second = decide([_check(row, windows[1], first[row]) for row, windows in enumerate(found)])
    once = [each.kind == VerdictKind.SUSPECT for each in first]
    twice = [each.kind == VerdictKind.DRIFTED for each in second]
    print(f"\n{slices} slices, {drifted} drifted, {incidents} with incidents\n")
    print("| rule | false-positive rate | FDR | power |\n|---|---|---|---|")
    _line("KS raw + BH", kinds, (adjusted_p(np.array(raw)) <= ALPHA).tolist())
    _line("panel + floors + BH, one window", kinds, once)
    _line("the same, twice in a row", kinds, twice)
    for kind in DRIFTS:
        print(
            f"\n{kind}: {np.mean([hit for hit, k in zip(twice, kinds, strict=True) if k == kind]):.3f} twice"
        )
    limit = max((windows[0].p for windows, hit in zip(found, once, strict=True) if hit), default=0.0)
    for kind in SMALL:
        hits = [all(each.p <= limit for each in windows) for k, windows in small if k == kind]
        print(f"\n{kind} (not in the fleet, by its limit p ≤ {limit:.2g}): {np.mean(hits):.3f} twice")


def _check(row: int, finding: Finding, before: Verdict | None = None) -> Check:
    plain = Check(str(row), finding.p, finding.reason, finding.start, finding.end)
    if before is None:
        return plain
    return plain._replace(previous=before.kind, previous_reason=before.reason, since=before.since)


def _line(name: str, kinds: Sequence[str], hits: Sequence[bool]) -> None:
    true = sum(hit for hit, kind in zip(hits, kinds, strict=True) if kind in DRIFTS)
    false, there = sum(hits) - true, sum(kind in DRIFTS for kind in kinds)
    rate, discovery = false / (len(kinds) - there), false / max(sum(hits), 1)
    print(f"| {name} | {rate:.3%} | {discovery:.4f} | {true / there:.3f} |", flush=True)


def cost() -> None:
    """Print the CPU time of a profile and of a check, the least and the middle of 20 rounds of 50."""
    found = series(noise(np.random.default_rng(1)) + season())
    train, test, recent = split(found)
    profile = Profile.of(train, test)
    content = profile.to_bytes()
    steps: dict[str, Callable[[], object]] = {
        "profile, 2,000 points": lambda: Profile.of(train, None),
        "profile, 2,000 points and 500 of test": lambda: Profile.of(train, test),
        "check, 500 points": lambda: check(profile, recent),
        "check, 500 points, from bytes": lambda: check(Profile.from_bytes(content), recent),
    }
    print(f"\na profile has {len(content)} bytes\n\n| CPU time in µs | least | middle |\n|---|---|---|")
    for name, step in steps.items():
        rounds = []
        for _ in range(20):
            begun = time.process_time()
            for _ in range(50):
                step()
            rounds.append((time.process_time() - begun) / 50 * 1e6)
        print(f"| {name} | {min(rounds):.0f} | {np.median(rounds):.0f} |")


def main() -> None:
    """Do what was named, by default everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--slices", type=int, default=20_000)
    given = parser.parse_intermixed_args()
    parts = ("table", "fleet", "cost")
    wanted = [word for word in given.words if word in parts] or parts
    scenarios = [word for word in given.words if word not in parts]
    if "table" in wanted:
        table(given.runs, scenarios)
    if "fleet" in wanted:
        fleet(given.slices)
    if "cost" in wanted:
        cost()


if __name__ == "__main__":
    main()
