"""What the drift panel says of the public series of ../shared/data: calm windows, shifts, other days.

    python benchmarks/drift_real.py [planetlab] [tcpd] [nab]

`planetlab`: the profile from 3 April, its floors from 9 April, then the windows of 11, 12 and 20 April,
288 points each, judged as three runs. `tcpd`: trained up to the first change that two people marked,
where 100 values lie on both sides; series without one are cut in the middle. `nab`: trained on the first
two fifths, tested on one window more, then windows of 500 points and at least five days: those without a
label as they are, and with a level shift of the training's sd added.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from runner.drift.decision import Check, Verdict, decide
from runner.drift.panel import check
from runner.drift.profile import Profile
from runner.period import step_of

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ALPHA = 0.05
WINDOW = 500
KNOWN = ("2011-04-03", "2011-04-09")
DAYS = ("2011-04-11", "2011-04-12", "2011-04-20")


def planetlab() -> None:
    """Print how many machines get which verdict after each day, and by which statistic."""
    profiles, values = {}, {}
    for path in sorted((DATA / "planetlab" / "planetlab_apr2011").glob("*.csv.gz")):
        table = pd.read_csv(path, index_col="timestamp", parse_dates=True)
        for name in table.columns:
            values[name] = table[name]
            train, test = (values[name][pd.DatetimeIndex(table.index).normalize() == day] for day in KNOWN)
            profiles[name] = Profile.of(train, test)
    before: dict[str, Verdict] = {}
    print(f"{len(profiles)} machines\n\n| day | verdicts | significant alone | by |\n|---|---|---|---|")
    for day in DAYS:
        checks, alone, by = [], 0, Counter[str]()
        for name, profile in profiles.items():
            found = check(profile, values[name].loc[day])
            last = before.get(name)
            plain = Check(
                name, found.p, found.reason or str(found.insufficient), found.start, found.end, "april"
            )
            if last is not None:
                plain = plain._replace(previous=last.kind, previous_reason=last.reason, since=last.since)
            checks.append(plain)
            alone += found.p <= ALPHA
            by[found.statistic if found.p <= ALPHA else ""] += 1
        verdicts = decide(checks)
        before = {verdict.slice: verdict for verdict in verdicts}
        kinds = Counter(str(verdict.kind) for verdict in verdicts)
        told = ", ".join(f"{name} {count}" for name, count in by.most_common() if name)
        print(f"| {day} | {_counts(kinds)} | {alone} | {told} |")


def _counts(kinds: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())


def tcpd() -> None:
    """Print what is found after the first change that two people marked."""
    marks = json.loads((DATA / "tcpd" / "changepoints.json").read_text(encoding="utf-8"))
    print("\n| series | trained on | change | finding |\n|---|---|---|---|")
    for path in sorted((DATA / "tcpd" / "data").glob("*.csv")):
        values = pd.read_csv(path).iloc[:, 1].reset_index(drop=True)
        people = marks[path.stem]["annotations_0_based"].values()
        agreed = sorted(
            row
            for given in people
            for row in given
            if sum(any(abs(row - o) <= 5 for o in p) for p in people) > 1
        )
        first = next((row for row in agreed if row >= 100), None)
        cut = agreed[0] if agreed else len(values) // 2
        if cut < 100 or len(values) - cut < 100:
            continue
        found = check(Profile.of(values.iloc[:cut], None), values.iloc[cut:])
        told = found.insufficient or f"p {found.p:.2g}: {found.reason}"
        print(f"| {path.stem} ({len(values)}) | {cut} | {first if agreed else 'none'} | {told} |")


def nab_files() -> Iterator[tuple[str, pd.Series[float], pd.DataFrame]]:
    """The name, the values and the labelled ranges of each file that is long enough."""
    labels = pd.read_csv(DATA / "nab" / "labels.csv", parse_dates=["start", "end"])
    for path in sorted((DATA / "nab" / "data").rglob("*.csv")):
        values = pd.read_csv(path, index_col="timestamp", parse_dates=True)["value"]
        name = path.relative_to(DATA / "nab").as_posix()
        if len(values) * 0.4 > 600:
            yield name, values, labels[labels["file"] == name]


def nab() -> None:
    """Print the share of calm windows with an alarm, and of shifted ones, with and without the test range."""
    counts: dict[str, list[int]] = {}
    alarmed = Counter[str]()
    for name, values, labels in nab_files():
        train = values.iloc[: len(values) * 2 // 5]
        rest = values.iloc[len(train) :]
        size = max(WINDOW, round(5 * 86_400 / (step_of(values.index) or 86_400)))
        test, rest = rest.iloc[:size], rest.iloc[size:]
        sides = {"with": Profile.of(train, test), "without": Profile.of(train, None)}
        for start in range(0, len(rest) - size + 1, size):
            window = rest.iloc[start : start + size]
            labelled = bool(
                ((labels["start"] <= window.index[-1]) & (labels["end"] >= window.index[0])).any()
            )
            for side, profile in sides.items():
                for shift in (None,) if labelled else (0, 1, 2):
                    kind = "labelled" if shift is None else f"calm, +{shift} sd" if shift else "calm"
                    found = check(profile, window + (shift or 0) * float(train.std()))
                    hits = counts.setdefault(f"{kind} | {side}", [0, 0])
                    hits[0] += int(found.p <= ALPHA)
                    hits[1] += found.insufficient is None
                    if kind == "calm" and side == "with" and found.p <= ALPHA:
                        alarmed[f"{Path(name).stem} ({found.reason})"] += 1
    print("\n| windows | floors from the test range | alarms | of |\n|---|---|---|---|")
    for kind, (alarms, there) in sorted(counts.items()):
        print(f"| {kind} | {alarms} ({alarms / max(there, 1):.0%}) | {there} |")
    print("\nalarms in calm windows: " + "; ".join(f"{name}" for name in alarmed))


def main(words: Sequence[str]) -> None:
    """Do what was named, by default everything."""
    if not DATA.is_dir():
        print(f"The public series are not beside this checkout ({DATA}): nothing to measure.")
        return
    np.seterr(all="raise", under="ignore")
    for name, part in (("planetlab", planetlab), ("tcpd", tcpd), ("nab", nab)):
        if not words or name in words:
            part()


if __name__ == "__main__":
    main(sys.argv[1:])
