"""The table of workloads: the pages of an application that are asked for, and how long their answers take at least.

Only the standard library is imported, so that the noxfile reads the table with nothing installed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stackmatrix.matrix.pages import Expectation, Page

COUNTRIES_PAGE = r"(?s)<!doctype html>.*<ul>(\s*<li>[^<]+ \([A-Z]{2}\)</li>){3}\s*</ul>.*It took [0-9]+\.[0-9]{3} s\..*"
"""What a whole correct page of the built-in site matches: three countries, and the time it took."""

LEAST_UNLOADED_MS = 5.0
"""What a response takes at least, for all that is reckoned with it: no server answers a page much sooner."""
LATE_FACTOR, LATE_MORE_MS = 1.25, 100.0
"""A response is late beyond this factor of what one takes without load, and beyond this much more."""


def one_page(path: str, pattern: str = COUNTRIES_PAGE) -> tuple[Page, ...]:
    """The pages of a workload that has one, whose whole body matches the regular expression."""
    return (Page(path, path, expect=Expectation(pattern=pattern)),)


def late_ms(unloaded_ms: float) -> float:
    """The time beyond which a response is late, where one takes ``unloaded_ms`` without load."""
    return max(LATE_FACTOR * unloaded_ms, unloaded_ms + LATE_MORE_MS)


@dataclass(frozen=True, slots=True)
class Workload:
    """Pages that are asked for by their weights, and the physical bounds of their answers.

    A page calls the external API ``len(delays_ms)`` times in parallel. One that only waits makes no calls.
    """

    name: str
    summary: str
    pages: tuple[Page, ...] = field(hash=False)  # what JSON is expected to hold may be a list
    delays_ms: tuple[int, ...]
    compare_rate: float = 20.0
    """Arrivals per second at which latency and memory are measured: about half of what a core of today sustains."""
    count_requests: int = 100
    """Requests whose instructions are counted together: the more a request costs, the fewer do."""
    makes_calls: bool = True
    calls_known: bool = True
    """Whether its calls and their delays are known, and chosen by its address. They are not of somebody's own pages."""
    measured_ms: float | None = None
    """What a response was seen to take without load, where no delays say it."""

    @property
    def floor_ms(self) -> int:
        """The time below which no correct response can come: the longest of the parallel calls; 0 without any."""
        return max(self.delays_ms, default=0)

    @property
    def unloaded_ms(self) -> float:
        """What a response takes about when nothing else is asked for; never zero."""
        return max(LEAST_UNLOADED_MS, self.floor_ms if self.measured_ms is None else self.measured_ms)

    @property
    def late_ms(self) -> float:
        """The time beyond which a response is late."""
        return late_ms(self.unloaded_ms)

    @property
    def answered_ms(self) -> float:
        """The time by which every response has come where there is no overload."""
        return max(2 * self.unloaded_ms, self.late_ms)

    @property
    def sequence_ms(self) -> int:
        """The time that the calls would take one after the other."""
        return sum(self.delays_ms)

    @property
    def calls(self) -> int:
        """Calls of the external API for each request."""
        return len(self.delays_ms) if self.makes_calls else 0

    def with_delays(self, ms: int) -> "Workload":
        """The same pages, whose calls take other times: ``ms``, twice and half as long."""
        pages = tuple(replace(page, path=f"{page.path}{ms}/") for page in self.pages)
        return replace(self, pages=pages, delays_ms=(ms, 2 * ms, ms // 2))

    def with_measured(self, ms_by_page: Mapping[str, float]) -> "Workload":
        """The same pages, whose responses were seen to take so long without load, by the name of the page, in ms."""
        whole = sum(page.weight for page in self.pages)
        measured_ms = sum(page.weight * ms_by_page[page.name] for page in self.pages) / whole
        return replace(self, measured_ms=measured_ms)


_DELAYS_MS = (300, 600, 150)

_ROWS = (
    Workload("fanout_shared_client", "one pooled httpx client per process", one_page("/shared-client/"), _DELAYS_MS),
    Workload(
        "fanout",
        "a new httpx client for every request",
        one_page("/"),
        _DELAYS_MS,
        compare_rate=10.0,
        count_requests=10,
    ),
)

WORKLOADS: dict[str, Workload] = {row.name: row for row in _ROWS}
"""The rows by name."""

DEFAULT_WORKLOAD = next(iter(WORKLOADS))
"""What is served when nothing else is asked for."""
