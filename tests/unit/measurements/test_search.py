"""The search finds the last rate that passes, wherever it starts, and never probes what it knows."""

import math
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.matrix.objectives import LOWEST_RATE, STEP, rate_at, step_of
from stackmatrix.measurements.capacity.search import Bracket, Search

SLOS = (750.0, 660.0, 1200.0)


def drive(search: Search, passes: Callable[[float, int], bool | None]) -> list[int]:
    """Probe until nothing is left; what each probe tells, it tells of all SLOs that want it. Returns the probes."""
    probed = []
    for slo in search.starts:
        while (step := search.next(slo)) is not None:
            probed.append(step)
            assert len(probed) < 100
            wanted = search.wanted(step)
            assert slo in wanted
            search.note(step, {one: passes(one, step) for one in wanted})
    return probed


def below(last: Mapping[float, int]) -> Callable[[float, int], bool]:
    return lambda slo, step: step <= last[slo]


@given(st.integers(0, 200), st.integers(-1, 200), st.integers(1, 4))
def test_from_anywhere_it_ends_between_two_neighbouring_steps(start: int, last: int, stride: int) -> None:
    search = Search({750.0: start}, stride)
    probed = drive(search, below({750.0: last}))
    assert search.bracket(750.0) == Bracket(None if last < 0 else last, last + 1)
    assert len(set(probed)) == len(probed)
    assert len(probed) <= 2 * math.log2(abs(start - last) + 2) + 3


@given(st.lists(st.integers(-1, 120), min_size=3, max_size=3).map(sorted), st.integers(0, 120))
def test_slos_share_their_probes(lasts: list[int], start: int) -> None:
    known = {660.0: lasts[0], 750.0: lasts[1], 1200.0: lasts[2]}
    search = Search(dict.fromkeys(SLOS, start), 2)
    probed = drive(search, below(known))
    assert {slo: search.bracket(slo).last_pass for slo in SLOS} == {
        slo: None if last < 0 else last for slo, last in known.items()
    }
    assert len(set(probed)) == len(probed)


def test_where_the_start_is_right_two_probes_confirm_it() -> None:
    assert drive(Search({750.0: 40}), below({750.0: 40})) == [40, 41]


def test_a_stack_that_does_not_even_pass_the_lowest_rate_never_does() -> None:
    search = Search({750.0: 6}, 2)
    assert drive(search, lambda *_: False) == [6, 4, 0]
    assert search.bracket(750.0) == Bracket(None, 0)
    assert search.bracket(750.0).is_narrow


def test_what_passes_above_a_rate_that_failed_does_not_count() -> None:
    search = Search({750.0: 10})
    for step, met in ((10, False), (12, True), (8, True), (9, True)):
        search.note(step, {750.0: met})
    assert search.bracket(750.0) == Bracket(9, 10)


def test_a_probe_that_could_not_tell_ends_a_search_and_leaves_its_bracket_open() -> None:
    search = Search({750.0: 10}, 2)
    assert drive(search, lambda _, step: None if step == 11 else step < 11) == [10, 12, 11]
    assert search.bracket(750.0) == Bracket(10, 12)
    assert not search.bracket(750.0).is_narrow


def test_where_a_probe_could_not_tell_the_nearest_one_is_asked() -> None:
    search = Search({750.0: 10}, 4)
    # Up to 14, which tells nothing: 13 then; between 10 and 13 both 11 and 12 are left.
    assert drive(search, lambda _, step: None if step == 14 else step < 13) == [10, 14, 13, 11, 12]
    assert search.bracket(750.0) == Bracket(12, 13)
    search = Search({750.0: 10}, 4)
    assert drive(search, lambda _, step: None if step == 12 else step < 14) == [10, 14, 12, 11, 13]
    assert search.bracket(750.0) == Bracket(13, 14)


def test_a_probe_that_could_not_tell_once_may_tell_another_slo() -> None:
    search = Search({750.0: 10, 900.0: 10})
    search.note(10, {750.0: None, 900.0: True})
    assert search.next(750.0) == 9
    assert search.next(900.0) == 11
    search.note(10, {750.0: True})
    assert search.next(750.0) == 11


def test_where_no_probe_can_tell_the_search_ends() -> None:
    search = Search({750.0: 10})
    assert drive(search, lambda *_: None) == [10, 9, 8]
    assert search.bracket(750.0) == Bracket(None, None)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0, 36.6, 100.0])
def test_a_rate_is_on_the_grid_at_or_below_itself(rate: float) -> None:
    step = step_of(rate)
    assert rate_at(step) <= max(rate, LOWEST_RATE) + 1e-9
    assert rate < rate_at(step + 1)
    assert rate_at(step + 1) / rate_at(step) == pytest.approx(STEP)


@given(st.integers(0, 300))
def test_a_step_is_its_own_rates_step(step: int) -> None:
    assert step_of(rate_at(step)) == step
