"""Whether a target has come back from an overload: its median response time at a low rate, looked at a few times."""

from itertools import accumulate

from stackmatrix.analysis.level import latency
from stackmatrix.analysis.ramp.watch import back_ms
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements.ladder.climb import Overload
from stackmatrix.results.findings import Code, Finding, invalid
from stackmatrix.testbed.testbed import Testbed

RATE_SHARE = 0.25
"""Of the workload's reference rate: so little that every target that is well takes it."""
LOOK_S, LOOKS = 4.0, 4
"""A look has some ten requests or more; all of them last as long as a ramp watches its recovery."""


def wait_until_back(bed: Testbed, workload: Workload, overload: Overload, *, seed: int, mark: int) -> Finding | None:
    """Drive a low rate until the target answers as before the overload; a finding where it does not.

    What it was before is the time without load where it was never seen. How near to it is near enough, ramps say.
    Rows of the looks are marked from ``mark`` on.
    """
    level = LoadLevel("open", RATE_SHARE * workload.compare_rate)
    before_ms = overload.before_p50_ms or unloaded_p50_ms(workload)
    p50_ms: float | None = None
    for look in range(LOOKS):
        order = LevelOrder.measure(mark + look, level, 0.0, LOOK_S, seed=seed)
        p50_ms = median_ms(bed, order, level)
        if p50_ms is not None and p50_ms <= back_ms(before_ms):
            return None
    found = "nothing was answered" if p50_ms is None else f"its median response took {p50_ms:.0f} ms"
    return invalid(
        Code.RECOVERY,
        f"Not driven: after {overload.level} it did not come back within {LOOKS * LOOK_S:.0f} s at {level.value:g} "
        f"arrivals/s, where {found} (before: {before_ms:.0f} ms).",
    )


def unloaded_p50_ms(workload: Workload) -> float:
    """The median of what requests take without load: half of them are for pages that take no longer."""
    pages = sorted(zip(workload.unloaded_ms_by_page, (page.weight for page in workload.pages), strict=True))
    reached = accumulate(weight for _, weight in pages)
    half = sum(weight for _, weight in pages) / 2
    return next(ms for (ms, _), weight in zip(pages, reached, strict=True) if weight >= half)


def median_ms(bed: Testbed, order: LevelOrder, level: LoadLevel) -> float | None:
    """The median response time in ms, failures among them; ``None`` where nothing was answered correctly."""
    facts = bed.drive(order, level).facts
    times = latency.latencies(facts.rows).latency
    return None if times is None else times.p50
