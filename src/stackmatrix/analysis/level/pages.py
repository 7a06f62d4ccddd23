"""Each page's own figures, of a workload with several: what was answered, what failed, and how long it took. Pure."""

from stackmatrix.analysis.level import latency
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.matrix.workloads import Workload
from stackmatrix.results.ramps import PageLoad


def page_loads(level: LevelRows, workload: Workload) -> tuple[PageLoad, ...]:
    """What visitors of each page felt in a level's window; nothing where there is one page, whose figures all are."""
    if len(workload.pages) == 1:
        return ()
    return tuple(_page_load(page.name, level.of_page(place)) for place, page in enumerate(workload.pages))


def _page_load(name: str, level: LevelRows) -> PageLoad:
    times = latency.latencies(level)
    return PageLoad(
        page=name,
        requests=len(level.window),
        failures=level.failures(),
        latency_ms=times.latency,
        latency_histogram=times.histogram,
    )


def answered(level: LevelRows, workload: Workload) -> dict[str, int]:
    """Correct responses that came within the window, by page; nothing where there is only one."""
    if len(workload.pages) == 1:
        return {}
    return {page.name: len(level.of_page(place).answered) for place, page in enumerate(workload.pages)}
