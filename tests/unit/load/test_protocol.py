"""What the harness and a load process say to each other comes across as it was said."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.load import protocol
from stackmatrix.load.protocol import (
    Done,
    Drop,
    End,
    LevelOrder,
    LoadPlan,
    Prepared,
    RampOrder,
    Ready,
    Settled,
    Start,
    Stop,
    decode,
    encode,
)
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.ladder import LoadLevel, requests_at_once
from stackmatrix.matrix.pages import Expectation, Likeness, Page
from stackmatrix.results.rows import WARMUP_LEVEL
from stackmatrix.system.processes import SOURCE

OPEN = LoadLevel("open", 12.5)
MESSAGES = (
    LevelOrder(3, "open", 12.5, 125, 2.0, 15.0, "7:3"),
    LevelOrder.warmup(5.0),
    LevelOrder.measure(2, OPEN, 2.0, 15.0, seed=7),
    RampOrder(0, [10.0, 11.000000000000002], [3.0, 1 / 3], 1_500, "7:0"),
    Start(123_456.789012345),
    Drop(0.1 + 0.2, 10.0),
    Stop(),
    Ready(),
    Prepared(),
    Settled(),
    Done(recorded=1_000, counted=999, exceptions=1, wrong=[[3, "/a/ lacks 'x'"]]),
    End(None),
    End("ValueError: what is “no” number\nin two lines"),
)
KINDS = [*get_args(protocol.Order.__value__), *get_args(protocol.Event.__value__)]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_one_line_and_comes_back_equal(message: Any) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message
    assert type(decode(line)) is type(message)


def test_every_type_of_message_is_among_those_that_come_back() -> None:
    assert {type(message) for message in MESSAGES} == set(KINDS)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_moment_is_rounded(at_s: float) -> None:
    for message in (Start(at_s), Drop(at_s, at_s), RampOrder(0, [at_s], [at_s], 1, "")):
        assert decode(encode(message)) == message


@given(st.text())
def test_whatever_a_failure_says_stays_on_its_line(failure: str) -> None:
    line = encode(End(failure))
    assert line.index(b"\n") == len(line) - 1
    assert decode(line) == End(failure)


@pytest.mark.parametrize("name", ["Pause", "LoadPlan", "levelorder", ""])
def test_a_message_of_an_unknown_type_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"it is no message: KeyError: {name!r}"):
        decode(json.dumps({"type": name}).encode())


@pytest.mark.parametrize("spoilt", [{"start_s": 1.0, "more": 1}, {}])
def test_a_message_with_a_field_too_many_or_too_few_is_an_error(spoilt: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="it is no message: TypeError: "):
        decode(json.dumps({"type": "Start", **spoilt}).encode())


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b"{}"])
def test_what_is_no_message_is_an_error(line: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        decode(line)


def test_a_warm_up_is_the_same_for_every_target_and_apart_from_all_levels() -> None:
    order = LevelOrder.warmup(5.0)
    assert (order.level, order.model, order.settle_s, order.window_s) == (WARMUP_LEVEL, "closed", 0.0, 5.0)
    assert order.value == order.visitors > 0


@pytest.mark.parametrize("level", [OPEN, LoadLevel("closed", 40)], ids=str)
def test_a_level_has_visitors_for_all_its_requests_and_the_plan_of_its_place(level: LoadLevel) -> None:
    order = LevelOrder.measure(2, level, 2.0, 15.0, seed=7)
    assert (order.level, order.model, order.value) == (2, level.model, level.value)
    assert (order.visitors, order.settle_s, order.window_s) == (requests_at_once(level), 2.0, 15.0)
    assert order.seed == plan_seed(7, 2)


def test_a_second_attempt_has_the_same_plan_and_a_mark_of_its_own() -> None:
    first = LevelOrder.measure(2, OPEN, 2.0, 15.0, seed=7)
    second = LevelOrder.measure(2, OPEN, 2.0, 15.0, seed=7, mark=11)
    assert (second.seed, second.level) == (first.seed, 11)


def test_a_mark_may_be_zero() -> None:
    assert LevelOrder.measure(2, OPEN, 2.0, 15.0, seed=7, mark=0).level == 0


def test_a_plan_with_all_that_a_page_can_say_survives_json() -> None:
    expect = Expectation(302, "a+", ("x",), (("a.0", None),), "/b/", Likeness("text/html", "T", 9))
    pages = (
        Page("/", "/"),
        Page("add", "/{slug}/", 2.5, "POST", (("Cookie", "a=1"),), '{"n": "{n}"}', (("slug", ("a", "b")),), expect),
    )
    plan = LoadPlan([8001, 8002], (pages, pages[:1]), 1_000_000_001, 5.0, 60.0, 1, 2, "rows")
    assert LoadPlan.from_json(json.dumps(asdict(plan))) == plan


def test_locust_can_read_the_messages_with_nothing_installed() -> None:
    # -S leaves out every package that is installed.
    code = "import sys, stackmatrix.load.protocol; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    child = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    imported = {name.split(".")[0] for name in child.stdout.split()}
    assert "stackmatrix" in imported
    assert imported - sys.stdlib_module_names - {"__main__"} == {"stackmatrix"}
