"""How fast a core is, read on that core by this very process."""

import os
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from stackmatrix.errors import MachineLimitError
from stackmatrix.system import core_speed
from stackmatrix.system.core_speed import PaceBook, read_pace
from stackmatrix.system.cores import pinned

on_cores = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")


@pytest.fixture(autouse=True)
def few_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_speed, "TURNS", 1_000)
    monkeypatch.setattr(core_speed, "PAUSE_AT_REST_S", 0.0)


@pytest.fixture
def core() -> Iterator[int]:
    """A core, and whatever happens, all of them again when the test is over."""
    allowed = os.sched_getaffinity(0)
    yield max(allowed)
    os.sched_setaffinity(0, allowed)


@on_cores
def test_the_body_runs_on_the_cores_and_what_comes_after_on_all(core: int) -> None:
    allowed = os.sched_getaffinity(0)
    with pinned([core]):
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == allowed


@on_cores
def test_after_an_error_all_cores_are_allowed_again(core: int) -> None:
    allowed = os.sched_getaffinity(0)
    with pytest.raises(KeyboardInterrupt), pinned([core]):
        raise KeyboardInterrupt
    assert os.sched_getaffinity(0) == allowed


@on_cores
def test_after_a_core_that_is_not_there_nothing_has_changed(core: int) -> None:
    allowed = os.sched_getaffinity(0)
    with pytest.raises(MachineLimitError, match="may not be used any more"), pinned([core + 100_000]):
        raise AssertionError
    assert os.sched_getaffinity(0) == allowed


def test_where_nothing_is_pinned_the_kernel_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sched_getaffinity", "sched_setaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    assert read_pace(()) > 0


@on_cores
def test_every_piece_is_made_on_the_core_and_their_median_counts(core: int, monkeypatch: pytest.MonkeyPatch) -> None:
    took_s = iter([*[1.0] * 7, 2.0, *[90.0] * 7])

    def piece() -> float:
        assert os.sched_getaffinity(0) == {core}
        return next(took_s)

    monkeypatch.setattr(core_speed, "_piece", piece)
    assert read_pace([core]) == 2.0
    assert next(took_s, None) is None


def test_a_loop_of_more_turns_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    few_s = read_pace(())
    monkeypatch.setattr(core_speed, "TURNS", 100_000)
    # A hundred times as long, if nothing comes between.
    assert read_pace(()) > 5 * few_s


def test_a_book_keeps_all_readings_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([float(number) for number in range(1, 100)])
    monkeypatch.setattr(core_speed, "read_pace", lambda _: next(readings))
    book = PaceBook(())
    assert not book.readings
    book.begin()
    at_rest = tuple(float(number) for number in range(1, core_speed.READINGS_AT_REST + 1))
    assert book.readings == at_rest
    assert book.read() == core_speed.READINGS_AT_REST + 1
    assert book.readings == (*at_rest, core_speed.READINGS_AT_REST + 1)


@on_cores
def test_a_book_reads_on_its_cores(core: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []

    def piece() -> float:
        seen.append(os.sched_getaffinity(0))
        return 1.0

    monkeypatch.setattr(core_speed, "_piece", piece)
    PaceBook((core,)).read()
    assert seen == [{core}] * core_speed.PIECES


def test_readings_at_rest_are_spread_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour that comes and goes within half a second would be in all of them, or in none."""
    monkeypatch.setattr(core_speed, "PAUSE_AT_REST_S", 0.02)
    monkeypatch.setattr(core_speed, "READINGS_AT_REST", 5)
    at_s: list[float] = []

    def read(_: object) -> float:
        at_s.append(time.monotonic())
        return 1.0

    monkeypatch.setattr(core_speed, "read_pace", read)
    PaceBook(()).begin()
    assert len(at_s) == 5
    assert all(later - earlier >= 0.02 for earlier, later in pairwise(at_s))


@pytest.mark.parametrize(
    ("readings", "told"),
    [([1.05], 1.05), ([1.9, 1.02, 1.0], 1.02), ([1.9, 1.8, 1.0], 1.8), ([0.5, 1.0, 0.9], 0.9)],
)
def test_an_unusual_reading_is_made_again_and_the_middle_one_told(
    readings: list[float], told: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_rest = [1.0] * (core_speed.READINGS_AT_REST - 3) + [0.9, 1.1, 1.1]
    to_come = iter([*at_rest, *readings])
    monkeypatch.setattr(core_speed, "read_pace", lambda _: next(to_come))
    book = PaceBook(())
    book.begin()
    assert book.read_surely() == told
    assert list(to_come) == []
    assert book.readings == (*at_rest, *readings)
