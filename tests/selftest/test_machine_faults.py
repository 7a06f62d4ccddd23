"""Faults of the machine under a real load, each found by its own check, and none of them without a fault.

Run as a program, it drives once and prints the codes of what was found: for a look from inside a namespace.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from stackmatrix.analysis.level import checks
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.findings import Code, Finding
from stackmatrix.system import cgroup, processes
from stackmatrix.system.cores import divide_cores, pinned, why_not_pinned
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load

HERE = Path(__file__).parent
CELL = Cell(
    stack="uvicorn", python=f"{sys.version_info.major}.{sys.version_info.minor}", workload="fanout_shared_client"
)
RATE, WINDOW_S = 15, 8.0
NEW = {Code.UNEXPLAINED_LOAD, Code.THROTTLED, Code.MEMORY, Code.PIDS, Code.NETWORK, Code.LITTLES_LAW}

NEIGHBOUR = """
import os, time
os.sched_setaffinity(0, {{{}}})
while True:
    until = time.process_time() + 0.003
    while time.process_time() < until:
        pass
    time.sleep(0.02)
"""
"""It takes a tenth of a core, in short pieces: nothing that would make a target slow."""

pytestmark = pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells")


def drive(fault: str = "", entering: Path | None = None) -> dict[str, Finding]:
    """What is found of a level of uvicorn, by code. ``entering`` is a control group for the target."""
    stack, app = STACKS[CELL.stack], BUILT_IN
    if fault:
        stack = replace(stack, command=(*stack.command, "--app-dir", str(HERE)))
        app = replace(app, asgi=f"faulty_target:serving_{fault}")
    subject = Subject(CELL, stack, WORKLOADS[CELL.workload], app, Installation(Path(sys.prefix), "no lock"))

    def enter(_: Path, command: Sequence[str]) -> Sequence[str]:
        if entering is None:
            return command
        return ("sh", "-c", 'echo $$ > "$0" && exec "$@"', str(entering / "cgroup.procs"), *command)

    layout, level = divide_cores(), LoadLevel("open", RATE)
    with pinned(layout.harness), testbed.start([subject], layout, Load(), wrap=enter) as bed:
        bed.verify()
        bed.warm_up(LevelOrder.warmup(2.0))
        facts = bed.drive(LevelOrder.measure(0, level, 1.0, WINDOW_S, seed=1), level).facts
    return {found.code: found for found in checks.find_all(facts)}


@pytest.fixture
def quota() -> Iterator[Path]:
    """A control group that may use two hundredths of a second in each tenth, which two requests need."""
    mounts = cgroup._mounts()
    mount = mounts.get("cpu") or mounts.get("")
    if mount is None:
        pytest.skip("this system has no control groups")
    folder = mount[1] / f"stackmatrix-selftest-{os.getpid()}"
    try:
        folder.mkdir()
        if "cpu" in mounts:
            (folder / "cpu.cfs_quota_us").write_text("20000")
        else:
            (folder / "cpu.max").write_text("20000 100000")
    except OSError as error:
        with contextlib.suppress(OSError):
            folder.rmdir()
        pytest.skip(f"this system lets no control group be made: {error}")
    yield folder
    folder.rmdir()


def test_without_a_fault_none_is_found() -> None:
    assert drive().keys() & NEW == set()


def test_a_target_whose_control_group_is_throttled_is_no_result(quota: Path) -> None:
    found = drive(entering=quota)[Code.THROTTLED]
    assert found.severity == "invalid"


def test_a_page_that_makes_other_calls_under_load_breaks_littles_law_and_nothing_else_shows_it() -> None:
    found = drive("other_calls_under_load")
    assert found[Code.LITTLES_LAW].severity == "invalid"
    assert not found.keys() & {Code.CONSERVATION, Code.WRONG_BODY, Code.TOO_FAST}


def test_packets_that_are_lost_are_not_the_servers_latency() -> None:
    assert drive("losing_packets_under_load")[Code.NETWORK].severity == "invalid"


@pytest.mark.parametrize("is_there", [False, True], ids=["alone", "with a neighbour"])
def test_a_neighbour_on_the_targets_core_that_no_list_of_processes_shows_is_found(*, is_there: bool) -> None:
    unshare, layout = shutil.which("unshare"), divide_cores()
    if unshare is None or why_not_pinned(layout):
        pytest.skip("no namespace, or no core of its own for the target")
    neighbour = None
    if is_there:
        work = NEIGHBOUR.format(layout.target[0])
        neighbour = subprocess.Popen([sys.executable, "-c", work])
    try:
        command = [unshare, "--pid", "--fork", "--mount-proc", sys.executable, __file__]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=processes.child_environment()
        )
    finally:
        if neighbour is not None:
            neighbour.kill()
            neighbour.wait()
    if "unshare: " in done.stderr:
        pytest.skip("this user may not make a namespace")
    codes = json.loads(done.stdout)
    assert (Code.UNEXPLAINED_LOAD in codes) == is_there
    assert Code.FOREIGN_LOAD not in codes


if __name__ == "__main__":
    print(json.dumps(list(drive())))
