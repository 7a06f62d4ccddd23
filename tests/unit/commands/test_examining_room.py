"""Whether there is room for what is to run: by what was measured, else by an estimate that is told."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from stackmatrix.commands.examining import room
from stackmatrix.commands.examining.case import Case
from stackmatrix.errors import MachineLimitError, OpenFilesError, PortTakenError, ResultsFolderError
from stackmatrix.matrix.cells import make_cells
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.ramp import VISITORS
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.results import store
from stackmatrix.system import headroom, ports
from stackmatrix.system.headroom import Disk, Memory, Tasks
from tests.made_up import make_results

type MakeCase = Callable[..., Case]

GIB, MB = 2**30, 1_000_000
SEED = tuple(name for name, stack in STACKS.items() if stack.is_seed)


def test_two_dozen_cells_do_not_fit_into_a_gibibyte() -> None:
    small = Memory(total=GIB, available=GIB)
    found = room.of_memory(small, [90e6] * 24, is_measured=True)
    assert (found.state, found.exit_code) == ("stops", MachineLimitError.exit_code)
    assert "a run with 24 cells side by side takes about 2.5 GB, as earlier runs measured." in found.said
    assert "--stacks" in (found.remedy or "")
    assert room.of_memory(small, [90e6] * 24, is_measured=False).state == "note"
    assert room.of_memory(small, [90e6] * 4, is_measured=True).state == "fine"


def test_memory_that_others_use_now_is_a_note_and_a_group_with_a_limit_is_named() -> None:
    found = room.of_memory(Memory(16 * GIB, GIB, by_group=True), [90e6] * 24, is_measured=True)
    assert found.state == "note"
    assert "of this control group are available" in found.said
    assert found.sentence.count("Stop what else uses memory.") == 1


def test_what_cells_took_before_is_what_they_are_taken_to_need(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headroom, "memory", lambda: Memory(64 * GIB, 64 * GIB))
    results = make_results(SEED[:2], PYTHONS[:1], workloads=("fanout",))
    case = make_case(tuple(one.cell for one in results if one.cell.control is None))
    assert "by estimate" in room.memory(case).said
    assert any(ramp.reference and ramp.reference.pss_bytes for one in results for ramp in one.ramps)
    for one in results:
        store.write_result(case.folder, "m", one)
    assert "as earlier runs measured" in room.memory(make_case(case.cells)).said


def test_a_hard_limit_on_open_files_stops_a_run_with_its_own_sentence(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert room.open_files(make_case()).state == "fine"
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    found = room.open_files(make_case())
    assert (found.state, found.exit_code) == ("stops", OpenFilesError.exit_code)
    assert f"{VISITORS} requests at once" in found.said


@pytest.mark.parametrize(
    ("kinds", "at_once"),
    [(("ramp",), VISITORS), (("hold",), VISITORS), (("ladder",), 200), (("cost",), 8), (("stop",), 1)],
)
def test_the_most_requests_at_once_are_those_of_the_chosen_kinds(
    make_case: MakeCase, kinds: tuple[str, ...], at_once: int
) -> None:
    assert room.most_at_once(make_case(kinds=kinds)) == at_once


def test_a_limit_on_processes_stops_a_run_that_one_cell_alone_would_reach() -> None:
    def found(left: int) -> str:
        return room.of_tasks(Tasks(left, 512, by_group=False), [108, 108, 9]).state

    assert room.of_tasks(None, [108]).state == "fine"
    assert [found(left) for left in (171, 172, 288, 289)] == ["stops", "note", "note", "fine"]
    stopping = room.of_tasks(Tasks(10, 512, by_group=True), [108])
    assert stopping.exit_code == MachineLimitError.exit_code
    assert "10 more of 512 may be started, by this control group (pids.max)" in stopping.said


def test_a_stack_has_a_thread_for_each_slot_only_where_threads_serve() -> None:
    threads = next(stack for stack in STACKS.values() if stack.waits_with == "threads" and stack.slots == 100)
    loop = next(stack for stack in STACKS.values() if stack.waits_with == "event loop" and stack.workers == 1)
    assert room.threads_of(threads) >= 100
    assert room.threads_of(loop) < 20


def test_ports_are_named_and_none_left_stops_a_run(make_case: MakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    found = room.free_ports(make_case())
    assert found.state == "fine"
    assert "for the external API" in found.said
    monkeypatch.setattr(ports, "is_bound", lambda _: True)
    assert room.free_ports(make_case()).exit_code == PortTakenError.exit_code


def test_a_port_of_serve_that_is_taken_is_named_and_a_run_does_without(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(port: int, purpose: str) -> None:
        if port == ports.API_PORT:
            raise PortTakenError(f"Port {port}, needed for {purpose}, is taken by airplay (process 9): stop it.")

    monkeypatch.setattr(ports, "need_free_port", taken)
    found = room.serving_ports(make_case())
    assert found.state == "note"
    assert "Port 5000, needed for the external API, is taken by airplay (process 9). A run takes others" in found.said
    monkeypatch.setattr(ports, "need_free_port", lambda *_: None)
    assert room.serving_ports(make_case()).state == "fine"


def test_a_disk_that_serves_two_purposes_has_to_hold_both() -> None:
    def found(free: int, other: int = 1) -> str:
        wanted = {
            "environments": (Disk(Path("/a"), free, 1), 600 * MB),
            "results": (Disk(Path("/b"), free, other), 60 * MB),
        }
        return room.of_disks(wanted).state

    assert [found(700 * MB), found(650 * MB), found(650 * MB, other=2)] == ["fine", "note", "fine"]
    full = room.of_disks({"results": (Disk(Path("/b"), MB, 1), 60 * MB)})
    assert full.exit_code == ResultsFolderError.exit_code
    assert "Results need about 60 MB, and 1 MB are free." in full.said
    assert room.of_disks({}).state == "unknown"


def test_only_environments_that_are_not_there_need_room(make_case: MakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headroom, "disk", lambda path: Disk(path, 10**12, 1))
    assert (
        "Environments and results need about 251 MB, and 1000 GB are free."
        in room.disks(make_case(make_cells(SEED[:1], PYTHONS[:2], ("fanout",)))).said
    )
