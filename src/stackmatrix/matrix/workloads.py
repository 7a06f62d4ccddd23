"""The table of workloads: a page of an application, and what a correct response to it must look like.

Only the standard library is imported, so that the noxfile reads the table with nothing installed.
"""

from dataclasses import dataclass, replace

COUNTRIES_PAGE = r"(?s)<!doctype html>.*<ul>(\s*<li>[^<]+ \([A-Z]{2}\)</li>){3}\s*</ul>.*It took [0-9]+\.[0-9]{3} s\..*"
"""What a whole correct page of the built-in site matches: three countries, and the time it took."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A page that calls the external API ``len(delays_ms)`` times in parallel, and its physical bounds.

    ``page`` is the regular expression that a whole correct body matches. A page that only waits makes no calls.
    """

    name: str
    summary: str
    path: str
    delays_ms: tuple[int, ...]
    page: str = COUNTRIES_PAGE
    compare_rate: float = 20.0
    """Arrivals per second at which latency and memory are measured: about half of what a core of today sustains."""
    count_requests: int = 100
    """Requests whose instructions are counted together: the more a request costs, the fewer do."""
    makes_calls: bool = True

    @property
    def floor_ms(self) -> int:
        """The time below which no correct response can come: the longest of the parallel calls."""
        return max(self.delays_ms)

    @property
    def sequence_ms(self) -> int:
        """The time that the calls would take one after the other."""
        return sum(self.delays_ms)

    @property
    def calls(self) -> int:
        """Calls of the external API for each request."""
        return len(self.delays_ms) if self.makes_calls else 0

    def with_delays(self, ms: int) -> "Workload":
        """The same page, whose calls take other times: ``ms``, twice and half as long."""
        return replace(self, path=f"{self.path}{ms}/", delays_ms=(ms, 2 * ms, ms // 2))


_DELAYS_MS = (300, 600, 150)

_ROWS = (
    Workload("fanout_shared_client", "one pooled httpx client per process", "/shared-client/", _DELAYS_MS),
    Workload("fanout", "a new httpx client for every request", "/", _DELAYS_MS, compare_rate=10.0, count_requests=10),
)

WORKLOADS: dict[str, Workload] = {row.name: row for row in _ROWS}
"""The rows by name."""

DEFAULT_WORKLOAD = next(iter(WORKLOADS))
"""What is served when nothing else is asked for."""
