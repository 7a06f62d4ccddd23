"""The external API: a real process for what its users see, the ASGI application for what a process would hide.

Times are asserted from below only: a slow machine may make any call later, none may make it earlier.
"""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from slow_api.app import LONGEST_MS, SlowApi, read_countries
from slow_api.figures import ApiFigures, RequestFigures
from slow_api.law import FAULTS, SEED, TAIL, Meant, Tail, meant
from slow_api.ledger import OVERSHOOT_BUCKET_MS, OVERSHOOT_BUCKETS, REQUESTS_KEPT, Ledger

SOURCE = Path(__file__).parents[2] / "src"
DEADLINE_S = 30
"""For the API to start, to stop and to show a change; longer than any needs, and shorter than ``LONGEST_MS``."""
POLL_S = 0.01

Message = MutableMapping[str, Any]


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    """A client of one real API process for this module, so counts are compared as differences or by request id."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "slow_api", "--port", str(port)]
    process = subprocess.Popen(command, env={"PYTHONPATH": str(SOURCE)})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S, trust_env=False) as client:
            await_true(lambda: process.poll() is not None or is_answering(client))
            assert process.poll() is None, "the API ended instead of serving"
            yield client
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_S)
        finally:
            process.kill()
            process.wait()


def is_answering(client: httpx.Client) -> bool:
    try:
        return client.get("/stats/").is_success
    except httpx.TransportError:
        return False


def await_true(condition: Callable[[], bool]) -> None:
    """Poll until it holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(POLL_S)


def totals(api: httpx.Client) -> dict[str, Any]:
    """Its figures without the moment at which they were read."""
    return {name: value for name, value in figures(api).items() if name != "at_s"}


def figures(api: httpx.Client, request_id: str | None = None) -> dict[str, Any]:
    parameters = {} if request_id is None else {"request_id": request_id}
    content: dict[str, Any] = api.get("/stats/", params=parameters).raise_for_status().json()
    return content


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ASGI application sent."""

    status: int
    content: Any


async def call(
    app: SlowApi,
    path: str,
    request_id: str | None = None,
    query: str = "",
    receive: Callable[[], Any] | None = None,
) -> Answer | None:
    """One GET without a server between; ``None`` when the application sent nothing."""
    sent: list[Message] = []
    silence: asyncio.Queue[Message] = asyncio.Queue()

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if request_id is None else [(b"x-request-id", request_id.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": headers}
    await app(scope, receive or silence.get, send)
    return Answer(sent[0]["status"], json.loads(sent[1]["body"])) if sent else None


# What the process answers, and when


@pytest.mark.parametrize(("path", "asked_ms"), [("/", 300), ("/0/", 0), ("/50/", 50), ("/007/", 7), ("/450/", 450)])
def test_a_call_takes_at_least_the_time_it_asks_for(api: httpx.Client, path: str, asked_ms: int) -> None:
    started = time.perf_counter()
    response = api.get(path, headers={"X-Request-ID": f"time of {path}"})
    took_ms = (time.perf_counter() - started) * 1000
    assert response.status_code == 200
    assert took_ms >= asked_ms
    assert figures(api, f"time of {path}")["asked_ms"] == [asked_ms]


def test_no_call_ends_before_its_time_on_the_loop_that_serves() -> None:
    app = SlowApi(read_countries())

    async def early_ms(asked_ms: int) -> float:
        started = time.perf_counter()
        await call(app, f"/{asked_ms}/")
        return asked_ms - (time.perf_counter() - started) * 1000

    async def earliest_ms() -> float:
        # Odd pauses: each call begins at another moment within the loop's millisecond.
        worst = -1000.0
        for pause_us in range(0, 6000, 60):
            worst = max(worst, *await asyncio.gather(*(early_ms(asked_ms) for asked_ms in (2, 3, 5))))
            await asyncio.sleep(pause_us / 1e6)
        return worst

    assert uvloop.run(earliest_ms()) <= 0


def test_an_answer_is_a_country_as_json(api: httpx.Client) -> None:
    response = api.get("/0/")
    assert response.headers["content-type"] == "application/json"
    assert response.json() in [{"name": country["name"], "code": country["code"]} for country in read_countries()]


def test_the_countries_are_chosen_at_random() -> None:
    app = SlowApi(read_countries())

    async def codes() -> set[str]:
        answers = [await call(app, "/0/") for _ in range(100)]
        return {answer.content["code"] for answer in answers if answer is not None}

    assert len(asyncio.run(codes())) > 1


def test_the_list_has_249_countries_with_two_letter_codes() -> None:
    countries = read_countries()
    codes = {country["code"] for country in countries}
    assert len(countries) == len(codes) == len({country["name"] for country in countries}) == 249
    assert [code for code in codes if not re.fullmatch("[A-Z]{2}", code)] == []
    assert [country for country in countries if not country["name"].strip()] == []


BAD_NUMBERS = ["-5/", "+5/", "1e5/", "2.5/", ".5/", "0x10/", "1_000/", "300ms/", "5%20/", "1%D9%A3/", "300"]
HUGE_NUMBERS = [f"{LONGEST_MS + 1}/", "1" + "0" * 9 + "/", "9" * 5000 + "/"]


@pytest.mark.parametrize("number", BAD_NUMBERS + HUGE_NUMBERS)
def test_a_bad_number_gets_400(api: httpx.Client, number: str) -> None:
    assert_refused(api, api.build_request("GET", f"/{number}"), 400)


@pytest.mark.parametrize(
    "path",
    ["/abc/", "/nan/", "/٣٠٠/", "/\uff13/", "/%20300/", "/300/1/", "/300/%0A", "/stats", "/stats/1/", "/favicon.ico"],
)
def test_an_unknown_path_gets_404(api: httpx.Client, path: str) -> None:
    assert_refused(api, api.build_request("GET", path), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/1/", "/stats/", "/abc/"])
def test_any_method_but_get_gets_405(api: httpx.Client, method: str, path: str) -> None:
    assert_refused(api, api.build_request(method, path), 405)


def assert_refused(api: httpx.Client, request: httpx.Request, status: int) -> None:
    """It gets a sentence as JSON, and counts as refused and as nothing else."""
    before = totals(api)
    response = api.send(request)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    assert len(response.json()["error"].split()) > 3
    assert totals(api) == before | {"calls_refused": before["calls_refused"] + 1}


# What it counts


def test_calls_in_sequence_do_not_overlap(api: httpx.Client) -> None:
    for asked_ms in (3, 6, 1):
        api.get(f"/{asked_ms}/", headers={"X-Request-ID": "sequence"})
    assert figures(api, "sequence") == {
        "calls": 3,
        "asked_ms": [3, 6, 1],
        "max_in_flight": 1,
        "in_flight": 0,
        "failed": 0,
    }


def test_concurrent_calls_overlap_and_a_client_that_leaves_ends_its_calls(api: httpx.Client) -> None:
    before = figures(api)
    request = f"GET /{LONGEST_MS}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: leaving\r\n\r\n".encode()
    with ExitStack() as connections:
        for _ in range(3):
            connection = socket.create_connection(("127.0.0.1", api.base_url.port or 0), timeout=DEADLINE_S)
            connections.enter_context(connection).sendall(request)
        await_true(lambda: bool(figures(api)["in_flight"] == 3))
        seen = {"calls": 3, "asked_ms": [LONGEST_MS] * 3, "max_in_flight": 3, "in_flight": 3, "failed": 0}
        assert figures(api, "leaving") == seen
    await_true(lambda: bool(figures(api)["in_flight"] == 0))
    assert figures(api, "leaving")["in_flight"] == 0
    after = figures(api)
    assert after["calls_started"] == before["calls_started"] + 3
    assert after["calls_finished"] == before["calls_finished"]
    assert after["max_in_flight"] >= 3


def test_concurrent_calls_of_one_request_overlap_and_those_of_others_do_not_count_for_it() -> None:
    app = SlowApi(read_countries())

    async def main() -> None:
        await asyncio.gather(
            *(call(app, path, "three") for path in ("/30/", "/60/", "/15/")),
            *(call(app, "/30/", "two") for _ in range(2)),
            call(app, "/30/"),
        )

    asyncio.run(main())
    assert app.ledger.request_figures("three") == RequestFigures(
        calls=3, asked_ms=[30, 60, 15], max_in_flight=3, in_flight=0
    )
    seen = app.ledger.figures()
    assert (seen.calls_started, seen.max_in_flight, seen.in_flight) == (6, 6, 0)
    assert seen.view_requests_by_calls == seen.view_requests_by_overlap == {"2": 1, "3": 1}


def test_the_overshoot_histogram_holds_every_finished_call(api: httpx.Client) -> None:
    before = figures(api)
    for asked_ms in range(20):
        api.get(f"/{asked_ms}/")
    after = figures(api)
    assert after["calls_finished"] == before["calls_finished"] + 20
    assert sum(after["overshoot_histogram"].values()) == after["calls_finished"]
    assert after["overshoot_sum_ms"] > before["overshoot_sum_ms"]
    assert 0 < after["overshoot_max_ms"] <= after["overshoot_sum_ms"]


def test_what_it_tells_is_read_as_it_was_written(api: httpx.Client) -> None:
    api.get("/3/", headers={"X-Request-ID": "read"})
    whole, of_one = (api.get("/stats/", params=asked) for asked in ({}, {"request_id": "read"}))
    assert asdict(ApiFigures.from_json(whole.text)) == whole.json()
    assert asdict(RequestFigures.from_json(of_one.text)) == of_one.json()
    assert of_one.json()["asked_ms"] == [3]


def test_asking_for_the_figures_changes_none(api: httpx.Client) -> None:
    before = totals(api)
    api.get("/stats/", headers={"X-Request-ID": "asks for figures"})
    assert totals(api) == before
    assert api.get("/stats/", params={"request_id": "asks for figures"}).status_code == 404


def test_a_request_id_is_found_whatever_characters_it_has() -> None:
    app = SlowApi(read_countries())

    async def main() -> Answer | None:
        await call(app, "/0/", "a+b&c=d %41")
        return await call(app, "/stats/", query="request_id=a%2Bb%26c%3Dd+%2541")

    answer = asyncio.run(main())
    assert answer is not None
    assert (answer.status, answer.content["calls"]) == (200, 1)


def test_a_cancelled_call_is_in_flight_no_more_and_did_not_finish() -> None:
    app = SlowApi(read_countries())

    async def main() -> None:
        task = asyncio.create_task(call(app, f"/{LONGEST_MS}/", "cancelled"))
        await asyncio.sleep(0)
        assert app.ledger.in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert_ended_unfinished(app, "cancelled")


def test_a_call_whose_client_leaves_is_not_answered_and_did_not_finish() -> None:
    app = SlowApi(read_countries())

    async def main() -> Answer | None:
        messages: asyncio.Queue[Message] = asyncio.Queue()
        messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        messages.put_nowait({"type": "http.disconnect"})
        return await asyncio.wait_for(call(app, f"/{LONGEST_MS}/", "left", receive=messages.get), DEADLINE_S)

    assert asyncio.run(main()) is None
    assert_ended_unfinished(app, "left")


def assert_ended_unfinished(app: SlowApi, request_id: str) -> None:
    seen = app.ledger.figures()
    assert (seen.calls_started, seen.calls_finished, seen.in_flight) == (1, 0, 0)
    assert seen.overshoot_histogram == {}
    assert app.ledger.request_figures(request_id) == RequestFigures(
        calls=1, asked_ms=[LONGEST_MS], max_in_flight=1, in_flight=0
    )


# What is drawn


def fates(requests: int = 20_000) -> list[Meant]:
    return [meant("flaky", str(number), 300) for number in range(requests)]


def test_one_flaky_call_in_twenty_fails_or_hangs_and_few_of_these_hang() -> None:
    found = [one.fate for one in fates()]
    assert 1 - found.count("answers") / len(found) == pytest.approx(0.05, abs=0.006)
    assert found.count("hangs") / len(found) == pytest.approx(FAULTS.hang_share, abs=0.002)


def test_what_becomes_of_a_call_follows_from_its_seed_request_and_delay() -> None:
    assert fates(500) == fates(500)
    tail = {(request, ms, seed): meant("tail", request, ms, seed).takes_ms / ms for request in ("a", "b")
            for ms in (300, 600) for seed in (SEED, SEED + 1)}  # fmt: skip
    assert len(set(tail.values())) == len(tail)
    assert meant("steady", "a", 300) == Meant(300, 300, "answers")


def test_a_long_tail_has_the_quantiles_that_it_is_made_of() -> None:
    tail = Tail(shortest=100, median=180, p99=900, longest=2000)
    assert [tail.at(share) for share in (0.5, 0.99)] == pytest.approx([180, 900])
    assert 100 < tail.at(1e-6) < 101
    assert tail.at(1 - 1e-9) == 2000
    drawn = sorted(meant("tail", str(number), 100).takes_ms for number in range(20_000))
    assert drawn[10_000] / 100 == pytest.approx(TAIL.median, rel=0.02)
    assert drawn[19_800] / 100 == pytest.approx(TAIL.p99, rel=0.06)
    assert drawn[0] >= 100
    assert drawn[-1] <= 800


def request_of(kind: Any, fate: str, asked_ms: int) -> str:
    return next(name for name in map(str, range(100_000)) if meant(kind, name, asked_ms).fate == fate)


def test_a_call_of_the_tail_takes_as_long_as_was_drawn_and_what_that_is_longer_is_meant(api: httpx.Client) -> None:
    before = figures(api)
    drawn_ms = meant("tail", "drawn", 40).takes_ms
    started = time.perf_counter()
    assert api.get("/tail/40/", headers={"X-Request-ID": "drawn"}).status_code == 200
    assert (time.perf_counter() - started) * 1000 >= drawn_ms > 40
    after = figures(api)
    assert after["beyond_s"] - before["beyond_s"] == pytest.approx((drawn_ms - 40) / 1000)
    assert figures(api, "drawn") == {"calls": 1, "asked_ms": [40], "max_in_flight": 1, "in_flight": 0, "failed": 0}


def test_a_call_that_fails_does_so_after_its_time_and_is_counted_as_finished(api: httpx.Client) -> None:
    before, failing = figures(api), request_of("flaky", "fails", 20)
    started = time.perf_counter()
    response = api.get("/flaky/20/", headers={"X-Request-ID": failing})
    assert (time.perf_counter() - started) * 1000 >= 20
    assert (response.status_code, list(response.json())) == (503, ["error"])
    after = figures(api)
    assert after["calls_failed"] - before["calls_failed"] == 1
    assert after["calls_finished"] - before["calls_finished"] == 1
    assert after["beyond_s"] == before["beyond_s"]
    assert figures(api, failing)["failed"] == 1
    assert api.get("/flaky/20/", headers={"X-Request-ID": request_of("flaky", "answers", 20)}).status_code == 200


def test_a_call_that_hangs_ends_when_its_client_leaves_and_its_time_is_meant(api: httpx.Client) -> None:
    before, hanging = figures(api), request_of("flaky", "hangs", 20)
    with pytest.raises(httpx.ReadTimeout):
        api.get("/flaky/20/", headers={"X-Request-ID": hanging}, timeout=0.3)
    await_true(lambda: bool(figures(api)["in_flight"] == before["in_flight"]))
    after = figures(api)
    assert (after["calls_hung"] - before["calls_hung"], after["calls_finished"]) == (1, before["calls_finished"])
    # In place of the 20 ms that were asked for.
    hung_s = after["in_flight_s"] - before["in_flight_s"]
    assert hung_s >= 0.25
    assert after["beyond_s"] - before["beyond_s"] == pytest.approx(hung_s - 0.02)
    assert figures(api, hanging)["failed"] == 1


@pytest.mark.parametrize("path", ["/tail/", "/flaky/", "/tail/x/", "/flaky/300", "/steady/300/"])
def test_a_kind_without_a_delay_is_no_path(api: httpx.Client, path: str) -> None:
    assert_refused(api, api.build_request("GET", path), 404)


# The ledger

ONE = Meant(1, 1)


def test_folding_old_requests_loses_no_totals() -> None:
    ledger, requests = Ledger(), REQUESTS_KEPT + 1000
    for number in range(requests):
        # One to three calls at once, then one more alone.
        running = [ledger.start(str(number), ONE) for _ in range(1 + number % 3)]
        for request in running:
            ledger.finish(request, ONE, 0.0)
        ledger.finish(ledger.start(str(number), ONE), ONE, 0.0)
    by_remainder = {remainder: len(range(remainder, requests, 3)) for remainder in range(3)}
    seen = ledger.figures()
    assert seen.view_requests_by_calls == {str(rest + 2): number for rest, number in by_remainder.items()}
    assert seen.view_requests_by_overlap == {str(rest + 1): number for rest, number in by_remainder.items()}
    assert seen.calls_started == sum((rest + 2) * number for rest, number in by_remainder.items())
    known = [number for number in range(requests) if ledger.request_figures(str(number)) is not None]
    assert known == list(range(1000, requests))


def test_a_request_that_is_folded_while_it_runs_still_ends() -> None:
    ledger = Ledger()
    running = ledger.start("first", ONE)
    for number in range(REQUESTS_KEPT):
        ledger.finish(ledger.start(str(number), ONE), ONE, 0.0)
    assert ledger.request_figures("first") is None
    assert ledger.in_flight == 1
    ledger.finish(running, ONE, 0.0)
    assert (ledger.in_flight, ledger.calls_finished) == (0, REQUESTS_KEPT + 1)
    assert ledger.figures().view_requests_by_calls == {"1": REQUESTS_KEPT + 1}


def test_the_last_overshoot_bucket_holds_everything_longer() -> None:
    ledger = Ledger()
    for overshoot_ms in (0.0, OVERSHOOT_BUCKET_MS * 2.5, OVERSHOOT_BUCKET_MS * OVERSHOOT_BUCKETS, 1e9):
        ledger.finish(ledger.start(None, ONE), ONE, overshoot_ms)
    seen = ledger.figures()
    assert seen.overshoot_histogram == {"0": 1, "2": 1, str(OVERSHOOT_BUCKETS - 1): 2}
    assert seen.overshoot_max_ms == 1e9


def test_calls_in_flight_are_added_up_over_time() -> None:
    now_s = 100.0
    ledger = Ledger(lambda: now_s)

    def wait(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    wait(5)
    second_long = Meant(1000, 1000)
    first = ledger.start(None, second_long)
    wait(1)
    second = ledger.start("id", second_long)
    wait(2)
    assert (ledger.figures().at_s, ledger.figures().in_flight_s) == (108, 1 + 2 * 2)
    ledger.finish(first, second_long, 0.0)
    wait(3)
    ledger.finish(second, second_long, None)  # its client has left
    wait(10)
    assert (ledger.figures().at_s, ledger.figures().in_flight_s) == (121, 1 + 2 * 2 + 3)


def test_what_was_in_flight_is_the_calls_times_how_long_each_slept(api: httpx.Client) -> None:
    before = figures(api)
    for path in ("/120/", "/80/"):
        api.get(path)
    after = figures(api)
    slept_s = 0.2 + (after["overshoot_sum_ms"] - before["overshoot_sum_ms"]) / 1000
    # It begins to count before it sleeps, and ends after.
    assert after["in_flight_s"] - before["in_flight_s"] >= slept_s - 1e-6
    assert after["at_s"] - before["at_s"] > after["in_flight_s"] - before["in_flight_s"]
