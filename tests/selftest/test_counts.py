"""A real server under callgrind: what is counted is the target's, repeats, and a fault is told."""

import shutil
from collections.abc import Callable

import psutil
import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.cells import Subject
from stackmatrix.measurements.instructions.counting import CountedRepeat, Counting, Load
from stackmatrix.system.cores import Layout

pytestmark = pytest.mark.skipif(not shutil.which("vgdb"), reason="valgrind is not installed")

# A full garbage collection costs as much as a request does, and may fall into one count and not into the other.
ALONE, FEW = Load(1, 10, 20, 60), Load(4, 50, 4, 8)

type RunCount = Callable[..., CountedRepeat]


@pytest.fixture
def run_count(equip: Callable[..., Subject], layout: Layout) -> RunCount:
    """Counts uvicorn in this environment; ``at`` hears what it is doing."""

    def run(*loads: Load, at: Callable[[str], None] = lambda _: None) -> CountedRepeat:
        return Counting(equip(), layout, at, loads).run()

    return run


def test_a_fresh_server_needs_the_same_instructions_for_a_request_and_more_when_others_are_under_way(
    run_count: RunCount,
) -> None:
    one, other = run_count(ALONE, FEW), run_count(ALONE)
    assert one.environment.lock_sha256 == "lock"
    assert one.counts.keys() == {1, 4}
    alone = [counted.counts[1].costs.total() / ALONE.requests for counted in (one, other)]
    assert alone[0] == pytest.approx(alone[1], rel=0.05)
    assert one.counts[4].costs.total() / FEW.requests > min(alone)
    assert any("python" in function.object for function in one.counts[1].costs)


def test_a_target_that_dies_while_it_is_counted_is_told_and_nothing_is_left(run_count: RunCount) -> None:
    def kill(step: str) -> None:
        if step.endswith("counting"):
            children = psutil.Process().children(recursive=True)
            next(child for child in children if "callgrind" in " ".join(child.cmdline())).kill()

    with pytest.raises(TrialError, match=r"is not counted by callgrind|was not answered"):
        run_count(ALONE, at=kill)
