"""Several pages: real locust, verification and the clients of counts, against a shop that notes what it is asked."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stackmatrix.analysis.level import checks
from stackmatrix.analysis.level.facts import MOST_REASONS, LevelFacts
from stackmatrix.analysis.level.pages import answered, page_loads
from stackmatrix.analysis.level.usage import Use
from stackmatrix.errors import TrialError
from stackmatrix.load.generator import DrivenLevel, LoadGenerator
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.pages import MOST_ANSWER_BYTES, Expectation, Likeness, Page
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.measurements.counts.clients import ask_many
from stackmatrix.testbed import verification

SEED = 5
TITLE, LENGTH = "Shop", 2_000
HEADERS = (("Host", "www.example.com"), ("Cookie", "sessionid=secret; csrftoken=abc"), ("X-CSRFToken", "abc"))


def html(title: str = TITLE, length: int = LENGTH) -> str:
    head = f"<html><head><title>{title}</title></head><body>"
    return head + "x" * (length - len(head))


HOME = Page("home", "/", 3.0, expect=Expectation(like=Likeness("text/html", TITLE, LENGTH)))
SEARCH = Page(
    "search", "/search/?q={word}", 2.0, values=(("word", ("ab", "cd", "ef")),), expect=Expectation(contains=("q=",))
)
OLD = Page("old", "/old/", expect=Expectation(302, location="/new/"))
ADD = Page(
    "add", "/api/", method="POST", headers=(*HEADERS, ("Content-Type", "application/json")), body='{"tag": "tag {n}"}',
    expect=Expectation(201, json=(("made.0.ok", True),)),
)  # fmt: skip
SHOP = Workload("shop", "", (HOME, SEARCH, OLD, ADD), (), calls_known=False)
CYCLE = 7


type Answer = tuple[int, dict[str, str], str]
"""Status, headers and body."""


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    port: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: str


@dataclass
class Shop:
    """A server's port, and what it was asked; ``spoilt`` answers take the place of the right ones, by path."""

    port: int
    asked: list[Asked]
    spoilt: dict[str, Answer] = field(default_factory=dict)

    def answer(self, path: str) -> Answer:
        kind = path.partition("?")[0]
        right: dict[str, Answer] = {
            "/": (200, {"Content-Type": "text/html; charset=utf-8", "Set-Cookie": "sessionid=another; Path=/"}, html()),
            "/search/": (200, {"Content-Type": "text/html"}, f"<p>Found for {path.partition('?')[2]}</p>"),
            "/old/": (302, {"Location": f"http://127.0.0.1:{self.port}/new/"}, ""),
            "/api/": (201, {"Content-Type": "application/json"}, '{"made": [{"ok": true}]}'),
        }
        return self.spoilt.get(kind) or right.get(kind, (404, {}, ""))


def start_shop(asked: list[Asked]) -> tuple[Shop, ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            asked.append(Asked(made.port, self.command, self.path, dict(self.headers.items()), body))
            status, headers, text = made.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 - what the base class calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Shop(server.server_port, asked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return made, server


@pytest.fixture
def shops() -> Iterator[Callable[[int], list[Shop]]]:
    servers: list[ThreadingHTTPServer] = []

    def start(count: int) -> list[Shop]:
        asked: list[Asked] = []
        started = [start_shop(asked) for _ in range(count)]
        servers.extend(server for _, server in started)
        return [shop for shop, _ in started]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def shop(shops: Callable[[int], list[Shop]]) -> Shop:
    return shops(1)[0]


def order(model: Any, value: float, level: int = 0, window_s: float = 1.0) -> LevelOrder:
    return LevelOrder.measure(level, LoadLevel(model, value), 0.2, window_s, seed=SEED)


def drive(
    folder: Path, shops: list[Shop], *orders: LevelOrder, workload: Workload = SHOP, count: int = 1
) -> list[DrivenLevel]:
    ports = [shop.port for shop in shops]
    generator = LoadGenerator(folder=folder, ports=ports, workloads=[workload] * len(ports), cores=(), count=count)
    with generator:
        generator.wait_ready(lambda: None)
        driven = [generator.run(order, lambda _: None, lambda: None) for order in orders]
        generator.finish(lambda: None)
    return driven


def test_each_page_is_asked_for_as_it_says_and_every_right_answer_is_right(tmp_path: Path, shop: Shop) -> None:
    (driven,) = drive(tmp_path, [shop], order("open", 70))
    level = driven.rows
    assert level.failures() == {}
    assert driven.recorded.wrong == ()
    # In whole cycles each comes as often as its weight says, and what a row says was asked for was.
    by_page = Counter(int(row["page"]) for row in sorted(level.all, key=lambda row: row["intended_s"])[: 8 * CYCLE])
    assert by_page == {0: 3 * 8, 1: 2 * 8, 2: 8, 3: 8}
    paths = Counter(one.path.partition("?")[0] for one in shop.asked)
    rows_of = [len(level.of_page(place).all) for place in range(4)]
    assert rows_of == [paths["/"], paths["/search/"], paths["/old/"], paths["/api/"]]
    assert sum(paths.values()) == len(level.all) > 8 * CYCLE
    words = [one.path.partition("=")[2] for one in shop.asked if one.path.startswith("/search/")]
    assert max(Counter(words).values()) - min(Counter(words).values()) <= 1
    assert {*words} == {"ab", "cd", "ef"}


def test_a_post_has_its_body_its_headers_and_a_number_of_its_own(tmp_path: Path, shop: Shop) -> None:
    drive(tmp_path, [shop], order("closed", 3))
    posts = [one for one in shop.asked if one.method == "POST"]
    assert {one.path for one in posts} == {"/api/"}
    assert HEADERS[0][1] == posts[0].headers["Host"]
    for name, value in (*HEADERS, ("Content-Type", "application/json")):
        assert {one.headers[name] for one in posts} == {value}
    tags = [json.loads(one.body)["tag"] for one in posts]
    assert len({*tags}) == len(tags) > 1
    assert len({len(tag) for tag in tags}) == 1


def test_no_redirect_is_followed_and_no_cookie_of_an_answer_is_sent(tmp_path: Path, shop: Shop) -> None:
    drive(tmp_path, [shop], order("closed", 2))
    assert {one.path.partition("?")[0] for one in shop.asked} == {"/", "/search/", "/old/", "/api/"}
    assert {one.headers.get("Cookie") for one in shop.asked if one.method == "GET"} == {None}
    assert {one.headers["Cookie"] for one in shop.asked if one.method == "POST"} == {HEADERS[1][1]}


def test_no_number_comes_twice_in_a_run_whatever_asks(tmp_path: Path, shops: Callable[[int], list[Shop]]) -> None:
    both = shops(2)
    only_add = replace(SHOP, pages=(ADD,))
    for attempt in ("first", "second"):
        (tmp_path / attempt).mkdir()
        orders = (order("closed", 4, level=0, window_s=0.3), order("open", 40, level=1, window_s=0.3))
        drive(tmp_path / attempt, both, *orders, workload=only_add, count=2)
    for one in both:
        verification.verify_workload(one.port, 1, only_add)
    ask_many(both[0].port, only_add, 2, 10)
    bodies = [one.body for one in both[0].asked]
    assert len({*bodies}) == len(bodies) > 50
    assert {one.port for one in both[0].asked} == {one.port for one in both}


@pytest.mark.parametrize("count", [1, 2])
def test_targets_side_by_side_are_asked_for_the_same_pages_in_the_same_order(
    tmp_path: Path, shops: Callable[[int], list[Shop]], count: int
) -> None:
    turns = [0, 1, 0]
    one = replace(order("open", 90), turns=turns)
    (driven,) = drive(tmp_path, shops(2), one, count=count)
    pages = [
        [int(row["page"]) for row in sorted(driven.rows.of_target(target).all, key=lambda row: row["intended_s"])]
        for target in (0, 1)
    ]
    fewer = len(pages[1])
    assert pages[0][:fewer] == pages[1]
    assert fewer > 2 * CYCLE
    assert len(pages[0]) > 1.8 * fewer


def facts_of(driven: DrivenLevel) -> LevelFacts:
    use = Use(1.0, 0.1, 1, 1, None)
    return LevelFacts(
        plan=LoadLevel("closed", 2), workload=SHOP, stack=next(iter(STACKS.values())), rows=driven.rows,
        uses={"target": use, "generator": use, "external_api": use}, api_before=None, api_after=None,
        target_pids_verified=(), target_pids_now=(), recorded=driven.recorded,
    )  # fmt: skip


HTML = {"Content-Type": "text/html"}
LOGIN = {"Location": "/admin/login/?next=/old/"}
SPOILT: tuple[dict[str, tuple[Answer, str, str]], ...] = (
    {
        "/": ((200, HTML, html(length=2_101)), "wrong body", "home has 2101 characters, and the first answer had 2000"),
        "/search/": ((200, {}, "nothing"), "wrong body", "search lacks 'q='"),
        "/old/": ((302, LOGIN, ""), "wrong body", "old leads to '/admin/login/?next=/old/', not to '/new/'"),
        "/api/": ((403, {}, "CSRF"), "status 403", "add answered 403 where 201 is right"),
    },
    {
        "/": ((200, HTML, html("Enter")), "wrong body", "home has the title 'Enter', and the first answer had 'Shop'"),
        "/old/": ((200, {}, ""), "status 200", "old answered 200 where 302 is right"),
        "/api/": ((201, {}, "<p>"), "wrong body", "add is no JSON"),
    },
    {
        "/": ((200, {}, html()), "wrong body", "home is of no type, and the first answer was text/html"),
        "/api/": (
            (201, {}, '{"made": [{"ok": false}]}'), "wrong body", "add has False as made.0.ok in its JSON, not True",
        ),
    },
)  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT)
def test_wrong_answers_are_told_by_their_pages_and_why(
    tmp_path: Path, shop: Shop, spoilt: dict[str, tuple[Answer, str, str]]
) -> None:
    shop.spoilt = {path: answer for path, (answer, _, _) in spoilt.items()}
    (driven,) = drive(tmp_path, [shop], order("closed", 2))
    assert driven.rows.failures().keys() == {failure for _, failure, _ in spoilt.values()}
    reasons = [why for _, _, why in spoilt.values()]
    assert sorted(one.words for one in driven.recorded.wrong) == sorted(reasons)
    found = checks.check_semantics(facts_of(driven))
    assert found is not None
    assert found.severity == "invalid"
    assert found.sentence.count(";") == min(len(reasons), MOST_REASONS) - 1
    assert sum(why in found.sentence for why in reasons) == min(len(reasons), MOST_REASONS)


def test_a_page_of_more_than_any_has_is_not_taken_in_whole(tmp_path: Path, shop: Shop) -> None:
    shop.spoilt = {"/": (200, HTML, "x" * (MOST_ANSWER_BYTES + 1_000_000))}
    (driven,) = drive(tmp_path, [shop], order("closed", 1))
    assert "connection" in driven.rows.failures()
    assert not driven.recorded.exceptions


@pytest.mark.parametrize("spoilt", [(path, *one) for each in SPOILT for path, one in each.items()])
def test_a_wrong_page_is_caught_before_any_load_and_ends_a_count(
    shop: Shop, spoilt: tuple[str, Answer, str, str]
) -> None:
    path, answer, _, why = spoilt
    shop.spoilt[path] = answer
    with pytest.raises(TrialError) as refused:
        verification.verify_workload(shop.port, 1, SHOP)
    assert str(refused.value).startswith(f"{why}.")
    with pytest.raises(TrialError) as stopped:
        ask_many(shop.port, SHOP, 1, 2 * CYCLE)
    assert str(stopped.value).startswith(f"{why}.")


def test_an_answer_whose_length_differs_by_less_than_a_twentieth_is_right(tmp_path: Path, shop: Shop) -> None:
    shop.spoilt["/"] = (200, {"Content-Type": "text/html"}, html(length=LENGTH + LENGTH // 25))
    (driven,) = drive(tmp_path, [shop], order("closed", 2, window_s=0.5))
    assert driven.rows.failures() == {}


def test_each_page_has_figures_of_its_own(tmp_path: Path, shop: Shop) -> None:
    shop.spoilt["/old/"] = (500, {}, "")
    (driven,) = drive(tmp_path, [shop], order("open", 70))
    level = driven.rows
    loads = {load.page: load for load in page_loads(level, SHOP)}
    assert list(loads) == ["home", "search", "old", "add"]
    assert sum(load.requests for load in loads.values()) == len(level.window)
    assert loads["old"].failures == {"status 500": loads["old"].requests}
    assert loads["old"].latency_ms is None
    assert loads["home"].failures == {}
    assert loads["home"].latency_ms is not None
    counted = answered(level, SHOP)
    assert counted["old"] == 0
    assert sum(counted.values()) == len(level.answered)
    # Where there is one page, its figures are those of the whole.
    only = replace(SHOP, pages=one_page("/"))
    assert (page_loads(level, only), answered(level, only)) == ((), {})


def test_verification_asks_for_each_page_once(shop: Shop) -> None:
    verification.verify_workload(shop.port, 1, SHOP)
    assert Counter(one.path.partition("?")[0] for one in shop.asked) == {"/": 1, "/search/": 1, "/old/": 1, "/api/": 1}


def test_clients_of_a_count_ask_for_whole_cycles_of_pages_the_same_each_time(shop: Shop) -> None:
    for _ in range(2):
        ask_many(shop.port, SHOP, 1, 3 * CYCLE)
    paths = [one.path for one in shop.asked]
    assert paths[: 3 * CYCLE] == paths[3 * CYCLE :]
    assert Counter(path.partition("?")[0] for path in paths) == {"/": 18, "/search/": 12, "/old/": 6, "/api/": 6}


def test_each_target_is_asked_for_its_own_pages_in_the_same_order(
    tmp_path: Path, shops: Callable[[int], list[Shop]]
) -> None:
    both = shops(2)

    def of(session: str) -> Workload:
        cookie = (("Cookie", f"sessionid={session}"),)
        return replace(SHOP, pages=tuple(replace(page, headers=(*page.headers, *cookie)) for page in SHOP.pages))

    generator = LoadGenerator(
        folder=tmp_path, ports=[one.port for one in both], workloads=[of("base"), of("head")], cores=()
    )
    with generator:
        generator.wait_ready(lambda: None)
        rows = generator.run(order("open", 60), lambda _: None, lambda: None).rows
        generator.finish(lambda: None)
    sessions = {(one.port, one.headers["Cookie"]) for one in both[0].asked}
    assert sessions == {(both[0].port, "sessionid=base"), (both[1].port, "sessionid=head")}
    # As they were to be asked for: on a busy machine they may arrive otherwise.
    planned = (sorted(rows.of_target(place).all, key=lambda row: row["intended_s"]) for place in range(2))
    base, head = ([int(row["page"]) for row in some][: 3 * CYCLE] for some in planned)
    assert base == head
    assert len(base) == 3 * CYCLE
