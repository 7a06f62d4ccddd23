"""Every row of the table of stacks, started for real, is what it says: some minutes, for those that are installed.

What a page is served by is verified as before any measurement; here it is also asked what only a row says of itself.
"""

import http.client
import sys
from dataclasses import replace

import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import DEFAULT_WORKLOAD, WORKLOADS
from stackmatrix.system import processes
from stackmatrix.system.cores import divide_cores
from stackmatrix.testbed import environments, testbed, verification
from under_test.identity import IDENTITY_PATH, Identity

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TIMEOUT_S = 10.0
MISSING = "nothing_is_there:application"
PAGES_ASKED = 300
"""Several for each thread of a stack: one that a question has spoilt fails at its next request."""


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_is_what_its_row_says_and_leaves_nothing_behind(name: str) -> None:
    subject = installed(name)
    with testbed.start([subject], divide_cores(), None) as bed:
        bed.verify()
        port, folder = bed.places[0].port, bed.circus.folder
        assert_command_is_of_any_run(bed)
        assert answers_on_a_connection(port) == (2 if subject.stack.keeps_connections else 1)
        identity = verification.wait_for_identity(port, lambda: None)
        assert identity.pid in bed.target_pids, "what serves is not billed"
        assert any(listens(pid, port) for pid in bed.target_pids), "what listens is not billed"
        assert_passes_for_no_other(identity, subject.stack)
    assert not folder.exists()


@pytest.mark.parametrize("name", [name for name, stack in STACKS.items() if stack.workers > 1])
def test_no_page_is_lost_once_a_stack_of_several_processes_was_verified(name: str) -> None:
    subject = replace(installed(name), workload=WORKLOADS["no_calls"])
    (page,) = subject.workload.pages
    with testbed.start([subject], divide_cores(), None) as bed:
        bed.verify()
        for number in range(PAGES_ASKED):
            verification.verify_page(verification.ask_page(bed.places[0].port, page, number), page)


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_whose_application_cannot_be_loaded_says_so_before_the_time_is_over(name: str) -> None:
    app = replace(BUILT_IN, wsgi=MISSING, asgi=MISSING, asgi_sync=MISSING)
    subject = replace(installed(name), app=app)
    # Around all of it: a master that goes on starting workers may have to be killed, which is an error where none is.
    with (
        pytest.raises(TrialError, match=r"No module named 'nothing_is_there'") as caught,
        testbed.start([subject], divide_cores(), None) as bed,
    ):
        bed.verify()
    assert "not ready within" not in str(caught.value)


def installed(name: str) -> Subject:
    """The row with its environment, or the test is left out."""
    cell = Cell(stack=name, python=THIS_PYTHON, workload=DEFAULT_WORKLOAD)
    if missing := environments.find_missing([cell], None):
        pytest.skip(f"{missing[cell].reason}: run nox -s {environments.session_name(cell)}")
    return environments.resolve([cell])[0]


def assert_command_is_of_any_run(bed: testbed.Testbed) -> None:
    (environment,) = bed.environments.values()
    command = " ".join(environment.command)
    for alone in (str(bed.places[0].port), str(bed.circus.folder), str(processes.PROJECT)):
        assert alone not in command


def answers_on_a_connection(port: int) -> int:
    """How many of two requests are answered on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    for answered in range(2):
        try:
            connection.request("GET", IDENTITY_PATH)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return answered
        assert answer.status == 200
        connection.auto_open = 0  # a closed connection stays closed
    return 2


def assert_passes_for_no_other(identity: Identity, own: Stack) -> None:
    for stack in STACKS.values():
        told = (stack.server, stack.interface, stack.waits_with, {*stack.traits})
        if told != (own.server, own.interface, own.waits_with, {*own.traits}):
            with pytest.raises(TrialError):
                verification.verify_identity(identity, stack, THIS_PYTHON)


def listens(pid: int, port: int) -> bool:
    (process,) = (one for one in processes.tree(pid) if one.pid == pid)
    return any(one.laddr.port == port for one in process.net_connections("tcp") if one.status == "LISTEN")
