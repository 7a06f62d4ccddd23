"""The site under test, on every Python that it is measured on: only Django, the clients and pytest are at hand.

The external API is a small threaded server of the standard library. The three calls of a view that makes them in
parallel are answered only when they have met: a view that makes them in sequence fails every test here.
"""

import asyncio
import html
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import urllib3
from django.http import HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import Resolver404, resolve

from fanout_site import settings, settings_async
from fanout_site.views import (
    calls,
    fanout_aiohttp,
    fanout_bounded_pool,
    fanout_niquests,
    fanout_shared_context,
    fanout_urllib3,
    no_middleware,
)
from fanout_site.views import fanout_shared_client as shared
from stackmatrix.matrix.workloads import WORKLOADS, Workload

SOURCE = Path(calls.__file__).parents[2]
CALLS = 3
MEETING_TIMEOUT_S = 5
"""Longer than the views wait for the API, so that a meeting that fails is the view's time-out."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the fake API answers on one path."""

    body: bytes
    status: int = 200


@dataclass
class FakeApi:
    """What the fake API answers in one test, and what it saw."""

    replies: dict[str, Reply] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    cut_off: set[str] = field(default_factory=set)
    hold_s: float = 0.0
    calls: list[tuple[str, str | None]] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    meeting: threading.Barrier = field(default_factory=lambda: threading.Barrier(CALLS))
    test_is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        """The paths called, sorted, because parallel calls come in any order."""
        return sorted(path for path, _ in self.calls)

    @property
    def delays(self) -> list[str]:
        """The same without the kind of delay that they ask for."""
        return sorted(re.sub("^/[a-z]+", "", path) for path in self.paths)

    @property
    def request_ids(self) -> list[str | None]:
        """The request ids, in the order of the calls."""
        return [request_id for _, request_id in self.calls]


class ApiServer(ThreadingHTTPServer):
    """Serves on a socket that is bound already; ``api`` is exchanged for every test."""

    daemon_threads = True
    api: FakeApi


class ApiHandler(BaseHTTPRequestHandler):
    """One connection, kept alive from call to call."""

    protocol_version = "HTTP/1.1"
    # Buffered, so that a response is one packet.
    wbufsize = -1
    server: ApiServer

    def setup(self) -> None:
        super().setup()
        with self.server.api.lock:
            self.server.api.connections += 1

    def do_GET(self) -> None:
        api = self.server.api
        with api.lock:
            api.calls.append((self.path, self.headers.get("X-Request-ID")))
            api.now += 1
            api.most_at_once = max(api.most_at_once, api.now)
        try:
            self._answer(api)
        finally:
            with api.lock:
                api.now -= 1

    def _answer(self, api: FakeApi) -> None:
        try:
            api.meeting.wait(MEETING_TIMEOUT_S)
        except threading.BrokenBarrierError:
            self.close_connection = True
            return
        # Without the kind of delay that it asks for.
        path = re.sub("^/[a-z]+", "", self.path)
        if path in api.late:
            api.test_is_over.wait()
        if path in api.late | api.cut_off:
            self.close_connection = True
            return
        time.sleep(api.hold_s)
        reply = api.replies.get(path) or Reply(country(f"Land of {path}", "XY"))
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the overridden method
        pass


def country(name: str, code: str) -> bytes:
    return json.dumps({"name": name, "code": code}).encode()


@pytest.fixture(scope="session")
def api_server(api_socket: socket.socket) -> Iterator[ApiServer]:
    with ApiServer(api_socket.getsockname(), ApiHandler, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = api_socket
        server.server_activate()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


CLIENTS = (shared.shared_client, fanout_bounded_pool.bounded_client, fanout_niquests.shared_session,
           fanout_urllib3.shared_pool)  # fmt: skip
ASYNC_CLIENTS = (shared.shared_async_client, fanout_bounded_pool.bounded_async_client, fanout_aiohttp.shared_session,
                 fanout_niquests.shared_async_session)  # fmt: skip
"""What is cached for a whole process: a test leaves none of them to the next one."""


@pytest.fixture
def api(api_server: ApiServer) -> Iterator[FakeApi]:
    api_server.api = FakeApi()
    yield api_server.api
    api_server.api.test_is_over.set()
    for cached in CLIENTS:
        if cached.cache_info().currsize:
            cached().close()
            cached.cache_clear()


async def close_async_clients() -> None:
    """Their connections belong to an event loop, and must end with it."""
    for cached in ASYNC_CLIENTS:
        if cached.cache_info().currsize:
            client: Any = cached()
            await (client.aclose() if hasattr(client, "aclose") else client.close())
            cached.cache_clear()


HTTPX = {
    "status": "HTTPStatusError", "redirect": "HTTPStatusError", "empty": "JSONDecodeError", "late": "ReadTimeout",
    "cut off": "RemoteProtocolError", "closed": "ConnectError", "no utf-8": "UnicodeDecodeError",
}  # fmt: skip
AIOHTTP = {
    "status": "ClientResponseError", "redirect": "TypeError", "empty": "TypeError", "late": "TimeoutError",
    "cut off": "TimeoutError", "closed": "ClientConnectorError", "no utf-8": "UnicodeDecodeError",
}  # fmt: skip
NIQUESTS = {
    "status": "HTTPError", "redirect": "JSONDecodeError", "empty": "JSONDecodeError", "late": "ReadTimeout",
    "cut off": "ConnectionError", "closed": "ConnectionError", "no utf-8": "KeyError",
}  # fmt: skip
URLLIB3 = {
    "status": "HTTPError", "redirect": "HTTPError", "empty": "JSONDecodeError", "late": "ReadTimeoutError",
    "cut off": "ProtocolError", "closed": "NewConnectionError", "no utf-8": "UnicodeDecodeError",
}  # fmt: skip
"""What a view says where a call fails, by how it does. aiohttp takes an empty answer for null, and asks again where it
was cut off, and then alone; niquests reads past what is no UTF-8."""


@dataclass(frozen=True, slots=True)
class View:
    """One of the views, by its address and the settings that put it there."""

    name: str
    address: str
    settings: ModuleType
    errors: dict[str, str] = field(default_factory=lambda: HTTPX)
    middleware: bool = True

    def get(self, *delays_ms: int | None, request_id: str | None = None) -> list[HttpResponse]:
        """One request after the other to one process; ``None`` leaves the delay to the view."""
        return get(
            self.settings,
            *(self.address if ms is None else f"{self.address}{ms}/" for ms in delays_ms),
            request_id=request_id,
            middleware=self.middleware,
        )


def both(name: str, address: str, **more: Any) -> tuple[View, View]:
    """A page's sync view and its async one."""
    return View(f"{name}sync", address, settings, **more), View(f"{name}async", address, settings_async, **more)


PARALLEL = (
    *both("", "/"),
    *both("shared_", "/shared-client/"),
    *both("no_middleware_", "/no-middleware/", middleware=False),
    *both("bounded_pool_", "/bounded-pool/"),
    *both("shared_context_", "/shared-context/"),
    View("aiohttp_async", "/aiohttp/", settings_async, AIOHTTP),
    *both("niquests_", "/niquests/", errors=NIQUESTS),
    View("urllib3_sync", "/urllib3/", settings, URLLIB3),
    *both("slow_tail_", "/slow-tail/"),
)
"""Every view that makes three calls in parallel and needs an answer to each: they differ in what carries the calls."""

OTHERS = (
    *both("no_calls_", "/no-calls/"),
    *both("single_call_", "/single-call/"),
    *both("sequential_calls_", "/sequential-calls/"),
    *both("api_errors_", "/api-errors/"),
)
VIEWS = (*PARALLEL, *OTHERS)
BOTH_SETTINGS = pytest.mark.parametrize("chosen", [settings, settings_async], ids=["sync", "async"])


@pytest.fixture(params=PARALLEL, ids=lambda view: view.name)
def view(request: pytest.FixtureRequest) -> View:
    chosen: View = request.param
    return chosen


def get(
    chosen: ModuleType, *addresses: str, request_id: str | None = None, middleware: bool = True
) -> list[HttpResponse]:
    headers = {} if request_id is None else {"X-Request-ID": request_id}

    async def get_async() -> list[HttpResponse]:
        client: Any = AsyncClient(raise_request_exception=False)
        try:
            return [await client.get(address, headers=headers) for address in addresses]
        finally:
            await close_async_clients()

    # Django's test clients call every site "testserver".
    changed: dict[str, Any] = {"ROOT_URLCONF": chosen.ROOT_URLCONF, "ALLOWED_HOSTS": ["testserver"]}
    with override_settings(**changed, **({} if middleware else {"MIDDLEWARE": []})):
        if chosen is settings_async:
            return asyncio.run(get_async())
        client: Any = Client(raise_request_exception=False)
        return [client.get(address, headers=headers) for address in addresses]


def assert_page(response: HttpResponse, *delays_ms: int) -> None:
    """It lists the countries of these calls, in the order of the calls."""
    text = response.content.decode()
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert re.findall("<li>(.*?)</li>", text) == [f"Land of /{ms}/ (XY)" for ms in delays_ms]


def assert_bad_gateway(response: HttpResponse, error: str) -> None:
    """It is one plain sentence, so there is no traceback in it."""
    assert response.content.decode() == f"The external API failed: {error}."
    assert response.status_code == 502
    assert response["Content-Type"] == "text/plain; charset=utf-8"


# The page


def test_the_page_lists_three_countries_and_the_time_that_they_took(view: View, api: FakeApi) -> None:
    api.hold_s = 0.05
    (response,) = view.get(None)
    assert_page(response, 300, 600, 150)
    took = re.search(r"It took (\d+\.\d{3}) s\.", response.content.decode())
    assert took is not None
    assert float(took[1]) >= api.hold_s


@pytest.mark.parametrize(
    ("asked_ms", "delays_ms"),
    [(None, (300, 600, 150)), (300, (300, 600, 150)), (101, (101, 202, 50)), (1, (1, 2, 0)), (0, (0, 0, 0))],
)
def test_the_api_gets_three_calls_with_the_delays_at_once(
    view: View, api: FakeApi, asked_ms: int | None, delays_ms: tuple[int, ...]
) -> None:
    (response,) = view.get(asked_ms)
    assert_page(response, *delays_ms)
    assert api.delays == sorted(f"/{ms}/" for ms in delays_ms)


def test_the_calls_of_a_request_share_an_id_that_is_new_for_each_request(view: View, api: FakeApi) -> None:
    view.get(300, 300)
    first, second = set(api.request_ids[:CALLS]), set(api.request_ids[CALLS:])
    assert len(api.calls) == 2 * CALLS
    assert len(first) == len(second) == 1
    assert first != second
    assert None not in first | second


def test_an_incoming_request_id_is_passed_on(view: View, api: FakeApi) -> None:
    view.get(300, request_id="from the generator")
    assert api.request_ids == ["from the generator"] * CALLS


def test_a_hostile_country_name_is_escaped(view: View, api: FakeApi) -> None:
    name, code = """<script>alert("x" + 'y')</script> & Åland""", "<b>"
    api.replies["/600/"] = Reply(country(name, code))
    (response,) = view.get(300)
    text = response.content.decode()
    assert response.status_code == 200
    assert f"<li>{html.escape(name)} (&lt;b&gt;)</li>" in text
    assert "<script" not in text
    assert "<b>" not in text


@BOTH_SETTINGS
@pytest.mark.parametrize("address", ["/-1/", "/1e5/", "/x/", "/shared-client/-1/", "/nothing/here/"])
def test_an_unknown_address_gets_404_and_calls_nothing(chosen: ModuleType, address: str, api: FakeApi) -> None:
    (response,) = get(chosen, address)
    assert response.status_code == 404
    assert api.calls == []


# The client


@pytest.mark.parametrize("name", ["sync", "async", "shared_context_sync", "shared_context_async"])
def test_fanout_opens_new_connections_for_every_request(name: str, api: FakeApi) -> None:
    responses = by_name(name).get(300, 300)
    assert [response.status_code for response in responses] == [200, 200]
    assert api.connections == 2 * CALLS


SHARED = ("shared_sync", "shared_async", "bounded_pool_sync", "bounded_pool_async", "aiohttp_async", "niquests_sync",
          "niquests_async", "urllib3_sync")  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_client_opens_no_connection_for_a_second_request(name: str, api: FakeApi) -> None:
    responses = by_name(name).get(300, 300, 101)
    assert [response.status_code for response in responses] == [200, 200, 200]
    assert api.connections == CALLS


def by_name(name: str) -> View:
    return next(view for view in VIEWS if view.name == name)


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("chosen", ["sync", "async"])
def test_a_shared_context_is_one_for_all_requests(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    create = httpx.create_ssl_context

    def count() -> ssl.SSLContext:
        made.append(create())
        return made[-1]

    monkeypatch.setattr(httpx, "create_ssl_context", count)
    fanout_shared_context.shared_context.cache_clear()
    by_name(f"shared_context_{chosen}").get(300, 300)
    assert len(made) == 1


def test_the_bounded_pool_has_the_limits_that_httpx_has_by_itself() -> None:
    assert (fanout_bounded_pool.POOL.max_connections, fanout_bounded_pool.POOL.max_keepalive_connections) == (100, 20)
    assert httpx.Limits(max_connections=100, max_keepalive_connections=20) == httpx._config.DEFAULT_LIMITS


@pytest.mark.usefixtures("api")
def test_what_is_called_urllib3_is_urllib3(monkeypatch: pytest.MonkeyPatch) -> None:
    # niquests brings a package that takes this name, unless it is built to leave it alone.
    assert vars(urllib3)["__version__"] == metadata.version("urllib3")
    monkeypatch.setattr(urllib3, "__version__", "2.99.900")
    assert by_name("urllib3_sync").get(300)[0].status_code == 500


@pytest.mark.parametrize("client", ["aiohttp", "niquests", "urllib3"])
def test_a_site_that_serves_other_pages_does_not_hold_a_client(client: str) -> None:
    code = (
        f"import sys, fanout_site.wsgi, fanout_site.urls_sync, fanout_site.urls_async; print({client!r} in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


# Pages without calls, with one, with calls in sequence, and with calls that fail


@pytest.mark.parametrize("name", ["sequential_calls_sync", "sequential_calls_async"])
def test_calls_in_sequence_never_overlap_and_keep_their_order(name: str, api: FakeApi) -> None:
    api.meeting = threading.Barrier(1)
    (response,) = by_name(name).get(101)
    assert_page(response, 101, 202, 50)
    assert [path for path, _ in api.calls] == ["/101/", "/202/", "/50/"]
    assert api.most_at_once == 1


@pytest.mark.parametrize(
    "name", ["single_call_sync", "single_call_async", "sequential_calls_sync", "sequential_calls_async"]
)
@pytest.mark.parametrize("reply", [Reply(b"", 503), Reply(b"[]")], ids=["503", "no country"])
def test_a_call_that_fails_gives_502_where_the_page_needs_it(name: str, api: FakeApi, reply: Reply) -> None:
    api.meeting = threading.Barrier(1)
    api.replies["/300/"] = reply
    (response,) = by_name(name).get(300)
    assert_bad_gateway(response, "HTTPStatusError" if reply.status == 503 else "TypeError")


@pytest.mark.parametrize("name", ["no_calls_sync", "no_calls_async"])
def test_a_page_without_calls_makes_none_and_shows_three_countries(name: str, api: FakeApi) -> None:
    (response,) = by_name(name).get(None)
    assert response.content.decode().count("<li>") == 3
    assert api.calls == []


@pytest.mark.parametrize("name", ["no_middleware_sync", "no_middleware_async"])
def test_the_page_without_middleware_refuses_where_there_is_any(name: str, api: FakeApi) -> None:
    view = by_name(name)
    (refused,) = get(view.settings, view.address)
    assert (refused.status_code, refused.content.decode()) == (501, no_middleware.REFUSAL)
    assert refused.has_header("X-Content-Type-Options")
    assert api.calls == []
    (response,) = view.get(300)
    assert_page(response, 300, 600, 150)
    assert not response.has_header("X-Content-Type-Options")


@pytest.mark.parametrize("chosen", ["settings", "settings_async"])
def test_the_environment_takes_the_middleware_away(chosen: str) -> None:
    code = f"from fanout_site import {chosen}; print({chosen}.MIDDLEWARE)"
    environment = {"PYTHONPATH": str(SOURCE), **dict(WORKLOADS["no_middleware"].variables)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["api_errors_sync", "api_errors_async"])
@pytest.mark.parametrize(
    ("failing", "error"),
    [("503", "HTTPStatusError"), ("late", "ReadTimeout"), ("cut off", "RemoteProtocolError"), ("list", "TypeError")],
)
def test_a_page_says_which_call_failed_and_shows_the_others(name: str, api: FakeApi, failing: str, error: str) -> None:
    api.late |= {"/600/"} if failing == "late" else set()
    api.cut_off |= {"/600/"} if failing == "cut off" else set()
    if failing in {"503", "list"}:
        api.replies["/600/"] = Reply(b"[]", 503 if failing == "503" else 200)
    (response,) = by_name(name).get(300)
    items = re.findall("<li>(.*?)</li>", response.content.decode())
    assert response.status_code == 200
    assert items == ["Land of /300/ (XY)", f"No answer: {error}", "Land of /150/ (XY)"]


# What goes wrong


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(Reply(country("France", "FR"), 500), "status", id="500"),
        pytest.param(Reply(country("France", "FR"), 404), "status", id="404"),
        pytest.param(Reply(b"", 302), "redirect", id="redirect"),
        pytest.param(Reply(b""), "empty", id="empty"),
        pytest.param(Reply(b"<html>"), "JSONDecodeError", id="html"),
        pytest.param(Reply(country("France", "FR")[:-1]), "JSONDecodeError", id="broken-json"),
        pytest.param(Reply(b'{"name": "\xff"}'), "no utf-8", id="no-utf-8"),
        pytest.param(Reply(b"{}"), "KeyError", id="no-keys"),
        pytest.param(Reply(b'{"name": "France"}'), "KeyError", id="no-code"),
        pytest.param(Reply(b"[]"), "TypeError", id="list"),
        pytest.param(Reply(b"null"), "TypeError", id="null"),
        pytest.param(Reply(b'"France"'), "TypeError", id="text"),
    ],
)
def test_one_bad_reply_of_the_three_gives_502(view: View, api: FakeApi, reply: Reply, error: str) -> None:
    api.replies["/600/"] = reply
    (response,) = view.get(300)
    assert_bad_gateway(response, view.errors.get(error, error))


def test_a_late_api_gives_502(view: View, api: FakeApi) -> None:
    api.late.add("/600/")
    (response,) = view.get(300)
    assert_bad_gateway(response, view.errors["late"])


def test_an_api_that_cuts_the_connection_gives_502(view: View, api: FakeApi) -> None:
    api.cut_off.add("/600/")
    (response,) = view.get(300)
    assert_bad_gateway(response, view.errors["cut off"])


def test_a_closed_port_gives_502(view: View, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    # Bound and never listened on: nobody else can open it meanwhile.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setitem(calls.OPTIONS, "base_url", address)
        with override_settings(SLOW_API_URL=address):
            (response,) = view.get(300)
    assert_bad_gateway(response, view.errors["closed"])
    assert api.calls == []


def test_the_view_is_right_again_after_a_failure(view: View, api: FakeApi) -> None:
    # aiohttp would ask again, and its second call would meet no others.
    error = "status" if view.errors is AIOHTTP else "cut off"
    if error == "status":
        api.replies["/600/"] = Reply(b"", 500)
    else:
        api.cut_off.add("/600/")
    failed, answered = view.get(300, 101)
    assert_bad_gateway(failed, view.errors[error])
    assert_page(answered, 101, 202, 50)


def test_an_error_that_nobody_foresaw_gives_500_without_a_traceback(
    view: View, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(*_: object) -> HttpResponse:
        raise RuntimeError("a detail that is nobody's business")

    monkeypatch.setattr(calls, "page", page)
    (response,) = view.get(300)
    assert response.status_code == 500
    assert "RuntimeError" not in response.content.decode()
    assert "business" not in response.content.decode()
    assert len(api.calls) == CALLS


# The settings


def test_what_concerns_the_api_comes_from_the_environment() -> None:
    assert calls.OPTIONS["base_url"] == os.environ["SLOW_API_URL"]
    assert calls.OPTIONS["timeout"] == float(os.environ["SLOW_API_TIMEOUT_S"])
    assert shared.POOL.keepalive_expiry == float(os.environ["SLOW_API_KEEPALIVE_S"])


@pytest.mark.parametrize(("setting", "default"), [("SLOW_API_TIMEOUT_S", 5.0), ("SLOW_API_KEEPALIVE_S", 5.0)])
def test_where_nothing_is_given_the_times_are_those_of_httpx(setting: str, default: float) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLOW_API")}
    code = f"from fanout_site import settings; print(settings.{setting})"
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert float(told.stdout) == default


def test_the_async_settings_differ_only_in_the_views() -> None:
    def upper(module: ModuleType) -> dict[str, object]:
        return {name: value for name, value in vars(module).items() if name.isupper()}

    assert upper(settings_async) == upper(settings) | {"ROOT_URLCONF": "fanout_site.urls_async"}
    assert settings.ROOT_URLCONF == "fanout_site.urls_sync"


def path_of(workload: Workload) -> str:
    return workload.pages[0].path


INTERFACES = {"WSGI": settings, "ASGI": settings_async}


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
def test_every_workload_has_its_page_and_one_with_other_delays(interface: Any, workload: Workload) -> None:
    chosen = INTERFACES[interface]
    if workload.why_excluded(interface) is not None:
        with pytest.raises(Resolver404):
            resolve(path_of(workload), chosen.ROOT_URLCONF)
        return
    page, slower = (
        resolve(path, chosen.ROOT_URLCONF) for path in (path_of(workload), workload.with_delays(20).pages[0].path)
    )
    assert page.func is slower.func
    assert (page.kwargs, slower.kwargs) == ({}, {"ms": 20})
    assert (path_of(workload), chosen) in {(view.address, view.settings) for view in VIEWS}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_page_is_what_its_workload_says(view: View, api: FakeApi) -> None:
    workload = next(one for one in WORKLOADS.values() if path_of(one) == view.address)
    at_once = workload.calls if workload.order == "parallel" else min(1, workload.calls)
    api.meeting = threading.Barrier(max(1, at_once))
    # A country as the real API has it.
    api.replies = {f"/{ms}/": Reply(country("Chad", "TD")) for ms in workload.delays_ms}
    (response,) = view.get(None)
    assert response.status_code == 200
    assert workload.pages[0].expect.why_wrong(200, {}, response.content.decode()) is None
    kind = "" if workload.answers == "steady" else f"/{workload.answers}"
    assert api.paths == sorted(f"{kind}/{ms}/" for ms in workload.delays_ms)
    assert api.most_at_once == at_once


@pytest.mark.parametrize(("interface", "urls"), [("wsgi", "fanout_site.urls_sync"), ("asgi", "fanout_site.urls_async")])
def test_each_interface_gets_its_own_views(interface: str, urls: str) -> None:
    code = f"import fanout_site.{interface}; from django.conf import settings; print(settings.ROOT_URLCONF)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == urls
