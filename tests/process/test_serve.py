"""Serving by hand, on the real ports, which have to be free: what is up, what Ctrl-C ends, what cannot be served."""

import configparser
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from stackmatrix import errors
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import DEFAULT_WORKLOAD, WORKLOADS
from stackmatrix.system import http, ports, processes
from stackmatrix.system.ports import API_PORT
from stackmatrix.testbed import circus_ini, environments, serve, verification
from under_test.identity import IDENTITY_PATH

type Wait = Callable[[Callable[[], object]], None]

UP = "Ctrl-C stops everything."
STOP_S = 30.0
"""For Ctrl-C to end everything; it takes a second or two."""
SOME_STACK = next(iter(STACKS.values()))
RIGHT_PAGE = "<!doctype html><ul><li>A (AA)</li><li>B (BB)</li><li>C (CC)</li></ul><p>It took 0.601 s.</p>"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "stackmatrix", "serve", *arguments]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    given = processes.child_environment()
    return subprocess.run(command(*arguments), env=given, capture_output=True, text=True, timeout=60, check=False)


class Serving:
    """``stackmatrix serve`` as a terminal would run it, in a process group of its own."""

    def __init__(self, stack: str, python: str, log: Path) -> None:
        self.stack = STACKS[stack]
        cell = Cell(stack=stack, python=python, workload=DEFAULT_WORKLOAD)
        (self.subject,) = environments.resolve([cell])
        self.ports = [port for port, _, _ in serve.ports_of([self.stack])]
        self._log = log
        self.child = processes.start(
            command("--python", python, self.stack.name),
            environment=processes.child_environment(),
            log=log,
        )

    def told(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def is_up(self) -> bool:
        assert self.child.poll() is None, self.told()
        return UP in self.told()

    def press_ctrl_c(self) -> int:
        os.killpg(self.child.pid, signal.SIGINT)
        return self.child.wait(STOP_S)

    def find(self, part_of_command: str) -> psutil.Process:
        (found,) = self.find_all(part_of_command)
        return found

    def find_all(self, part_of_command: str) -> list[psutil.Process]:
        living = [one for one in processes.tree(self.child.pid)[1:] if processes.is_running(one.pid)]
        return [one for one in living if part_of_command in " ".join(one.cmdline())]


@pytest.fixture
def served(tmp_path: Path, wait_for: Wait) -> Iterator[Serving]:
    """One stack that is installed; one that needs no compiler, if there is any."""
    installed = sorted(environments.installed(), key=lambda one: (bool(STACKS[one[0]].needs), one))
    if not installed:
        pytest.skip(f"no stack is installed: run nox -s env-{SOME_STACK.name}")
    one = Serving(*installed[0], tmp_path / "serve.log")
    try:
        wait_for(one.is_up)
        yield one
        if one.child.poll() is None:
            one.press_ctrl_c()
    finally:
        for process in processes.tree(one.child.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        one.child.wait()


AFTER_ALL_OTHERS = pytest.mark.alone
"""What is served is what the tests of the sessions have installed."""


def ask_page(path: str, **form: str) -> Any:
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(f"http://127.0.0.1:{serve.PAGE_PORT}{path}", data, timeout=10) as answer:
        return json.load(answer)


@AFTER_ALL_OTHERS
def test_ctrl_c_ends_all_that_was_served_and_frees_the_ports(served: Serving) -> None:
    for workload in WORKLOADS.values():
        page = workload.pages[0]
        if workload.variables:
            assert f"{page.path} (" not in served.told()
        elif workload.why_excluded(served.stack.interface) is None:
            assert f"{page.path} (" in served.told()
            verification.verify_page(http.get(served.stack.port, page.path), page)
    for port in served.ports:
        assert f":{port}" in served.told()
        assert ports.is_bound(port)
    running = processes.tree(served.child.pid)
    assert len(running) >= 5  # itself, circusd, the external API, the stack and locust

    assert served.press_ctrl_c() == 0

    assert [one for one in running if processes.is_running(one.pid)] == []
    assert [port for port in served.ports if ports.is_bound(port)] == []
    assert served.told().endswith("Stopped: nothing is left running.\n")


@AFTER_ALL_OTHERS
def test_ctrl_c_pressed_again_does_not_break_off_the_stopping(served: Serving) -> None:
    running = processes.tree(served.child.pid)
    locust = served.find("webui.py")
    locust.suspend()  # stopping waits for it
    for _ in range(4):
        os.killpg(served.child.pid, signal.SIGINT)
        time.sleep(0.3)
    assert served.child.poll() is None
    locust.resume()
    assert served.child.wait(STOP_S) == 0
    assert [one for one in running if processes.is_running(one.pid)] == []
    assert [port for port in served.ports if ports.is_bound(port)] == []


@AFTER_ALL_OTHERS
def test_the_page_offers_what_is_served_with_its_form_filled_in_and_loads_it(served: Serving, wait_for: Wait) -> None:
    page = http.get(serve.PAGE_PORT, "/").body
    form = json.loads(re.search(r"window\.templateArgs = (.*)", page)[1])  # type: ignore[index]
    assert form["extra_options"]["stack"]["choices"] == [served.stack.name]
    assert form["extra_options"]["workload"]["choices"] == list(WORKLOADS)
    assert (form["num_users"], form["spawn_rate"], form["run_time"]) == (100, 10, 30)
    called = http.get(API_PORT, "/stats/").json()["calls_finished"]

    ask_page("/swarm", user_count="4", spawn_rate="4", stack=served.stack.name, workload=DEFAULT_WORKLOAD)
    wait_for(lambda: ask_page("/stats/requests")["stats"][0]["num_requests"] >= 8)

    first = ask_page("/stats/requests")["stats"][0]
    assert first["name"] == f"{served.stack.name}, {DEFAULT_WORKLOAD}"
    assert first["num_failures"] == 0
    assert first["min_response_time"] >= WORKLOADS[DEFAULT_WORKLOAD].floor_ms
    assert http.get(API_PORT, "/stats/").json()["calls_finished"] >= called + 8 * WORKLOADS[DEFAULT_WORKLOAD].calls
    assert served.press_ctrl_c() == 0  # under load


@AFTER_ALL_OTHERS
def test_what_ends_is_told_and_the_rest_is_still_served(served: Serving, wait_for: Wait) -> None:
    served.find("-m slow_api").kill()
    wait_for(lambda: "The process of 'api' ended by itself" in served.told())
    assert http.get(served.stack.port, IDENTITY_PATH).status == 200
    assert served.child.poll() is None


@AFTER_ALL_OTHERS
def test_when_the_last_stack_has_ended_serving_ends_with_an_exit_code(served: Serving, wait_for: Wait) -> None:
    for process in served.find_all(str(served.stack.port)):
        process.kill()
    wait_for(lambda: served.child.poll() is not None)
    assert served.child.returncode == errors.SupervisorError.exit_code
    assert f"The process of '{served.subject.name}' ended by itself" in served.told()
    assert "No stack is left" in served.told()
    assert [port for port in served.ports if ports.is_bound(port)] == []


def broken_subject(folder: Path) -> Subject:
    """A stack in an environment whose server says something and ends."""
    program = Path(SOME_STACK.command[0].format(bin=folder / "bin"))
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho first; echo the reason is here; exit 1\n")
    program.chmod(0o755)
    cell = Cell(stack=SOME_STACK.name, python=PYTHONS[0], workload=DEFAULT_WORKLOAD)
    return Subject(cell, SOME_STACK, WORKLOADS[DEFAULT_WORKLOAD], BUILT_IN, Installation(folder, ""))


def test_a_server_that_does_not_come_up_is_named_with_the_end_of_its_log_and_nothing_stays(tmp_path: Path) -> None:
    broken = broken_subject(tmp_path)

    with (
        pytest.raises(errors.SupervisorError, match=f"'{broken.name}' ended by itself: .*the reason is here.* nox -s"),
        serve.start([broken]) as served,
    ):
        served.wait_ready()

    assert [port for port, _, _ in serve.ports_of([SOME_STACK]) if ports.is_bound(port)] == []


@pytest.mark.parametrize("port", [port for port, _, _ in serve.ports_of([SOME_STACK])])
@pytest.mark.parametrize("more", [(), ("--list",)], ids=["serve", "list"])
def test_a_port_that_is_taken_is_told_with_its_purpose_and_its_holder(port: int, more: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", port)):
        done = run(SOME_STACK.name, *more)
    purpose, option = next((what, how) for one, what, how in serve.ports_of([SOME_STACK]) if one == port)
    holder = f"{psutil.Process().name()} (process {os.getpid()})"
    assert done.returncode == errors.PortTakenError.exit_code
    assert done.stderr == (
        f"stackmatrix: Port {port}, needed for {purpose}, is taken by {holder}: stop it and run again, "
        f"or choose another with {option}.\n"
    )


def test_other_ports_are_those_that_were_chosen_and_statistics_move_with_the_stacks() -> None:
    watched = next(stack for stack in STACKS.values() if stack.stats_port is not None)
    at = serve.Addresses(first=9000, api=5001, page=8090)
    chosen = [port for port, _, _ in serve.ports_of([watched], at)]
    usual = [port for port, _, _ in serve.ports_of([watched])]
    assert [one - other for one, other in zip(chosen, usual, strict=True)] == [1, 1000, 1000, 1]


def test_an_unknown_stack_is_told_with_the_one_that_was_meant() -> None:
    name = SOME_STACK.name
    done = run(f"{name[:2]}{name[3:]}")
    assert done.returncode == errors.UsageError.exit_code
    assert done.stderr == f"stackmatrix: Unknown stack or tag '{name[:2]}{name[3:]}': did you mean {name}?\n"


def test_list_names_the_sessions_that_install_the_choice_on_the_python_given_last() -> None:
    first, second, *_ = STACKS
    done = run("--list", "--python", PYTHONS[0], "--python", PYTHONS[1], second, first)
    assert done.stdout.split() == [f"env-{first}-{PYTHONS[1]}", f"env-{second}-{PYTHONS[1]}"]
    assert run("--list", "--python", PYTHONS[0]).stdout.split() == [
        f"env-{name}-{PYTHONS[0]}" for name, stack in STACKS.items() if stack.is_seed
    ]


def test_every_stack_is_served_by_the_policy_of_the_one_target() -> None:
    one, many = configparser.RawConfigParser(), configparser.RawConfigParser()
    text = circus_ini.CIRCUS_INI.read_text(encoding="utf-8")
    one.read_string(text)
    many.read_string(circus_ini.ini_for(text, STACKS))
    assert set(many.sections()) == set(one.sections()) - {"watcher:target"} | {f"watcher:{name}" for name in STACKS}
    assert many["watcher:api"] == one["watcher:api"]
    for name in STACKS:
        policy = {key: value.replace(f"/{name}.", "/target.") for key, value in many[f"watcher:{name}"].items()}
        policy["cmd"] = policy["cmd"].replace(f"_command_{name})", "_command)")
        assert policy == dict(one["watcher:target"])
        assert f"--log=$(circus.env.stackmatrix_logs)/{name}.log " in many[f"watcher:{name}"]["cmd"]


@pytest.fixture
def answering() -> Iterator[Callable[[int, str], Stack]]:
    """A server on the port of a stack, which answers everything with one status and body."""
    servers = []

    def answer(status: int, body: str) -> Stack:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", SOME_STACK.port), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return SOME_STACK

    yield answer
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (200, RIGHT_PAGE, None),
        (200, "<p>It works!</p>", "is not the page that was expected"),
        (202, RIGHT_PAGE, "answered 202 where 200 is right"),
        (302, RIGHT_PAGE, "answered 302 where 200 is right"),
        (500, RIGHT_PAGE, "answered 500 where 200 is right"),
    ],
    ids=["right", "body", "accepted", "moved", "error"],
)
def test_only_the_right_page_is_a_success(
    answering: Callable[[int, str], Stack], tmp_path: Path, status: int, body: str, failure: str | None
) -> None:
    stack = answering(status, body)
    locust = [sys.executable, "-m", "locust", "--headless", "--users=1", "--run-time=3s", "--stop-timeout=20", "--json"]
    done = subprocess.run(
        [*locust, f"--locustfile={serve.LOCUSTFILE}", f"--stack={stack.name}"],
        env=processes.child_environment(HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (counted,) = json.loads(done.stdout)
    assert counted["num_requests"] > 0
    assert counted["num_failures"] == (counted["num_requests"] if failure else 0)
    assert done.returncode == (1 if failure else 0)
    assert failure is None or f"{counted['name']}: " in done.stderr
    assert failure is None or failure in done.stderr
