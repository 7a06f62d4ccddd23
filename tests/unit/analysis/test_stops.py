"""What the stops of a cell showed is added up over the trials of valid blocks."""

import msgspec
import pytest

from stackmatrix.analysis.stops import stopped
from stackmatrix.matrix.cells import Cell
from stackmatrix.results.stops import Visitors
from tests.made_up import make_stop

CELL = Cell(stack="gunicorn_100_threads", python="3.13", workload="fanout_shared_client")
BLOCK = make_stop(CELL, "run")


def test_visitors_are_added_up_and_times_are_over_trials() -> None:
    slow = msgspec.structs.replace(BLOCK.trials[0], gone_s=3.3, inside=Visitors(answered=4, wrong=1))
    found = stopped([BLOCK, msgspec.structs.replace(BLOCK, trials=(slow,))])
    assert found is not None
    assert (found.trials, found.stayed, found.kept) == (4, 0, 4)
    assert found.inside == Visitors(answered=19, wrong=1)
    assert found.late == Visitors(cut_off=28, refused=8)
    assert found.late.lost == 28
    assert found.gone_s is not None
    assert (found.gone_s.low, found.gone_s.high) == (2.3, 3.3)
    assert not found.answers_all


def test_those_who_wait_for_a_slot_are_in_flight_too() -> None:
    waits = msgspec.structs.replace(BLOCK.trials[0], inside=Visitors(answered=2), queued=Visitors(cut_off=3))
    found = stopped([msgspec.structs.replace(BLOCK, trials=(waits,))])
    assert found is not None
    assert found.in_flight == Visitors(answered=2, cut_off=3)
    assert not found.answers_all


def test_what_was_not_gone_at_the_deadline_has_no_time_and_is_named_once() -> None:
    left = msgspec.structs.replace(BLOCK.trials[0], gone_s=None, first_gone_s=0.1, left=("python3.13",))
    found = stopped([msgspec.structs.replace(BLOCK, trials=(left, left))])
    assert found is not None
    assert (found.gone_s, found.stayed, found.left) == (None, 2, ("python3.13",))
    assert found.first_gone_s is not None


@pytest.mark.parametrize("changed", [{"validity": "invalid"}, {"failure": "it ended"}, {"trials": ()}])
def test_invalid_blocks_show_nothing(changed: dict[str, object]) -> None:
    assert stopped([msgspec.structs.replace(BLOCK, **changed)]) is None
    assert stopped([]) is None
