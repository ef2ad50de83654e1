"""Which slices are tried: strata, blocks of neighbours, and how the queue will be dealt to workers."""

from __future__ import annotations

import pytest

from ledger.records import Ranges, Source
from ledger.stretches import Stretch
from runner.planning.blocks import LARGEST, blocks, least
from runner.planning.dealing import Dealt, dealt
from runner.planning.strata import strata

DAYS = Ranges("2026-01-01", "2026-01-20", "2026-01-21", "2026-01-22")


def stretch(number: int = 0, slices: int = 1, **values) -> Stretch:
    """One table of so many slices; a test names only what matters."""
    usual = {
        "source": Source(f"db{number}", "t", None, "/data", values.pop("ranges", DAYS)),
        "rank": (0, 0),
        "trainer": None,
        "params": None,
        "group": None,
        "first": 100 * number,
        "last": 100 * number + slices - 1,
        "slices": slices,
        "import_id": 1,
    }
    return Stretch(**{**usual, **values})


def test_the_queue_is_parted_by_trainer_size_kind_and_group_while_the_sample_is_enough():
    long = Ranges("2020-01-01", "2026-01-20", "2026-01-21", "2026-01-22")
    queue = [
        stretch(0),
        stretch(1, trainer="lstm"),
        stretch(2, ranges=long),
        stretch(3, source=Source(None, None, "f.csv", "/data", DAYS)),
        stretch(4, group="eu"),
    ]

    assert [len(strata(queue, sample)) for sample in (50, 40, 30, 20, 1)] == [5, 4, 3, 2, 2]


def test_ranges_of_nearly_one_length_are_one_stratum():
    queue = [
        stretch(day, ranges=Ranges("2026-01-01", f"2026-01-{20 + day}", "2026-02", "2026-02"))
        for day in range(5)
    ]

    assert len(strata(queue, 100)) == 1


def test_every_slice_is_in_one_stratum():
    queue = [stretch(number, slices=number + 1, trainer="ab"[number % 2]) for number in range(7)]

    parts = strata(queue, 30)

    assert sum(part.slices for part in parts) == sum(each.slices for each in queue)
    assert sorted(each.first for part in parts for each in part.stretches) == [each.first for each in queue]


def slices_in(found) -> list[tuple[int, int]]:
    return [
        (block.stretch.first, place)
        for block in found
        for place in range(block.start, block.start + block.slices)
    ]


@pytest.mark.parametrize("sizes", [[50] * 10, [1] * 40, [7, 1, 300, 2], [1]])
def test_blocks_hold_every_slice_once_when_all_are_taken(sizes):
    parts = strata([stretch(number, slices=size) for number, size in enumerate(sizes)], 30)

    found = slices_in(blocks(parts, workers=2, most=1_000))

    assert len(found) == len(set(found)) == sum(sizes)


def test_a_block_is_of_one_table_and_has_few_neighbours():
    found = blocks(strata([stretch(number, slices=50) for number in range(20)], 30), workers=2, most=30)

    assert len(found) == 30 // LARGEST
    assert {block.slices for block in found} == {LARGEST}
    assert len({block.stretch.first for block in found}) == len(found)


def test_the_first_blocks_are_spread_over_the_whole_queue():
    parts = strata([stretch(number, slices=50) for number in range(100)], 30)

    tenths = {block.stretch.first // 1_000 for block in blocks(parts, workers=2, most=20 * LARGEST)}

    assert tenths == set(range(10))


def test_each_stratum_comes_first_with_what_it_needs_however_few_slices_it_has():
    queue = [
        stretch(0, slices=50, trainer="a"),
        stretch(1, slices=5_000, trainer="b"),
        stretch(2, trainer="c"),
    ]
    parts = strata(queue, 30)
    needed = [least(part, 4) for part in parts]

    found = blocks(parts, workers=4, most=sum(needed))

    for number, need in enumerate(needed):
        assert sum(block.slices for block in found if block.stratum == number) >= need
    assert needed == [6, 6, 1]


def readings(queue: list[Stretch], **how) -> float:
    return dealt(queue, **how).readings


def test_a_single_worker_that_sees_whole_tables_reads_each_once():
    queue = [stretch(number, slices=32) for number in range(40)]

    assert readings(queue, workers=1, per_source=None, seconds=0.001) == 1.0


def test_tables_that_are_cut_by_a_look_at_the_queue_or_shared_at_its_end_are_read_more_often():
    queue = [stretch(number, slices=50) for number in range(400)]

    fast = readings(queue, workers=2, per_source=None, seconds=0.001)
    slow = readings(queue, workers=2, per_source=None, seconds=1.0)

    assert 1.05 < fast < 1.6
    assert slow < 1.05


def test_files_of_one_slice_each_are_read_once():
    queue = [
        stretch(number, source=Source(None, None, f"{number}.csv", "/data", DAYS)) for number in range(500)
    ]

    assert readings(queue, workers=2, per_source=None, seconds=0.001) == 1.0


def test_one_table_for_many_workers_is_read_by_each():
    found = readings([stretch(0, slices=1_000)], workers=4, per_source=None, seconds=0.1)

    assert 3 < found < 7  # each reads what it can see ahead, more than once


def test_where_one_worker_may_read_a_database_the_table_is_read_once():
    found = dealt([stretch(0, slices=1_000)], workers=4, per_source=1, seconds=0.1)

    assert found == Dealt(readings=pytest.approx(1.0, abs=0.05), at_work=pytest.approx(1.0, abs=0.01))


def test_as_many_workers_are_at_work_as_databases_may_be_read_by():
    queue = [stretch(number, slices=50) for number in range(40)]

    assert dealt(queue, workers=4, per_source=1, seconds=0.1).at_work == pytest.approx(4, abs=0.1)
