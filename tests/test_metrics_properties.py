"""Whatever train() returns as metrics: stored and equal when read again, or a ResultError; nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select

from ledger.database import reading
from ledger.records import Facts, Success
from ledger.requeue import Selection
from ledger.schema import attempts, metrics
from ledger.store import Ledger
from runner.errors import ResultError
from runner.trainer import Trained
from runner.userfile import interpret


class Hostile:
    """A value that cannot be turned into a number or text."""

    def __float__(self) -> float:
        raise KeyError("no")

    def __str__(self) -> str:
        raise KeyError("no")

    def __repr__(self) -> str:
        return "Hostile()"


NUMBERS = st.one_of(
    st.floats(),
    st.integers(),
    st.booleans(),
    st.fractions(),
    st.decimals(allow_nan=False),
    st.floats(width=32).map(np.float32),
    st.integers(-128, 127).map(np.int8),
    st.booleans().map(np.bool_),
    st.floats().map(np.array),
    st.sampled_from([2**53 + 1, -(10**308), Decimal("NaN"), np.longdouble("0.1"), np.uint64(2**64 - 1)]),
)
TOO_LARGE = st.sampled_from(
    [
        10**400,
        -(10**5_000),
        Fraction(10**400, 3),
        Decimal("1e400"),
        Decimal("-1e999999"),
        np.longdouble("1e400"),
    ]
)
NO_NUMBERS = st.one_of(
    st.none(),
    st.text(),
    st.binary(),
    st.complex_numbers(),
    st.lists(st.floats(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.floats(), max_size=1),
    st.sampled_from([np.array([1.0, 2.0]), np.array([]), np.array(None), np.str_("1"), np.complex128(1)]),
    st.sampled_from(["0.5", b"0.5", bytearray(b"1"), Decimal("sNaN"), Hostile(), object, float]),
)
SOUND_NAMES = st.one_of(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200
    ).filter(str.strip),
    st.sampled_from(["it's", '"; DROP TABLE metrics; --', ":x", "%s", "%(name)s", "a" * 200]),
)
OTHER_NAMES = st.one_of(
    st.text(max_size=300),
    st.sampled_from(["m\udcff", "\ud800", "m\0", "a" * 201, "é" * 10_000, 1, None, ("a", 1), Hostile()]),
)
SOUND = st.dictionaries(SOUND_NAMES, NUMBERS, max_size=6)
ANY = st.dictionaries(SOUND_NAMES | OTHER_NAMES, NUMBERS | TOO_LARGE | NO_NUMBERS, max_size=4)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request, tmp_path_factory) -> Iterator[Ledger]:
    """A ledger of one slice, on each database."""
    folder = tmp_path_factory.mktemp("metrics")
    split = folder / "split.csv"
    split.write_text("id,file,train_from,train_to,test_from,test_to\na,x.csv,0,9,10,14\n", encoding="utf-8")
    with Ledger.open(
        folder / "ledger.db" if request.param == "sqlite" else request.getfixturevalue("databases").empty()
    ) as opened:
        opened.import_slices(split)
        yield opened


@pytest.fixture(scope="module")
def stored(ledger) -> Callable[[Trained], tuple[dict[str, float], str | None]]:
    """Record what train() returned, and read it again: the metrics and model_used."""
    runner = ledger.register_runner({})

    def recording(trained: Trained) -> tuple[dict[str, float], str | None]:
        with ledger.recording() as record:
            held = record.claim(runner)
            assert record.complete(held, Success(trained.metrics), Facts(model_used=trained.model_used))
        ledger.requeue(Selection(ids=("a",)))
        with reading(ledger.engine) as conn:
            rows = conn.execute(select(metrics).where(metrics.c.attempt_id == held.attempt_id)).all()
            used = select(attempts.c.model_used).where(attempts.c.id == held.attempt_id)
            values = {row.name: float(row.kind) if row.value is None else row.value for row in rows}
            return values, conn.execute(used).scalar_one()

    return recording


def is_same(one: float, other: float) -> bool:
    """Equal, where NaN is NaN."""
    return one == other or (math.isnan(one) and math.isnan(other))


@given(SOUND)
def test_numbers_of_every_kind_come_back_equal(stored, returned):
    values, _ = stored(interpret(returned, Path()))

    assert values.keys() == {str(name) for name in returned}
    for name, number in returned.items():
        assert is_same(values[str(name)], float(number))


@given(ANY)
@example({"m": 10**400})
@example({"m\udcff": 0.5})
@example({"m": Hostile(), "n": 1.0})
def test_whatever_is_returned_is_stored_or_told(stored, returned):
    try:
        trained = interpret(returned, Path())
    except ResultError:
        return
    values, _ = stored(trained)

    assert len(values) == len(returned)
    for name, number in trained.metrics.items():
        assert type(name) is str
        assert type(number) is float
        assert is_same(values[name], number)


@given(SOUND, SOUND_NAMES, NO_NUMBERS | TOO_LARGE)
def test_one_value_that_no_float_can_hold_spoils_them_all(returned, name, value):
    with pytest.raises(ResultError, match="a metric is a number|too large for a float"):
        interpret({**returned, name: value}, Path())


@given(SOUND, st.sampled_from(["m\udcff", "\ud800", "m\0", "a" * 201, "é" * 10_000, Hostile()]))
def test_one_name_that_cannot_be_stored_spoils_them_all(returned, name):
    with pytest.raises(ResultError, match="no metric can be called .* at most 200 characters"):
        interpret({**returned, name: 0.5}, Path())


@pytest.mark.parametrize("returned", [{"m": [10**5_000]}, {10**5_000: 0.5}])
def test_a_number_of_more_digits_than_python_writes_is_told(returned):
    with pytest.raises(ResultError, match="something that cannot be shown"):
        interpret(returned, Path())


@pytest.mark.parametrize("given_metrics", [None, [0.5], "mae", 0.5, {"a"}, np.array([1.0])])
def test_metrics_that_are_no_mapping_are_told(given_metrics):
    with pytest.raises(ResultError, match="a mapping of names to numbers"):
        interpret(Trained(given_metrics), Path())


@given(st.text() | NO_NUMBERS | NUMBERS)
@example("ARIMA\udcff(2,1,2)\0")
@example("x" * 100_000)
@example(Hostile())
def test_the_model_used_may_be_anything(stored, model_used):
    trained = interpret(Trained({}, model_used=model_used), Path())

    assert stored(trained) == ({}, trained.model_used)
    if isinstance(model_used, str) and model_used.isprintable() and len(model_used) <= 200:
        assert trained.model_used == model_used


def test_ten_thousand_metrics_come_back(stored):
    returned = {f"metric {number}'\"%:": number / 7 for number in range(10_000)}

    values, _ = stored(interpret(returned, Path()))

    assert values == returned
