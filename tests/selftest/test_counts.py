"""A real server under callgrind: what is counted is the target's, repeats, and a fault is told."""

import shutil
from collections.abc import Callable

import psutil
import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.cells import Subject
from stackmatrix.measurements.counts.counting import Counted, CountedLoad, Counting
from stackmatrix.measurements.counts.sameness import HASH_SEEDS
from stackmatrix.system.cores import Layout

pytestmark = pytest.mark.skipif(not shutil.which("vgdb"), reason="valgrind is not installed")

# A full garbage collection costs as much as a request does, and may fall into one count and not into the other.
ALONE, FEW = CountedLoad(1, 10, 20, 60), CountedLoad(4, 50, 4, 8)

type RunCount = Callable[..., Counted]


@pytest.fixture
def run_count(equip: Callable[..., Subject], layout: Layout) -> RunCount:
    """Counts uvicorn in this environment; ``at`` hears what it is doing."""

    def run(*loads: CountedLoad, at: Callable[[str], None] = lambda _: None) -> Counted:
        return Counting(equip(), layout, HASH_SEEDS[0], at, loads).run()

    return run


def test_a_fresh_server_needs_the_same_instructions_for_a_request_and_more_when_others_are_under_way(
    run_count: RunCount,
) -> None:
    one, other = run_count(ALONE, FEW), run_count(ALONE)
    assert one.environment.lock_sha256 == "lock"
    alone, few = one.counts
    assert (alone.in_flight, few.in_flight) == (1, 4)
    assert alone.instructions == pytest.approx(other.counts[0].instructions, rel=0.05)
    assert few.instructions > alone.instructions
    assert any("python" in part.object for part in alone.objects)
    # Its event loop looks around ten times a second.
    assert 0 < alone.idle < alone.instructions


def test_a_target_that_dies_while_it_is_counted_is_told_and_nothing_is_left(run_count: RunCount) -> None:
    def kill(step: str) -> None:
        if step.endswith("counting"):
            children = psutil.Process().children(recursive=True)
            next(child for child in children if "callgrind" in " ".join(child.cmdline())).kill()

    with pytest.raises(TrialError, match=r"is not counted by callgrind|was not answered"):
        run_count(ALONE, at=kill)
