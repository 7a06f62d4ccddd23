"""Real children for tests of what drives them: a stand-in for a target, and the real external API."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from stackmatrix.system import http, processes

STANDIN = Path(__file__).parent / "standin.py"
A_MOMENT_S = 5.0
DEADLINE_S = 30.0
"""For anything that a child is waited for; far longer than any takes, so that only what never comes is a failure."""


def choose_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait(condition: Callable[[], object]) -> None:
    """Wait until something holds, or fail."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def run_child(command: Sequence[str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A child in a group of its own; the whole group is killed at the end."""
    child = processes.start(command, environment=processes.child_environment(), log=folder / "child.log")
    try:
        yield child
    finally:
        for process in processes.tree(child.pid)[1:]:
            process.kill()
        if child.poll() is None:
            child.kill()
        child.wait()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return choose_free_port


@pytest.fixture(scope="session")
def wait_for() -> Callable[[Callable[[], object]], None]:
    return wait


@pytest.fixture(scope="session")
def standin_command() -> Callable[..., tuple[str, ...]]:
    """The command line of a stand-in on a port."""
    return lambda port, *more: (sys.executable, str(STANDIN), "--port", str(port), *more)


@pytest.fixture
def start_child(tmp_path: Path) -> Iterator[Callable[[Sequence[str]], "subprocess.Popen[bytes]"]]:
    """Starts children that are ended with the test, whatever comes."""
    started: list[Iterator[subprocess.Popen[bytes]]] = []

    def start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
        started.append(run_child(command, tmp_path))
        return next(started[-1])

    yield start
    for one in started:
        next(one, None)


@pytest.fixture(scope="session")
def api_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The real external API, for all tests: what it saw is compared as differences or by request id."""
    port = choose_free_port()
    command = (sys.executable, "-m", "slow_api", "--port", str(port))
    for _ in run_child(command, tmp_path_factory.mktemp("api")):
        wait(lambda: http.try_get(port, "/stats/"))
        yield port


@pytest.fixture(scope="session")
def target_port(tmp_path_factory: pytest.TempPathFactory, api_port: int) -> Iterator[int]:
    """A stand-in that calls the external API, for all tests."""
    port = choose_free_port()
    command = (sys.executable, str(STANDIN), "--port", str(port), "--api-port", str(api_port))
    for _ in run_child(command, tmp_path_factory.mktemp("target")):
        wait(lambda: http.try_get(port, "/seen/"))
        yield port


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Every child that a test starts is gone with it; those of the whole session stay.

    What a database of the session has started for a test ends a moment after the test has left it.
    """
    before = {process.pid for process in psutil.Process(os.getpid()).children(recursive=True)}
    yield
    new = [process for process in psutil.Process(os.getpid()).children(recursive=True) if process.pid not in before]
    _, left = psutil.wait_procs(new, timeout=A_MOMENT_S)
    assert not left, f"left running: {left}"
