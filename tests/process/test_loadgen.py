"""Real locust against a stand-in: what is recorded is what was asked and answered, in both models and all processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from stackmatrix.analysis.level import checks, limiter
from stackmatrix.analysis.level.facts import LevelFacts, RecorderTally
from stackmatrix.analysis.level.requests import LevelRows, Rows, decode_rows
from stackmatrix.analysis.level.usage import Use
from stackmatrix.errors import TrialError
from stackmatrix.load import generator as loadgen
from stackmatrix.load import process as loadprocess
from stackmatrix.load.generator import DrivenLevel, LoadGenerator, Moment
from stackmatrix.load.protocol import Drop, LevelOrder, Order, RampOrder, Start, Stop
from stackmatrix.matrix.arrivals import arrivals, climbing, drop_seed, plan_seed, planned
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.results import rows
from stackmatrix.system import http, processes
from stackmatrix.testbed import external_api

AFTER_50_MS = Workload("after", "", one_page("/after/50/"), (50,))
SEED = 42

type Load = Callable[..., LoadGenerator]


def nothing(*_: object) -> None:
    pass


@pytest.fixture
def load(tmp_path: Path, target_port: int, api_port: int) -> Load:
    """Makes a load generator; by default its target answers correctly after 50 ms."""

    def make(
        workload: Workload = AFTER_50_MS,
        *,
        port: int | Sequence[int] = target_port,
        count: int = 1,
        cores: tuple[int, ...] = (),
    ) -> LoadGenerator:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return LoadGenerator(
            folder=folder,
            ports=[port] if isinstance(port, int) else port,
            workloads=[workload] * (1 if isinstance(port, int) else len(port)),
            cores=cores,
            count=count,
            read_api=partial(external_api.read_figures, api_port),
        )

    return make


def closed(users: int, *, level: int = 0, settle_s: float = 0.5, window_s: float = 1.0) -> LevelOrder:
    return LevelOrder.measure(level, LoadLevel("closed", users), settle_s, window_s, seed=SEED)


def opened(
    rate: float,
    *,
    level: int = 0,
    settle_s: float = 0.5,
    window_s: float = 1.0,
    seed: int = SEED,
    mark: int | None = None,
) -> LevelOrder:
    return LevelOrder.measure(level, LoadLevel("open", rate), settle_s, window_s, seed=seed, mark=mark)


def drive(
    generator: LoadGenerator, orders: Sequence[LevelOrder], tick: Callable[[], None] = nothing
) -> list[DrivenLevel]:
    """All levels, and then the end; whatever was recorded until then is what locust counted, without an exception."""
    driven = []
    with generator:
        generator.wait_ready(nothing)
        for order in orders:
            driven.append(generator.run(order, nothing, tick))
            sent = decode_rows(generator.rows())["outcome"] != rows.NO_SLOT
            assert replace(driven[-1].recorded, wrong=()) == RecorderTally(int(sent.sum()), int(sent.sum()), 0)
        generator.finish(nothing)
    return driven


def rows_of(generator: LoadGenerator) -> list[Rows]:
    """What each process has recorded."""
    return [decode_rows(process.rows_path.read_bytes()) for process in generator._processes]


def test_a_closed_level_keeps_its_users_under_way_and_rows_are_in_the_phase_they_were_meant_for(load: Load) -> None:
    users = 8
    one, warm = drive(
        load(replace(AFTER_50_MS, pages=one_page("/after/100/"))),
        [closed(users, level=3, window_s=2), LevelOrder.warmup(0.5)],
    )
    level = one.rows
    assert 0.8 * users <= level.in_flight_mean <= 1.05 * users
    assert len(level.correct) == len(level.window) > 0
    assert level.response_ms.min() >= 100
    assert level.failures() == {}
    intended = level.all["intended_s"]
    assert level.end_s - level.start_s == pytest.approx(2)
    assert one.started_s == pytest.approx(level.start_s - 0.5)
    assert (level.all["phase"] == np.select([intended < level.start_s, intended < level.end_s], [0, 1], 2)).all()
    assert {*level.all["phase"]} == {rows.SETTLE, rows.WINDOW, rows.TAIL}
    assert (intended >= one.started_s).all()
    assert (level.all["done_s"] <= one.drained_s).all()
    # Each visitor has one connection, and keeps it.
    assert (level.all["opened"].sum(), level.all["attempts"].max()) == (users, 1)
    assert {*level.all["level"]} == {3}
    # The warm-up is apart from all levels.
    assert {*warm.rows.all["level"]} == {rows.WARMUP_LEVEL}
    assert warm.rows.start_s >= one.drained_s


@pytest.fixture
def start_standin(
    free_port: Callable[[], int],
    standin_command: Callable[..., tuple[str, ...]],
    start_child: Callable[[Sequence[str]], object],
    wait_for: Callable[[Callable[[], object]], None],
) -> Callable[..., int]:
    """Starts another stand-in, with options; returns its port."""

    def start(*options: str) -> int:
        port = free_port()
        start_child(standin_command(port, *options))
        wait_for(lambda: http.try_get(port, "/seen/"))
        return port

    return start


def seen(port: int) -> int:
    """How many requests a stand-in has had for the page that comes after 50 ms."""
    return int(json.loads(http.get(port, "/seen/").body).get(AFTER_50_MS.pages[0].path, 0))


@pytest.mark.parametrize("targets", [2, 3])
@pytest.mark.parametrize("count", [1, 2])
def test_one_process_drives_several_targets_and_arrivals_go_round_them_however_many_processes_there_are(
    load: Load, target_port: int, start_standin: Callable[..., int], targets: int, count: int
) -> None:
    ports = (target_port, *(start_standin() for _ in range(targets - 1)))
    before = list(map(seen, ports))
    (driven,) = drive(load(port=ports, count=count), [opened(60)])
    shares = [driven.rows.of_target(number) for number in range(targets)]
    # Each target has had the requests that are recorded as its own, and no others.
    assert [len(share.all) for share in shares] == [seen(port) - at for port, at in zip(ports, before, strict=True)]
    assert sum(len(share.all) for share in shares) == len(driven.rows.all)
    assert driven.rows.failures() == {}
    for number, share in enumerate(shares):
        came = sorted(share.all["intended_s"] - driven.started_s)
        assert came == pytest.approx(due(60, SEED, 1_000)[number::targets][: len(came)], abs=1e-6)
        assert len(share.window) > 5
        assert (share.start_s, share.end_s) == (driven.rows.start_s, driven.rows.end_s)


@pytest.mark.parametrize("count", [1, 2])
def test_arrivals_go_to_the_targets_in_the_turns_that_are_ordered(
    load: Load, target_port: int, start_standin: Callable[..., int], count: int
) -> None:
    turns = [0, 1, 0]
    order = replace(opened(60), turns=turns)
    (driven,) = drive(load(port=(target_port, start_standin()), count=count), [order])
    planned = due(60, SEED, 1_000)
    for target in range(2):
        share = driven.rows.of_target(target)
        came = np.sort(share.all["intended_s"]) - (driven.rows.start_s - order.settle_s)
        mine = [at_s for number, at_s in enumerate(planned) if turns[number % 3] == target]
        assert len(came) > 5
        assert came == pytest.approx(mine[: len(came)], abs=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_each_target_has_visitors_of_its_own_and_a_slow_one_does_not_take_those_of_the_others(
    load: Load, target_port: int, start_standin: Callable[..., int], count: int
) -> None:
    slow, visitors = 1, 90
    ports = (target_port, start_standin("--later-ms", "2500"), start_standin())
    # Forty arrivals a second at each, for whom the slow one has thirty visitors.
    order = replace(opened(120), visitors=visitors)
    users = replace(closed(6, level=1), settle_s=0.2)
    driven, kept = drive(load(port=ports, count=count), [order, users])
    shares = [driven.rows.of_target(number) for number in range(3)]
    for number, share in enumerate(shares):
        assert share.failures().keys() == ({"no free slot"} if number == slow else set())
        sent = share.all[share.all["outcome"] != rows.NO_SLOT]
        assert 0 < sent["opened"].sum() <= visitors // 3
    # All of its own were waiting for it when others came.
    assert shares[slow].all["opened"].sum() == visitors // 3
    # In a closed loop, too: two users ask each target, and nobody else does.
    for number in range(3):
        share = kept.rows.of_target(number)
        assert int(share.all["opened"].sum()) == 2
        assert {*share.all["outcome"]} == {rows.OK}


def test_load_stays_on_until_the_last_request_of_the_window_has_ended(load: Load) -> None:
    (driven,) = drive(load(replace(AFTER_50_MS, pages=one_page("/one-by-one/100/"))), [closed(5)])
    level = driven.rows
    last_s = level.window["done_s"].max()
    assert last_s > level.end_s
    for at_s in np.linspace(level.start_s, last_s - 0.001, 50):
        assert 4 <= level.under_way(at_s) <= 5  # one may have been answered and be about to ask again


def test_every_kind_of_failure_is_counted_in_its_class_as_the_target_gave_it(load: Load, target_port: int) -> None:
    before = Counter(http.get(target_port, "/seen/").json())
    (driven,) = drive(load(Workload("each", "", one_page("/each/"), (1,))), [closed(3)])
    gave = Counter(http.get(target_port, "/seen/").json()) - before
    level = driven.rows
    told = Counter(rows.OUTCOMES[outcome] for outcome in level.all["outcome"])
    assert told == {
        "ok": gave["/after/1/"],
        "wrong body": gave["/wrong/"],
        "status": gave["/status/500/"] + gave["/status/404/"],
        "connection": gave["/cut/"] + gave["/garbage/"],
    }
    assert min(told.values()) > 0
    assert level.failures().keys() == {"connection", "status 404", "status 500", "wrong body"}
    # Why, is told of each kind of answer once.
    assert sorted(one.words for one in driven.recorded.wrong) == [
        "/each/ answered 404 where 200 is right",
        "/each/ answered 500 where 200 is right",
        "/each/ is not the page that was expected",
    ]
    # What the target saw is what was sent: nothing was repeated.
    assert gave["/each/"] == len(level.all) == level.all["attempts"].sum()


def test_a_request_that_the_target_drops_is_a_failure_and_is_not_silently_sent_again(
    load: Load, target_port: int
) -> None:
    before = Counter(http.get(target_port, "/seen/").json())
    (driven,) = drive(load(Workload("close", "", one_page("/close/"), (1,))), [closed(2, settle_s=0.1, window_s=0.3)])
    gave = Counter(http.get(target_port, "/seen/").json()) - before
    assert driven.rows.failures() == {"connection": len(driven.rows.window)}
    assert gave["/close/"] == len(driven.rows.all) > 0


def test_a_request_on_a_kept_connection_that_was_closed_meanwhile_is_sent_again_and_counted(
    load: Load, target_port: int
) -> None:
    before = Counter(http.get(target_port, "/seen/").json())
    (driven,) = drive(load(Workload("turns", "", one_page("/turns/"), (1,))), [closed(1, settle_s=0.1, window_s=0.5)])
    level = driven.rows
    gave = Counter(http.get(target_port, "/seen/").json()) - before
    assert level.failures() == {}
    # Every second request on a connection is dropped; on its new one, the visitor is answered.
    assert level.all["attempts"].tolist() == [1, *[2] * (len(level.all) - 1)]
    assert gave["/turns/"] == level.all["attempts"].sum()
    assert (level.all["opened"] == 1).all()


def test_a_target_that_is_not_there_is_a_failure_of_the_connection(load: Load, free_port: Callable[[], int]) -> None:
    (driven,) = drive(load(port=free_port()), [closed(1, settle_s=0.1, window_s=0.3)])
    assert driven.rows.failures() == {"connection": len(driven.rows.window)}
    assert len(driven.rows.window) > 0


@pytest.mark.parametrize("path", ["/never/", "/drip/"])
def test_a_request_without_a_whole_answer_in_time_is_a_time_out_be_there_a_byte_now_and_then(
    load: Load, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(loadgen, "REQUEST_TIMEOUT_S", 0.4)
    (driven,) = drive(load(Workload("never", "", one_page(path), (1,))), [closed(2, settle_s=0.1)])
    assert driven.rows.failures() == {"time-out": len(driven.rows.window)}
    waited_s = driven.rows.window["done_s"] - driven.rows.window["sent_s"]
    assert waited_s.min() >= 0.4


def plan_of(driven: DrivenLevel) -> list[float]:
    """When the requests of a level's window were meant to start, from its start on."""
    return [float(at) for at in sorted(driven.rows.window["intended_s"] - driven.started_s)]


def test_an_open_level_follows_the_same_plan_for_the_same_seed_and_another_for_another(load: Load) -> None:
    one, two = (opened(200, level=level, settle_s=0.1, window_s=0.5) for level in (1, 2))
    first, other_level, other_seed = drive(load(), [one, two, replace(one, seed=plan_seed(SEED + 1, 1))])
    (again,) = drive(load(replace(AFTER_50_MS, pages=one_page("/after/80/"))), [one])
    assert plan_of(again) == pytest.approx(plan_of(first), abs=1e-6)
    assert len(plan_of(first)) > 50
    for other in (other_level, other_seed):
        assert plan_of(other)[:5] != pytest.approx(plan_of(first)[:5], abs=1e-3)


RAMP = RampOrder(5, [40.0, 80.0], [1.0, 1.0], 60, plan_seed(SEED, 5))


def climb(
    generator: LoadGenerator, order: RampOrder, watch: Callable[[Rows, float], Drop | Stop | None]
) -> tuple[DrivenLevel, list[Moment]]:
    """One ramp and then the end; what was sent and not given up is what locust counted, without an exception."""
    moments: list[Moment] = []
    with generator:
        generator.wait_ready(nothing)
        driven = generator.climb(order, nothing, moments.append, nothing, watch)
        generator.finish(nothing)
    unseen = np.isin(driven.rows.all["outcome"], (rows.NO_SLOT, rows.UNFINISHED))
    sent = len(driven.rows.all) - int(unseen.sum())
    assert driven.recorded == RecorderTally(sent, sent, 0)
    return driven, moments


def stop_at(count: int) -> Callable[[Rows, float], Stop | None]:
    """Stops a ramp at that look, counted from 1."""
    looks: list[Rows] = []

    def watch(recorded: Rows, _known_s: float) -> Stop | None:
        looks.append(recorded)
        return Stop() if len(looks) == count else None

    return watch


@pytest.mark.parametrize("count", [1, 2])
def test_a_ramp_follows_its_plan_until_the_load_drops_and_then_that_of_the_lower_rate(load: Load, count: int) -> None:
    drops: list[Drop] = []

    def watch(_recorded: Rows, known_s: float) -> Drop | Stop | None:
        if not drops:
            drops.append(Drop(known_s + loadgen.FLUSHED_S + loadgen.DROP_DELAY_S, 20.0))
            return drops[0]
        return Stop() if known_s > drops[0].at_s + 1 else None

    driven, moments = climb(load(count=count), RAMP, watch)
    level, dropped_s = driven.rows, drops[0].at_s
    assert (level.start_s, level.end_s) == (driven.started_s, dropped_s)
    assert moments == [Moment.START, Moment.END]
    came = np.sort(level.all["intended_s"])
    climbed = [at_s for at_s in climbing(RAMP.rates, RAMP.seconds, driven.started_s, RAMP.seed) if at_s < dropped_s]
    assert came[came < dropped_s] == pytest.approx(climbed, abs=1e-6)
    after = came[came >= dropped_s]
    assert after == pytest.approx([*islice(arrivals(20.0, dropped_s, drop_seed(RAMP.seed)), len(after))], abs=1e-6)
    assert min(len(climbed), len(after)) > 10
    assert {*level.all["level"]} == {5}


def test_whatever_is_answered_is_known_to_the_harness_while_the_ramp_lasts(load: Load) -> None:
    looks: list[tuple[float, Rows]] = []

    def watch(recorded: Rows, known_s: float) -> Drop | Stop | None:
        looks.append((known_s, recorded))
        return Stop() if len(looks) == 4 else None

    driven, _ = climb(load(), RAMP, watch)
    for known_s, recorded in looks:
        answered = driven.rows.all[driven.rows.all["done_s"] < known_s]
        assert set(answered["intended_s"]) <= set(recorded["intended_s"])
    assert len(looks[-1][1]) > 10


def test_a_ramp_that_is_over_has_no_more_arrivals_until_it_is_stopped(load: Load) -> None:
    order = replace(RAMP, rates=[40.0], seconds=[0.5])
    driven, moments = climb(load(), order, stop_at(4))
    assert len(driven.rows.all) == len([*climbing([40.0], [0.5], 0.0, RAMP.seed)]) > 10
    assert driven.rows.failures() == {}
    assert moments == [Moment.START, Moment.END]


def test_what_is_under_way_when_a_ramp_is_stopped_is_given_up_and_recorded_so(load: Load) -> None:
    driven, _ = climb(load(Workload("never", "", one_page("/never/"), (1,))), RAMP, stop_at(3))
    level = driven.rows
    assert {*level.all["outcome"]} <= {rows.UNFINISHED, rows.NO_SLOT}
    given_up = level.all[level.all["outcome"] == rows.UNFINISHED]
    assert len(given_up) > 20
    # All at once, and long before the time-out of a request; each as long as it had been under way.
    assert np.ptp(given_up["done_s"]) < 1
    assert (given_up["done_s"] > given_up["sent_s"]).all()
    assert given_up["sent_s"] - given_up["intended_s"] == pytest.approx(0, abs=0.1)


def test_a_ramp_that_finds_no_free_visitor_goes_on_and_a_level_can_follow_it(load: Load) -> None:
    generator = load(replace(AFTER_50_MS, pages=one_page("/after/1000/")))
    with generator:
        generator.wait_ready(nothing)
        ramp = generator.climb(replace(RAMP, visitors=5), nothing, nothing, nothing, stop_at(4))
        level = generator.run(closed(2, level=6), nothing, nothing)
        generator.finish(nothing)
    outcomes = Counter(map(int, ramp.rows.all["outcome"]))
    assert min(outcomes[rows.NO_SLOT], outcomes[rows.OK], outcomes[rows.UNFINISHED]) > 0
    assert outcomes[rows.UNFINISHED] <= 5
    assert level.rows.failures() == {}
    assert {*level.rows.all["level"]} == {6}


def test_locust_that_is_killed_within_a_ramp_ends_it_with_a_reason(load: Load) -> None:
    generator = load()

    def kill(_recorded: Rows, _known_s: float) -> None:
        os.kill(generator.pids[0], signal.SIGKILL)

    with pytest.raises(TrialError, match=r"^The load generator ended by itself"), generator:  # noqa: PT012 - whatever comes first
        generator.wait_ready(nothing)
        generator.climb(RAMP, nothing, nothing, nothing, kill)
    assert not processes.is_running(generator.pids[0])


def test_a_second_attempt_has_the_plan_of_the_first_and_a_mark_of_its_own(load: Load) -> None:
    first, again = drive(load(), [opened(100, level=3), opened(100, level=3, mark=12)])
    assert plan_of(again) == pytest.approx(plan_of(first), abs=1e-6)
    assert ({*first.rows.all["level"]}, {*again.rows.all["level"]}) == ({3}, {12})


def due(rate: float, seed: int, count: int) -> list[float]:
    """When the first arrivals of level 0 are due, from the level's start on."""
    return list(islice(arrivals(rate, 0.0, plan_seed(seed, 0)), count))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_arrival_of_the_plan_is_made_once_by_one_of_the_processes(load: Load, count: int) -> None:
    generator = load(count=count)
    order = opened(200)
    (driven,) = drive(generator, [order])
    level = driven.rows
    assert level.failures() == {}
    until_end = level.all[level.all["phase"] != rows.TAIL]["intended_s"] - driven.started_s
    assert sorted(until_end) == pytest.approx(due(200, SEED, len(until_end)), abs=1e-6)
    assert len(level.window) == planned(200, order.settle_s, order.window_s, order.seed) > 100
    # The processes take turns, so that each has as much to do as the others.
    shares = [sorted(one["intended_s"] - driven.started_s) for one in rows_of(generator)]
    for number, share in enumerate(shares):
        assert share == pytest.approx(due(200, SEED, 2_000)[number::count][: len(share)], abs=1e-6)
    assert len(shares) == count


# Several processes


def test_users_are_divided_among_the_processes_and_all_of_them_are_under_way(load: Load) -> None:
    generator = load(replace(AFTER_50_MS, pages=one_page("/after/100/")), count=2)
    (driven,) = drive(generator, [closed(5, window_s=2)])
    level = driven.rows
    assert 0.8 * 5 <= level.in_flight_mean <= 1.05 * 5
    assert level.failures() == {}
    assert len(level.window) == len(level.correct) > 0
    # Each visitor has opened one connection.
    assert [int(one["opened"].sum()) for one in rows_of(generator)] == [3, 2]


def drive_and_stop(
    generator: LoadGenerator, number: int, ordered: LevelOrder, from_s: float, until_s: float
) -> LevelRows:
    """A level of which one process is stopped for some time, both ends of it told from the window's start on."""
    signals = [(until_s, signal.SIGCONT), (from_s, signal.SIGSTOP)]
    window_start_s = float("inf")
    tell = generator._send

    def hear_start(order: Order) -> None:
        nonlocal window_start_s
        if isinstance(order, Start):
            window_start_s = order.start_s + ordered.settle_s
        tell(order)

    def tick() -> None:
        if signals and time.monotonic() >= window_start_s + signals[-1][0]:
            os.kill(generator.pids[number], signals.pop()[1])

    generator._send = hear_start  # type: ignore[method-assign] # nobody else is told when a level starts
    with generator:
        generator.wait_ready(nothing)
        driven = generator.run(ordered, nothing, tick)
        generator.finish(nothing)
    assert signals == []
    return driven.rows


def test_load_stays_on_in_every_process_until_the_last_one_has_settled(load: Load) -> None:
    generator = load(count=2)
    level = drive_and_stop(generator, 1, closed(4, window_s=2), from_s=1.0, until_s=2.7)
    first, second = rows_of(generator)
    settled_s = [one[one["phase"] == rows.WINDOW]["done_s"].max() for one in (first, second)]
    assert settled_s[1] >= level.start_s + 2.7  # it was stopped with requests of the window under way
    assert settled_s[0] < settled_s[1] <= first["done_s"].max()


@pytest.mark.parametrize("count", [1, 2])
def test_a_generator_that_is_stopped_across_the_windows_end_makes_every_planned_arrival_all_the_same(
    load: Load, count: int
) -> None:
    order = opened(100, window_s=2)
    level = drive_and_stop(load(count=count), count - 1, order, from_s=1.0, until_s=2.3)
    assert len(level.window) == planned(100, order.settle_s, order.window_s, order.seed) > 150
    assert level.failures() == {}
    assert level.lag_ms.max() >= 300  # of the last arrivals before the window's end


def test_load_stays_on_for_late_requests_of_the_window_that_have_still_to_begin(load: Load) -> None:
    """Stopped before its window and until after, a generator owes the requests of both: those of before come first."""
    order = opened(300, settle_s=2, window_s=0.5)
    level = drive_and_stop(
        load(replace(AFTER_50_MS, pages=one_page("/after/1000/"))), 0, order, from_s=-1.7, until_s=0.7
    )
    # Each takes a second, which is long enough to send all that was owed and to be on time again.
    owed_s = level.window["done_s"].max() - 0.5 - (level.start_s - order.settle_s)
    assert owed_s > order.settle_s + order.window_s + 0.5
    made = level.all["intended_s"] - (level.start_s - order.settle_s)
    assert (made <= owed_s).sum() == sum(at_s <= owed_s for at_s in due(300, SEED, 3_000))


OWES = """
import sys
sys.path.insert(0, sys.argv[1])
import locust, gevent
from driver import Window
window = Window(0, 0.0, 1.0)
window.leave(window.enter(0.5))
print(gevent.with_timeout(0.2, window.wait_settled, timeout_value="waits"))
window.planned.set()
print(gevent.with_timeout(5, window.wait_settled, timeout_value="waits"))
"""


def test_a_window_has_not_settled_while_a_late_generator_may_owe_requests_even_if_none_is_under_way() -> None:
    command = [sys.executable, "-c", OWES, str(processes.PROJECT / "locust")]
    environment = processes.child_environment(PYTHONPATH=str(processes.SOURCE))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.split() == ["waits", "None"], done.stderr


@pytest.fixture
def stoppable(
    start_child: Callable[..., object],
    standin_command: Callable[..., tuple[str, ...]],
    free_port: Callable[[], int],
    wait_for: Callable[[Callable[[], object]], None],
) -> tuple[int, int]:
    """Port and process of a stand-in of its own, which a test may stop."""
    port = free_port()
    child = start_child(standin_command(port))
    wait_for(lambda: http.try_get(port, "/seen/"))
    return port, child.pid  # type: ignore[attr-defined]


def stall(pid: int, seconds: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


def drive_stalled(generator: LoadGenerator, pid: Callable[[], int], order: LevelOrder) -> LevelRows:
    """A level in whose window a process is stopped for a second."""

    def on_window(moment: Moment) -> None:
        if moment is Moment.START:
            stall(pid(), 1.0)

    with generator:
        generator.wait_ready(nothing)
        driven = generator.run(order, on_window, nothing)
        generator.finish(nothing)
    return driven.rows


def test_a_stall_of_the_target_is_charged_to_every_visitor_that_it_delayed(
    load: Load, stoppable: tuple[int, int]
) -> None:
    port, pid = stoppable
    level = drive_stalled(load(port=port), lambda: pid, opened(50, window_s=3))
    assert level.failures() == {}
    # Fifty arrived in that second, evenly: half of them waited for more than half of it, though they had been sent.
    assert (level.response_ms - level.lag_ms > 500).sum() >= 15
    assert np.sort(level.response_ms)[-2] > 850


def test_a_stall_of_the_generator_is_billed_from_the_intended_start_and_seen_as_lag(load: Load) -> None:
    generator = load()
    level = drive_stalled(generator, lambda: generator.pids[0], opened(50, window_s=3))
    window = level.window
    late = window["sent_s"] - window["intended_s"] > 0.5
    assert late.sum() >= 15
    # Each is billed from when it should have been sent, not from when it was.
    service_ms = (window["done_s"] - window["sent_s"]) * 1000
    assert level.response_ms[late] == pytest.approx((level.lag_ms + service_ms)[late])
    assert level.response_ms[late].min() > 500
    assert np.median(service_ms[late]) < np.median(level.lag_ms[late])


def comes_early(at_s: Sequence[float]) -> bool:
    """Whether all arrivals but the last are due in the first second, and the last is well after it."""
    return at_s[-2] < 0.9 and at_s[-1] > 2


def test_an_arrival_that_finds_no_free_visitor_is_a_failure_of_its_own(load: Load) -> None:
    # There are visitors for ten seconds of arrivals: here one, who is kept busy while two more arrive.
    rate = 0.1
    seed = next(seed for seed in range(100_000) if comes_early(due(rate, seed, 4)))
    (driven,) = drive(load(replace(AFTER_50_MS, pages=one_page("/after/1000/"))), [opened(rate, settle_s=0, seed=seed)])
    assert driven.rows.failures() == {"no free slot": 2}
    assert len(driven.rows.correct) == 1
    assert plan_of(driven) == pytest.approx(due(rate, seed, 3), abs=1e-6)


def test_an_open_level_ends_with_its_window_though_its_next_arrival_is_minutes_away(load: Load) -> None:
    seed = next(seed for seed in range(10_000) if due(0.01, seed, 1)[0] > 240)
    (driven,) = drive(load(), [opened(0.01, seed=seed)])
    assert len(driven.rows.all) == 0
    assert driven.drained_s < driven.started_s + due(0.01, seed, 1)[0]


def test_the_external_apis_figures_are_of_this_level_from_its_start_to_its_drain(load: Load) -> None:
    workload = Workload("calls", "", one_page("/calls/30,60,15/parallel"), (30, 60, 15))
    before, driven = drive(load(workload), [closed(2), closed(4, level=1)])
    for one in (before, driven):
        assert one.api_before is not None
        assert one.api_after is not None
        assert one.api_after.calls_started - one.api_before.calls_started == 3 * len(one.rows.all)
        assert one.api_after.in_flight == 0
    assert driven.api_before is not None
    assert before.api_after is not None
    assert driven.api_before.calls_finished == before.api_after.calls_finished
    assert checks.check_conservation(facts_of(driven, workload)) is None
    assert checks.check_littles_law(facts_of(driven, workload)) is None
    wrong = replace(workload, delays_ms=(30, 60))
    found = checks.check_conservation(facts_of(driven, wrong))
    assert found is not None
    assert found.code == "conservation"


def facts_of(driven: DrivenLevel, workload: Workload) -> LevelFacts:
    use = Use(1.0, 0.1, 1, 1, None)
    return LevelFacts(
        plan=LoadLevel("closed", 4), workload=workload, stack=next(iter(STACKS.values())), rows=driven.rows,
        uses={"target": use, "generator": use, "external_api": use}, api_before=driven.api_before,
        api_after=driven.api_after, target_pids_verified=(), target_pids_now=(),
    )  # fmt: skip


def test_an_external_api_that_is_not_there_has_no_figures(
    tmp_path: Path, target_port: int, free_port: Callable[[], int]
) -> None:
    generator = LoadGenerator(
        folder=tmp_path,
        ports=[target_port],
        workloads=[AFTER_50_MS],
        cores=(),
        read_api=partial(external_api.read_figures, free_port()),
    )
    (driven,) = drive(generator, [closed(1, settle_s=0.1, window_s=0.2)])
    assert (driven.api_before, driven.api_after) == (None, None)


def test_an_open_level_beyond_capacity_shows_what_the_target_could_do(load: Load) -> None:
    """A target that answers 20 a second at most is asked 50: it answers all of them, but not within the window."""
    (driven,) = drive(load(replace(AFTER_50_MS, pages=one_page("/one-by-one/50/"))), [opened(50, settle_s=0.2)])
    assert len(driven.rows.correct) == len(driven.rows.window) > 30
    assert len(driven.rows.answered) <= 20 + 1
    facts = replace(facts_of(driven, AFTER_50_MS), plan=LoadLevel("open", 50))
    assert limiter.name_limiter(facts, ()) != "users"


@pytest.mark.parametrize("count", [1, 2])
def test_locust_that_is_killed_in_the_middle_ends_the_trial_with_a_reason(load: Load, count: int) -> None:
    generator = load(count=count)

    def kill(moment: Moment) -> None:
        if moment is Moment.START:
            os.kill(generator.pids[-1], signal.SIGKILL)

    with pytest.raises(TrialError, match=r"^The load generator ended by itself"), generator:  # noqa: PT012 - whatever comes first
        generator.wait_ready(nothing)
        generator.run(closed(2, window_s=30), kill, nothing)
    assert not any(map(processes.is_running, generator.pids))


def test_locust_that_was_killed_between_two_levels_ends_the_trial_with_a_reason(
    load: Load, wait_for: Callable[[Callable[[], object]], None]
) -> None:
    with pytest.raises(TrialError, match=r"^The load generator ended by itself"), load() as generator:  # noqa: PT012 - leaving is tried, too
        generator.wait_ready(nothing)
        os.kill(generator.pids[0], signal.SIGKILL)
        wait_for(lambda: not processes.is_running(generator.pids[0]))
        generator.run(closed(1), nothing, nothing)


def test_locust_that_falls_silent_ends_the_trial_with_what_was_expected_of_it(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loadgen, "START_TIMEOUT_S", 0.3)
    told = r"^The load generator was silent for 0\.3 s, where Ready was expected\.$"
    with pytest.raises(TrialError, match=told), load(count=2) as generator:  # noqa: PT012 - leaving is tried, too
        os.kill(generator.pids[1], signal.SIGSTOP)
        generator.wait_ready(nothing)
    assert not any(map(processes.is_running, generator.pids))


def test_locust_that_says_something_else_than_is_expected_ends_the_trial_with_both(load: Load) -> None:
    told = r"^The load generator sent Ready where Prepared was expected\.$"
    with pytest.raises(TrialError, match=told), load() as generator:
        generator.run(closed(1), nothing, nothing)


def test_when_one_process_cannot_be_started_the_others_are_ended(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    start = processes.start
    started: list[subprocess.Popen[bytes]] = []

    def start_one(*arguments: Any, **options: Any) -> object:
        if started:
            raise OSError("no more processes")
        started.append(start(*arguments, **options))
        return started[0]

    monkeypatch.setattr(processes, "start", start_one)
    with pytest.raises(OSError, match="no more processes"), load(count=2):
        raise AssertionError
    assert started[0].returncode is not None


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")
def test_each_process_has_a_core_of_its_own_where_there_are_enough(load: Load) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    first, last = allowed[0], allowed[-1]
    for cores, wanted in (((first, last), [[first], [last]]), ((last,), [[last], [last]]), ((), [allowed, allowed])):
        with load(count=2, cores=cores) as generator:
            generator.wait_ready(nothing)
            assert [psutil.Process(pid).cpu_affinity() for pid in generator.pids] == wanted
            generator.finish(nothing)


def test_a_trial_that_ends_in_the_middle_of_a_level_ends_locust(load: Load) -> None:
    generator = load()

    def give_up(moment: Moment) -> None:
        if moment is Moment.START:
            raise TrialError("The target is gone.")

    with pytest.raises(TrialError, match=r"^The target is gone\.$"), generator:  # noqa: PT012 - whatever comes first
        generator.wait_ready(nothing)
        generator.run(closed(2, window_s=30), give_up, nothing)
    assert not processes.is_running(generator.pids[0])


def test_a_driver_that_fails_ends_the_trial_with_its_error(load: Load) -> None:
    with pytest.raises(TrialError, match=r"^The load generator failed: ZeroDivisionError"), load() as generator:  # noqa: PT012 - whatever comes first
        generator.wait_ready(nothing)
        generator.run(closed(0), nothing, nothing)


def test_a_generator_that_has_no_files_left_is_a_failure_of_its_own_and_not_the_targets(load: Load) -> None:
    """Thirty visitors, of whom ten at most find a file for their connection."""
    generator = load()
    with generator:
        generator.wait_ready(nothing)
        generator.run(
            LevelOrder.warmup(0.2), nothing, nothing
        )  # Python reads files, too, when a module is first needed
        process = psutil.Process(generator.pids[0])
        limit = process.num_fds() + 10
        process.rlimit(psutil.RLIMIT_NOFILE, (limit, limit))
        driven = generator.run(closed(30, window_s=0.5), nothing, nothing)
        generator.finish(nothing)
    level = driven.rows
    assert level.failures().keys() == {"generator exhausted"}
    assert len(level.correct) > 0
    found = checks.check_generator_limits(facts_of(driven, AFTER_50_MS))
    assert found is not None
    assert found.code == "generator-exhausted"


def test_a_request_that_could_not_be_recorded_is_missing_from_the_count_and_its_exception_is_told(load: Load) -> None:
    generator = load()
    with generator:
        generator.wait_ready(nothing)
        whole = generator.run(closed(2, window_s=0.5), nothing, nothing).recorded
        # A mark that does not fit into a row makes the recorder fail, which locust only logs.
        driven = generator.run(replace(closed(2, window_s=0.5), level=70_000), nothing, nothing)
        generator.finish(nothing)
    assert (whole.recorded, whole.exceptions) == (whole.counted, 0)
    assert driven.recorded.recorded == whole.recorded < driven.recorded.counted
    assert driven.recorded.exceptions > 0


def test_locust_that_cannot_start_is_told_with_its_log(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loadprocess, "LOCUSTFILE", Path("/no/such/locustfile.py"))
    with pytest.raises(TrialError, match=r"ended by itself: .*locustfile"), load() as generator:
        generator.wait_ready(nothing)


def test_waiting_for_an_event_is_watched(load: Load) -> None:
    def tick() -> Iterator[None]:
        raise TrialError("Under load, it ended.")

    with pytest.raises(TrialError, match=r"^Under load, it ended\.$"), load() as generator:
        generator.wait_ready(tick)  # type: ignore[arg-type]


def test_the_harness_itself_is_not_patched_by_locust() -> None:
    assert "locust" not in sys.modules
    assert not getattr(time.sleep, "__module__", "").startswith("gevent")
