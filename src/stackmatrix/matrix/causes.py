"""The causes of what a request costs: pairs of workloads that differ in one thing, whose difference is what it costs.

One declared place: the comparison, the pages and the answer read it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """What ``workload`` has and ``beside`` has not, or has in another way; with no ``beside``, all that it costs.

    In a sentence of the answer under the heading ``lead``, ``what`` costs so much more ``than`` the other.
    """

    title: str
    workload: str
    beside: str | None
    lead: str
    what: str
    than: str = ""


PARTS, CLIENT, CALLS = "What costs what?", "Which client?", "How are the calls made?"

CAUSES = (
    Cause("server and Django alone", "no_calls", None, PARTS, "the server and Django alone, without any call,"),
    Cause(
        "three calls with a shared client", "fanout_shared_client", "no_calls", PARTS,
        "a page with three parallel calls", "one without any",
    ),
    Cause(
        "middleware, and under ASGI the bridge to it", "fanout_shared_client", "no_middleware", PARTS,
        "a page of a site with middleware", "one without",
    ),
    Cause(
        "a client for every request", "fanout", "fanout_shared_client", CLIENT,
        "an httpx client for every request", "a shared one",
    ),
    Cause(
        "its TLS context", "fanout", "fanout_shared_context", CLIENT,
        "an httpx client for every request with a TLS context of its own", "one with a shared context",
    ),
    Cause(
        "a pool of 100 connections, 20 kept", "fanout_bounded_pool", "fanout_shared_client", CLIENT,
        "a shared client with httpx's own limits", "one with a pool of 1000",
    ),
    Cause("aiohttp", "fanout_aiohttp", "fanout_shared_client", CLIENT, "aiohttp", "httpx"),
    Cause("niquests", "fanout_niquests", "fanout_shared_client", CLIENT, "niquests", "httpx"),
    Cause("urllib3", "fanout_urllib3", "fanout_shared_client", CLIENT, "urllib3", "httpx"),
    Cause(
        "three calls in place of one", "fanout_shared_client", "single_call", CALLS,
        "a page with three parallel calls", "one with a single call",
    ),
    Cause(
        "calls in sequence", "sequential_calls", "fanout_shared_client", CALLS,
        "a page with its calls in sequence", "one with parallel calls",
    ),
    Cause(
        "delays with a long tail", "slow_tail", "fanout_shared_client", CALLS,
        "a page whose calls have a long tail", "one with fixed delays",
    ),
    Cause(
        "calls that fail", "api_errors", "fanout_shared_client", CALLS,
        "a page of whose calls one in twenty fails", "one whose calls are all answered",
    ),
)  # fmt: skip
