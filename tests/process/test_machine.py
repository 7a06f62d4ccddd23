"""What the machine must hold before anything is measured, and what it says of itself."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from stackmatrix.errors import PortTakenError
from stackmatrix.system import cores, host, http, ports, processes, processor
from stackmatrix.system.cores import Layout, _siblings, divide_cores, layout_for, why_not_pinned

type StartChild = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


def test_a_port_that_is_taken_is_told_with_the_process_that_listens(
    start_child: StartChild,
    standin_command: Callable[..., tuple[str, ...]],
    free_port: Callable[[], int],
    wait_for: Callable[[Callable[[], object]], None],
) -> None:
    port = free_port()
    ports.need_free_port(port, "a test")
    child = start_child(standin_command(port))
    wait_for(lambda: http.try_get(port, "/seen/"))
    with pytest.raises(PortTakenError) as taken:
        ports.need_free_port(port, "a test")
    told = str(taken.value)
    assert told.startswith(f"Port {port}, needed for a test, is taken by python")
    assert f"(process {child.pid})" in told
    assert ports.is_bound(port)


def test_a_port_whose_listener_is_not_told_is_taken_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_listeners", lambda _: [])
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(PortTakenError, match="is taken by a process of another user: stop it"):
            ports.need_free_port(server.getsockname()[1], "a test")
        assert ports.is_bound(server.getsockname()[1])


def test_a_port_whose_connections_have_just_ended_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            connection, _ = server.accept()
            connection.close()  # the server's side closes first, and waits for stray packets
            client.recv(1)
    ports.need_free_port(port, "a test")


REFUSE = """
import resource
from stackmatrix.system import host
from stackmatrix.errors import OpenFilesError
print(host.need_open_files(10))
try:
    host.need_open_files(1000)
except OpenFilesError as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_too_few_open_files_for_the_ladder_are_refused_with_both_numbers_and_the_remedy() -> None:
    command = ["sh", "-c", 'ulimit -Sn 256 && ulimit -Hn 512 && exec "$@"', "sh", sys.executable, "-c", REFUSE]
    done = subprocess.run(command, env=processes.child_environment(), check=True, capture_output=True, text=True)
    output = done.stdout.splitlines()
    needed = host.FILES_PER_REQUEST * 1000 + host.FILES_BESIDE
    assert output == [
        "512",
        (
            f"1000 requests at once need up to {needed} open files, and this shell allows 512: "
            f"raise the hard limit (ulimit -Hn {needed}) or lower the ladder (--users, --rates)."
        ),
        "(512, 512)",
    ]


def alone(count: int) -> dict[int, frozenset[int]]:
    """So many cores, each of which is a physical one."""
    return {core: frozenset({core}) for core in range(count)}


def paired(*pairs: tuple[int, int]) -> dict[int, frozenset[int]]:
    """Cores of which two and two share a physical one."""
    return {core: frozenset(pair) for core in range(2 * len(pairs)) for pair in pairs if core in pair}


FOUR_PAIRS = paired((0, 4), (1, 5), (2, 6), (3, 7))


@pytest.mark.parametrize(
    ("cores", "generators", "layout"),
    [
        (alone(1), 1, Layout(shared=(0,))),
        (alone(2), 1, Layout(target=(1,), generator=(0,), api=(0,), harness=(0,))),
        (alone(3), 1, Layout(target=(2,), generator=(1,), api=(0,), harness=(0,))),
        (alone(4), 1, Layout(target=(3,), generator=(2,), api=(1,), harness=(0,))),
        (alone(8), 1, Layout(target=(7,), further=(4, 3, 2, 1), generator=(6,), api=(5,), harness=(0,))),
        (alone(5), 1, Layout(target=(4,), further=(1,), generator=(3,), api=(2,), harness=(0,))),
        (alone(1), 2, Layout(shared=(0,))),
        (alone(3), 2, Layout(target=(2,), generator=(0, 1), api=(0, 1), harness=(0, 1))),
        (alone(4), 2, Layout(target=(3,), generator=(1, 2), api=(0,), harness=(0,))),
        (alone(8), 2, Layout(target=(7,), further=(3, 2, 1), generator=(5, 6), api=(4,), harness=(0,))),
        (paired((0, 4), (1, 5), (2, 6), (3, 7), (8, 9), (10, 11)), 1,
         Layout(target=(11,), further=(7, 6, 5), generator=(9,), api=(8,), harness=(0, 4))),
        # Where there is another to take its place, the target's sibling stays empty.
        (paired((0, 1)), 1, Layout(target=(1,), generator=(0,), api=(0,), harness=(0,))),
        (paired((0, 2), (1, 3)), 1, Layout(target=(3,), generator=(2,), api=(0,), harness=(0,))),
        (paired((0, 1), (2, 3)), 1, Layout(target=(3,), generator=(1,), api=(0,), harness=(0,))),
        (FOUR_PAIRS, 1, Layout(target=(7,), generator=(6,), api=(5,), harness=(0, 1, 2, 4))),
        (FOUR_PAIRS, 2, Layout(target=(7,), generator=(5, 6), api=(4,), harness=(0, 1, 2))),
        # Only some of the machine's cores are ours.
        ({3: frozenset({3, 7}), 9: frozenset({9, 13})}, 1, Layout(target=(9,), generator=(3,), api=(3,), harness=(3,))),
    ],
)  # fmt: skip
def test_cores_are_divided_by_what_needs_one_most(
    cores: dict[int, frozenset[int]], generators: int, layout: Layout
) -> None:
    assert layout_for(cores, generators) == layout


@pytest.mark.parametrize("generators", [1, 2, 3])
@pytest.mark.parametrize("count", range(2, 17))
def test_nobody_is_on_the_targets_core_and_everybody_is_on_some(count: int, generators: int) -> None:
    layout = layout_for(alone(count), generators)
    others = (layout.generator, layout.api, layout.harness)
    assert len(layout.target) == 1
    assert all(others)
    assert not {*layout.target, *layout.further} & {core for cores in others for core in cores}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")
def test_the_cores_that_this_process_may_use_are_divided_with_their_siblings(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {0: "0,4", 2: "2", 4: "0,4", 6: "6-7", 7: "6-7"}
    files = {f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list": text for core, text in told.items()}
    monkeypatch.setattr(cores, "read", files.get)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 4, 6, 7})
    assert divide_cores() == Layout(target=(7,), generator=(4,), api=(2,), harness=(0,))
    assert divide_cores(2) == Layout(target=(7,), generator=(2, 4), api=(0,), harness=(0,))
    files.clear()  # where nothing is told, each is alone
    assert divide_cores() == Layout(target=(7,), further=(2,), generator=(6,), api=(4,), harness=(0,))


@pytest.mark.parametrize(
    ("told", "siblings"),
    [("3", {3}), ("3,7", {3, 7}), ("2-3", {2, 3}), ("3-4", {3, 4}), ("1,3-5", {1, 3, 4, 5}), ("", {3}), (None, {3})],
)
def test_siblings_are_told_one_by_one_or_in_ranges(
    told: str | None, siblings: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "read", lambda _: told)
    assert _siblings(3) == siblings


def test_where_the_system_cannot_pin_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert divide_cores() == Layout()


def test_the_roles_of_a_layout_are_told_by_name_and_none_where_nothing_is_pinned() -> None:
    layout = Layout(target=(3,), generator=(2,), api=(1,), harness=(0,))
    assert layout.roles() == {"target": (3,), "generator": (2,), "external_api": (1,), "harness": (0,)}
    assert Layout(target=(3,), further=(2,)).roles()["further_targets"] == (2,)  # type: ignore[index]
    assert Layout().roles() is None
    assert Layout(shared=(0,)).roles() is None


def test_the_cores_that_a_measurement_uses_are_those_of_all_roles_but_the_harness() -> None:
    assert Layout(target=(3,), generator=(1, 2), api=(1,), harness=(0,)).used == (1, 2, 3)
    assert Layout(shared=(5,)).used == (5,)
    assert Layout().used == ()


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_target_with_a_core_to_itself_needs_no_excuse(count: int) -> None:
    assert why_not_pinned(layout_for(alone(count))) is None


def test_a_target_without_a_core_to_itself_is_told_with_what_is_in_the_way() -> None:
    assert str(why_not_pinned(layout_for(alone(1)))).startswith("There is one core: ")
    assert str(why_not_pinned(Layout())).startswith("This system cannot pin processes to cores: ")


def test_the_machine_is_described_as_it_is() -> None:
    described = host.describe(Layout())
    assert described.cores == os.cpu_count()
    assert described.memory_bytes == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert described.kernel == f"{os.uname().sysname} {os.uname().release}"
    assert described.pinning is None
    assert described.cpu_model


@pytest.mark.parametrize(
    ("cpu_model", "cpu_id", "slug"),
    [
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "6-142-10", "intel-core-i7-8550u-4-cores"),
        ("AMD EPYC 7B13 Processor", "25-1-1", "amd-epyc-7b13-4-cores"),
        ("AMD EPYC", "25-1-1", "amd-epyc-25-1-1-4-cores"),
        ("Intel(R) Xeon(R) Processor @ 2.70GHz", "6-143-8", "intel-xeon-6-143-8-4-cores"),
        ("AMD EPYC", None, "amd-epyc-4-cores"),
        ("../..", None, "machine-4-cores"),
        ("", None, "machine-4-cores"),
    ],
)
def test_a_machines_folder_is_named_for_its_processor_and_cores(cpu_model: str, cpu_id: str | None, slug: str) -> None:
    described = host.describe(Layout())
    assert host.slug(msgspec.structs.replace(described, cpu_model=cpu_model, cpu_id=cpu_id, cores=4)) == slug


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="only Linux tells")
def test_a_processor_is_told_by_its_family_model_and_stepping() -> None:
    info = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().replace("\t", "").splitlines() if line)
    if "cpu family" not in info:
        pytest.skip("this processor has no family")
    expected = [info[key].strip() for key in ("cpu family", "model", "stepping")]
    assert processor.cpu_id() == "-".join(expected)


def test_versions_are_of_the_parts_that_take_part_in_a_measurement() -> None:
    versions = host.tool_versions()
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"locust", "circus", "uvloop"} <= versions.keys()
