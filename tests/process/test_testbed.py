"""A testbed of what is in no table of the project: subjects given as objects, one alone or several side by side."""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from stackmatrix.analysis.level import checks
from stackmatrix.analysis.level.usage import FOREIGN_SHARE, SERVICES, Role
from stackmatrix.errors import TrialError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.app import BUILT_IN, App, Database
from stackmatrix.matrix.arrivals import planned
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.ladder import LoadLevel, rates, users
from stackmatrix.matrix.profiles import PROFILES, LadderLengths
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import WORKLOADS, Workload, one_page
from stackmatrix.measurements.ladder.run import LadderRun, LadderSetting
from stackmatrix.system import http, logs, processes
from stackmatrix.system.cores import divide_cores
from stackmatrix.testbed import testbed
from stackmatrix.testbed.supervisor import API
from stackmatrix.testbed.testbed import Load
from stackmatrix.testbed.unloaded import TIMES, measure_unloaded
from stackmatrix.testbed.watch import SubjectError

pytestmark = pytest.mark.alone

HERE = Path(__file__).parent
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
DELAYS_MS = (100, 200, 50)
PAGE = "<p>Orders of the day</p>"
PATH = "/calls/100,200,50/parallel"
ORDERS = Workload("orders", "", one_page(PATH, r"<p>Orders of the \w+</p>"), DELAYS_MS)
MENU = one_page(PATH, "<p>Menu of the day</p>")
SHOP = App(name="shop", wsgi="", asgi="", requirements=())
SEED = 1
BUSY_A_THIRD = """
import time
while True:
    end_s = time.monotonic() + 0.1
    while time.monotonic() < end_s:
        pass
    time.sleep(0.2)
"""


def nothing(*_: object) -> None:
    pass


def subject_of(stack: Stack, workload: Workload = ORDERS, app: App = SHOP) -> Subject:
    cell = Cell(stack=stack.name, python=THIS_PYTHON, workload=workload.name)
    return Subject(cell, stack, workload, app, Installation(Path(sys.prefix), "no lock"))


def standin(name: str = "standin", *options: str, workload: Workload = ORDERS) -> Subject:
    """A stand-in as a stack of its own. It finds the external API by what circus gives it."""
    command = ("{bin}/python", str(HERE / "standin.py"), "--port", "{port}", "--page", PAGE, *options)
    stack = Stack(name, "", "standin", (), "ASGI", "event loop", None, command)
    assert name not in STACKS
    assert workload.name not in WORKLOADS
    return subject_of(stack, workload)


@contextmanager
def verified(*subjects: Subject) -> Iterator[testbed.Testbed]:
    """A testbed of subjects of one workload that are verified and warm."""
    with testbed.start(subjects, divide_cores(), Load(), nothing) as bed:
        bed.verify()
        bed.warm_up(LevelOrder.warmup(0.5))
        yield bed


@dataclass(frozen=True)
class InItsPlace:
    """Gives a stand-in the place of somebody's own application."""

    cwd: Path
    environment: Mapping[str, str]
    secrets: tuple[str, ...] = ()

    def arrange(self, _interface: str, _name: str) -> "InItsPlace":
        return self

    def databases(self, _interface: str) -> Sequence[Database]:
        return ()


def test_another_server_that_answers_on_the_port_is_not_taken_for_the_target() -> None:
    one = standin()
    with verified(one) as bed:
        port = bed.places[0].port
        late = replace(one, stack=replace(one.stack, command=("{bin}/python", "-c", "import time; time.sleep(60)")))
        with (
            testbed.start([late], divide_cores(), None, at={late.name: port, API: bed.api_port + 1}) as other,
            pytest.raises(SubjectError, match=r"Another server answers on the target's port \(process \d+\)"),
        ):
            other.verify()


def test_what_an_application_needs_beside_it_is_metered_and_is_nobody_elses_load(
    start_child: Callable[[Sequence[str]], "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    busy = start_child([sys.executable, "-c", BUSY_A_THIRD])
    place = InItsPlace(tmp_path, {"PATH": os.environ["PATH"], "PYTHONPATH": str(processes.SOURCE)})
    level = LoadLevel("open", 20)
    subject = replace(standin(), app=replace(SHOP, arranger=place))
    with verified(subject) as bed:
        facts = bed.drive(LevelOrder.measure(0, level, 0.3, 2.0, seed=SEED), level).facts
    assert facts.uses[SERVICES].cpu_share > FOREIGN_SHARE
    assert f"(process {busy.pid})" not in (facts.around.foreign_name or "")


def test_a_stack_and_a_page_that_are_in_no_table_of_the_project_are_measured_given_as_objects_without_patching() -> (
    None
):
    level = LoadLevel("open", 20)
    order = LevelOrder.measure(0, level, 0.3, 2.0, seed=SEED)
    one = standin()
    with verified(one) as bed:
        measured = bed.drive(order, level)
        environment = bed.environments[one.name]
    facts, rows = measured.facts, measured.facts.rows
    assert len(rows.correct) == len(rows.window) == planned(20, 0.3, 2.0, order.seed) > 20
    assert len(rows.answered) > 20
    assert rows.response_ms.min() >= 200
    assert facts.api_before is not None
    assert facts.api_after is not None
    assert facts.api_after.calls_started - facts.api_before.calls_started == 3 * len(rows.all)
    assert checks.check_conservation(facts) is None
    assert 0 < measured.uses[0].cpu_s < measured.uses[0].wall_s
    assert facts.uses[Role.TARGET] == measured.uses[0]
    assert min(facts.uses[role].cpu_s for role in (Role.GENERATOR, Role.EXTERNAL_API)) > 0
    assert facts.target_pids_now == facts.target_pids_verified
    assert environment.python.version == platform.python_version()
    assert (environment.packages, environment.lock_sha256) == ({"standin": "1.0"}, "no lock")
    assert environment.command[:2] == ("{prefix}/bin/python", str(HERE / "standin.py"))


def test_a_ladder_of_what_is_in_no_table_gives_every_figure() -> None:
    one = standin()
    profile = replace(
        PROFILES["smoke"],
        ladder=(*users(2), *rates(10)),
        levels=LadderLengths(warmup_s=0.5, settle_s=0.3, window_s=2.0, baseline_s=0.0),
    )
    run = LadderRun(one, LadderSetting(profile, divide_cores(), all_levels=True), SEED, nothing)
    assert run.run() is None
    assert [(level.users, level.rate) for level in run.levels] == [(2, None), (None, 10)]
    for level in run.levels:
        assert level.throughput_rps
        assert level.failures == {}
        assert level.latency_ms is not None
        assert level.latency_ms.p50 >= 200
        assert level.target is not None
        assert level.target.cpu_ms_per_request
    assert run.environment is not None
    assert run.load_s > 2 * 2


BURN_S = 0.02


def test_side_by_side_each_is_billed_for_its_own_requests() -> None:
    light, heavy = standin("light"), standin("heavy", "--burn-ms", f"{BURN_S * 1000:g}")
    level = LoadLevel("open", 20)
    order = LevelOrder.measure(0, level, 0.3, 2.0, seed=SEED)
    with verified(light, heavy) as bed:

        def seen() -> list[int]:
            return [
                json.loads(http.get(port, "/seen/").body)[ORDERS.pages[0].path]
                for port in (place.port for place in bed.places)
            ]

        before = seen()
        measured = bed.drive(order, level)
        had = [after - at for after, at in zip(seen(), before, strict=True)]
        assert bed.environments.keys() == {light.name, heavy.name}
        assert bed.target_pids == (bed.circus.pid(light.name), bed.circus.pid(heavy.name))
    rows, whole = measured.rows, measured.facts.rows
    assert [len(one.all) for one in rows] == had
    assert sum(had) == len(whole.all)
    assert [one.failures() for one in rows] == [{}, {}]
    arrivals = planned(20, 0.3, 2.0, order.seed)
    assert sum(len(one.window) for one in rows) == arrivals
    assert abs(len(rows[0].window) - len(rows[1].window)) <= 1  # they were asked in turn
    # Each target's rows are its own: the one that burns cannot answer sooner than it has.
    assert rows[1].response_ms.min() >= ORDERS.floor_ms + BURN_S * 1000
    # That one burns as much for each of its requests, and the other, beside it on the same core, nothing like it.
    burnt_s = BURN_S * len(rows[1].window) / 2
    assert measured.uses[0].cpu_s < burnt_s < measured.uses[1].cpu_s
    both = measured.facts.uses[Role.TARGET]
    assert both.cpu_s == pytest.approx(sum(one.cpu_s for one in measured.uses))
    assert checks.check_conservation(measured.facts) is None


def test_side_by_side_the_one_that_is_not_what_it_should_be_is_named() -> None:
    sound, other = standin("sound"), standin("other")
    other = replace(other, stack=replace(other.stack, server="nginx"))
    told = r"^The target is not what the cell names: it has not loaded 'nginx', which its row"
    with pytest.raises(SubjectError, match=told) as failed, verified(sound, other):
        raise AssertionError
    assert failed.value.subject == other


def test_a_page_that_is_not_the_workloads_own_is_caught_though_it_is_that_of_another() -> None:
    other = replace(ORDERS, name="menu", pages=MENU)
    with (
        pytest.raises(TrialError, match=f"^{PATH} is not the page that was expected. It begins '{PAGE}'"),
        verified(standin(workload=other)),
    ):
        raise AssertionError


def test_every_page_under_load_is_checked_by_the_workloads_own_pattern() -> None:
    level = LoadLevel("closed", 2)
    one = replace(standin(), workload=replace(ORDERS, pages=MENU))
    with testbed.start([one], divide_cores(), Load(), nothing) as bed:
        bed.verify(pages=False)  # which would find it before any load
        bed.warm_up(None)
        rows = bed.drive(LevelOrder.measure(0, level, 0.2, 1.0, seed=SEED), level).facts.rows
    assert rows.failures() == {"wrong body": len(rows.window)}
    assert len(rows.window) > 0


# What an application itself says of why it does not work


@pytest.fixture
def kept_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where whole logs are kept."""
    monkeypatch.setattr(logs, "KEPT_LOGS", tmp_path / "logs")
    return tmp_path / "logs"


def kept_log(told: str, folder: Path) -> str:
    """The text of the one log that an error names."""
    named = re.search(r"\(its whole log: ([^)]+)\)", told)
    assert named is not None, told
    path = processes.PROJECT / named[1]
    assert [*folder.iterdir()] == [path]
    return path.read_text(encoding="utf-8")


def test_settings_that_are_not_set_are_told_by_the_exceptions_own_line_and_the_log_is_kept(kept_logs: Path) -> None:
    uvicorn = STACKS["uvicorn"]
    stack = replace(uvicorn, name="unset", command=(*uvicorn.command, "--app-dir", str(HERE)))
    unset = subject_of(stack, app=replace(BUILT_IN, name="unset", asgi="unset_settings:application"))
    with (
        pytest.raises(TrialError) as failed,
        testbed.start([unset], divide_cores(), None) as bed,
    ):
        bed.verify()
    told = str(failed.value)
    assert f"the process of '{unset.name}' ended by itself: " in told
    assert ": django.core.exceptions.ImproperlyConfigured: Set the KEY variable. (its whole log: " in told
    assert "Traceback (most recent call last)" in kept_log(told, kept_logs)


def test_what_each_page_takes_without_load_is_measured_one_request_after_the_other() -> None:
    slow, quick = replace(ORDERS.pages[0], name="slow"), replace(ORDERS.pages[0], name="quick", path="/after/20/")
    own = replace(ORDERS, pages=(slow, quick), delays_ms=(), calls_known=False)
    with testbed.start([standin(workload=own)], divide_cores(), None, nothing) as bed:
        bed.verify()
        took_ms = measure_unloaded(bed)
        seen = json.loads(http.get(bed.places[0].port, "/seen/").body)
    assert took_ms.keys() == {"slow", "quick"}
    assert took_ms["slow"] >= 200
    assert 20 <= took_ms["quick"] < took_ms["slow"]
    assert own.with_measured(took_ms).unloaded_ms == (took_ms["slow"] + took_ms["quick"]) / 2
    # Beside the one request of the verification.
    assert (seen[PATH], seen["/after/20/"]) == (TIMES + 1, TIMES + 1)


def test_a_page_that_is_an_error_is_told_with_what_the_log_says_of_it(kept_logs: Path) -> None:
    with (
        pytest.raises(SubjectError) as failed,
        testbed.start([standin(workload=replace(ORDERS, pages=one_page("/boom/")))], divide_cores(), None) as bed,
    ):
        bed.verify()
    told = str(failed.value)
    assert told.startswith(
        "/boom/ answered 500 where 200 is right. It begins 'Internal Server Error'. "
        "Its log says: LookupError: Table 'orders' is not there. "
    )
    assert "in look_up" in kept_log(told, kept_logs)
