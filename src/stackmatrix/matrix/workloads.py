"""The table of workloads: the pages of an application that are asked for, and how long their answers take at least.

Each row of the built-in site isolates one cause of what a request costs: it differs from another row in that alone.
Only the standard library is imported, so that the noxfile reads the table with nothing installed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Literal

from stackmatrix.matrix.pages import Expectation, Page
from stackmatrix.matrix.stacks.stack import Interface

Order = Literal["parallel", "in sequence"]
Answers = Literal["steady", "tail", "flaky"]
"""How the external API answers: after the time asked for; after that time or longer, with a long tail; or after it, but
that one call in twenty fails or is never answered."""


def _countries(count: int, item: str = r"[^<]+ \([A-Z]{2}\)") -> str:
    """What a whole correct page of the built-in site matches: so many items, and the time that it took."""
    items = rf"(\s*<li>{item}</li>){{{count}}}"
    return rf"(?s)<!doctype html>.*<ul>{items}\s*</ul>.*It took [0-9]+\.[0-9]{{3}} s\..*"


FAILED_ITEM = "No answer: "
"""How an item of a page begins that stands for a call that failed; what failed follows."""

COUNTRIES_PAGE = _countries(3)

LEAST_UNLOADED_MS = 5.0
"""What a response takes at least, for all that is reckoned with it: no server answers a page much sooner."""
LATE_FACTOR, LATE_MORE_MS = 1.25, 100.0
"""A response is late beyond this factor of what one takes without load, and beyond this much more."""


def one_page(path: str, pattern: str = COUNTRIES_PAGE) -> tuple[Page, ...]:
    """The pages of a workload that has one, whose whole body matches the regular expression."""
    return (Page(path, path, expect=Expectation(pattern=pattern)),)


def late_beyond(unloaded_ms: float) -> float:
    """The time in ms beyond which a response is late, where one takes ``unloaded_ms`` without load."""
    return max(LATE_FACTOR * unloaded_ms, unloaded_ms + LATE_MORE_MS)


@dataclass(frozen=True, slots=True)
class Workload:
    """Pages that are asked for by their weights, and the physical bounds of their answers.

    A page calls the external API once for each of ``delays_ms``. ``order`` says whether the calls are made all at once
    or one after the other; a page without calls has no delays. One that only waits makes no calls.
    Only stacks of its ``interfaces`` serve it, for the reason in ``why_not_all``. ``variables`` are what a target is
    given for this workload alone. A run measures those that are ``is_default`` unless others are chosen.
    """

    name: str
    summary: str
    # The sides of a comparison are asked for the same pages, with the sessions and the right answers of each.
    pages: tuple[Page, ...] = field(compare=False)
    delays_ms: tuple[int, ...]
    compare_rate: float = 20.0
    """Arrivals per second at which latency and memory are measured: about half of what a core of today sustains."""
    count_requests: int = 100
    """Requests whose instructions are counted together: the more a request costs, the fewer do."""
    makes_calls: bool = True
    calls_known: bool = True
    """Whether its calls and their delays are known, and chosen by its address. They are not of somebody's own pages."""
    mean_factor: float = 1.0
    """What a response takes without load on average, in times of its floor: longer where delays are drawn."""
    most_factor: float = 1.0
    """What nearly all take without load at most, in times of the floor: later ones are late."""
    measured_ms: tuple[float, ...] = ()
    """What a response of each page was seen to take without load, where no delays say it."""
    order: Order = "parallel"
    answers: Answers = "steady"
    interfaces: tuple[Interface, ...] = ("WSGI", "ASGI")
    why_not_all: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    is_default: bool = False

    @property
    def floor_ms(self) -> int:
        """The time below which no correct response can come: that of the longest of parallel calls, or of all."""
        return self.sequence_ms if self.order == "in sequence" else max(self.delays_ms, default=0)

    @property
    def delays_are_drawn(self) -> bool:
        """Whether calls take other times, or end otherwise, than is asked for: no two requests are then alike."""
        return self.answers != "steady"

    def _by_page(self, factor: float) -> tuple[float, ...]:
        known_ms = self.measured_ms or (factor * self.floor_ms,) * len(self.pages)
        return tuple(max(LEAST_UNLOADED_MS, ms) for ms in known_ms)

    @property
    def unloaded_ms_by_page(self) -> tuple[float, ...]:
        """What a response of each page takes on average when nothing else is asked for; never zero."""
        return self._by_page(self.mean_factor)

    @property
    def unloaded_ms(self) -> float:
        """The same of all pages by their weights: what slots, queues and numbers under way go by."""
        return fmean(self.unloaded_ms_by_page, [page.weight for page in self.pages])

    @property
    def first_page_ms(self) -> float:
        """What a response of its first page takes about when nothing else is asked for."""
        return self.unloaded_ms_by_page[0]

    @property
    def late_ms_by_page(self) -> tuple[float, ...]:
        """The time beyond which a response of each page is late."""
        return tuple(late_beyond(ms) for ms in self._by_page(self.most_factor))

    @property
    def answered_ms(self) -> float:
        """The time by which every response of every page has come where there is no overload."""
        return max(*(2 * ms for ms in self._by_page(self.most_factor)), *self.late_ms_by_page)

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
        return replace(self, pages=pages, delays_ms=(ms, 2 * ms, ms // 2)[: len(self.delays_ms)])

    def why_excluded(self, interface: Interface) -> str | None:
        """Why no stack of this interface serves the page; ``None`` where they do."""
        return None if interface in self.interfaces else self.why_not_all

    def with_measured(self, ms_by_page: Mapping[str, float]) -> "Workload":
        """The same pages, whose responses were seen to take so long without load, by the name of the page, in ms."""
        return replace(self, measured_ms=tuple(ms_by_page[page.name] for page in self.pages))


_DELAYS_MS = (300, 600, 150)


def _page(
    name: str,
    summary: str,
    address: str,
    rate: float,
    delays_ms: tuple[int, ...] = _DELAYS_MS,
    page: str = COUNTRIES_PAGE,
    **more: Any,
) -> Workload:
    """A page of the built-in site, at an address of its own; ``rate`` is in arrivals per second."""
    return Workload(name, summary, one_page(address, page), delays_ms, compare_rate=rate, **more)


_ROWS = (
    _page("fanout_shared_client", "one pooled httpx client per process", "/shared-client/", 20.0, is_default=True),
    _page("fanout", "a new httpx client for every request", "/", 10.0, count_requests=10, is_default=True),
    _page("no_calls", "the same page without any call: server and Django alone", "/no-calls/", 100.0, delays_ms=()),
    _page(
        "no_middleware",
        "one pooled httpx client, on a site without middleware",
        "/no-middleware/",
        20.0,
        variables=(("FANOUT_SITE_MIDDLEWARE", "none"),),
    ),
    _page("single_call", "one call in place of three", "/single-call/", 40.0, delays_ms=(600,), page=_countries(1)),
    _page("sequential_calls", "the three calls one after the other", "/sequential-calls/", 20.0, order="in sequence"),
    _page(
        "fanout_bounded_pool",
        "one httpx client with its own limits: 100 connections, 20 of them kept",
        "/bounded-pool/",
        20.0,
    ),
    _page(
        "fanout_shared_context",
        "a new httpx client for every request, one TLS context for all",
        "/shared-context/",
        20.0,
    ),
    _page(
        "fanout_aiohttp",
        "one aiohttp session per process",
        "/aiohttp/",
        40.0,
        interfaces=("ASGI",),
        why_not_all="aiohttp has no sync client",
    ),
    _page("fanout_niquests", "one niquests session per process", "/niquests/", 20.0),
    _page(
        "fanout_urllib3",
        "one urllib3 pool per process",
        "/urllib3/",
        40.0,
        interfaces=("WSGI",),
        why_not_all="urllib3 has no async client",
    ),
    _page(
        "slow_tail",
        "calls whose delays have a long tail",
        "/slow-tail/",
        20.0,
        answers="tail",
        mean_factor=1.69,  # of the longest of three calls, by the law of their delays
        most_factor=8 / 3,  # nearly all come within 2 s: later ones are late
    ),
    _page(
        "api_errors",
        "one call in twenty fails or is never answered, and the page says so",
        "/api-errors/",
        20.0,
        page=_countries(3, rf"([^<]+ \([A-Z]{{2}}\)|{FAILED_ITEM}[A-Za-z]+)"),
        answers="flaky",
    ),
)

WORKLOADS: dict[str, Workload] = {row.name: row for row in _ROWS}
"""The rows by name."""

EVERY_WORKLOAD = "all"
"""Chooses every workload, so that none is called so."""

DEFAULT_WORKLOADS = tuple(row.name for row in _ROWS if row.is_default)
"""What is measured unless others are chosen."""

DEFAULT_WORKLOAD = next(iter(WORKLOADS))
"""What is served when nothing else is asked for."""
