"""What the machine must hold before anything is measured, and what it says of itself."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence

import msgspec
import pytest

from stackmatrix import machine, processes, untimed
from stackmatrix.errors import PortTakenError
from stackmatrix.supervisor import Layout

type StartChild = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


def test_a_port_that_is_taken_is_told_with_the_process_that_listens(
    start_child: StartChild,
    standin_command: Callable[..., tuple[str, ...]],
    free_port: Callable[[], int],
    wait_for: Callable[[Callable[[], object]], None],
) -> None:
    port = free_port()
    machine.need_free_port(port, "a test")
    child = start_child(standin_command(port))
    wait_for(lambda: untimed.try_get(port, "/seen/"))
    with pytest.raises(PortTakenError) as taken:
        machine.need_free_port(port, "a test")
    told = str(taken.value)
    assert told.startswith(f"Port {port}, needed for a test, is taken by python")
    assert f"(process {child.pid})" in told
    assert machine.is_bound(port)


def test_a_port_whose_listener_is_not_told_is_taken_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_listeners", lambda _: [])
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(PortTakenError, match="is taken by a process of another user: stop it"):
            machine.need_free_port(server.getsockname()[1], "a test")
        assert machine.is_bound(server.getsockname()[1])


def test_a_port_whose_connections_have_just_ended_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            connection, _ = server.accept()
            connection.close()  # the server's side closes first, and waits for stray packets
            client.recv(1)
    machine.need_free_port(port, "a test")


REFUSE = """
import resource
from stackmatrix import machine
from stackmatrix.errors import OpenFilesError
print(machine.need_open_files(10))
try:
    machine.need_open_files(1000)
except OpenFilesError as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_too_few_open_files_for_the_ladder_are_refused_with_both_numbers_and_the_remedy() -> None:
    command = ["sh", "-c", 'ulimit -Sn 256 && ulimit -Hn 512 && exec "$@"', "sh", sys.executable, "-c", REFUSE]
    done = subprocess.run(command, env=processes.child_environment(), check=True, capture_output=True, text=True)
    output = done.stdout.splitlines()
    needed = machine.FILES_PER_USER * 1000 + machine.FILES_BESIDE
    assert output == [
        "512",
        (
            f"1000 users need up to {needed} open files, and this shell allows 512: "
            f"raise the hard limit (ulimit -Hn {needed}) or lower the ladder (--users)."
        ),
        "(512, 512)",
    ]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")
def test_the_target_has_a_core_of_its_own_where_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 7})
    assert machine.divide_cores() == Layout(target=(7,), tools=(0, 1, 2))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert machine.divide_cores() == Layout()


def test_where_nothing_is_pinned_no_role_has_cores() -> None:
    assert Layout().roles() is None
    roles = Layout(target=(1,), tools=(0,)).roles()
    assert roles is not None
    assert roles.pop("target") == (1,)
    assert {*roles.values()} == {(0,)}


def test_the_machine_is_described_as_it_is() -> None:
    described = machine.describe(Layout())
    assert described.cores == os.cpu_count()
    assert described.memory_bytes == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert described.kernel == f"{os.uname().sysname} {os.uname().release}"
    assert described.pinning is None
    assert described.cpu_model


@pytest.mark.parametrize(
    ("cpu_model", "slug"),
    [
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "intel-core-i7-8550u-4-cores"),
        ("AMD EPYC 7B13 Processor", "amd-epyc-7b13-4-cores"),
        ("../..", "machine-4-cores"),
        ("", "machine-4-cores"),
    ],
)
def test_a_machines_folder_is_named_for_its_processor_and_cores(cpu_model: str, slug: str) -> None:
    described = machine.describe(Layout())
    assert machine.slug(msgspec.structs.replace(described, cpu_model=cpu_model, cores=4)) == slug


def test_versions_are_of_the_parts_that_take_part_in_a_measurement() -> None:
    versions = machine.tool_versions()
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"locust", "circus", "uvloop"} <= versions.keys()
