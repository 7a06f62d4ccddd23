"""Work on a used core that this system does not show: its own processes are in a namespace of their own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

import psutil
import pytest

from stackmatrix.analysis.level import machine_checks
from stackmatrix.system import processes

type StartChild = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]

# As the harness in a container: it sees itself and a target that rests, on a core where somebody else works.
LOOK = """
import json, os, subprocess, sys, time
from stackmatrix.system.machine_meter import MachineMeter
from stackmatrix.system.process_meter import Meters
core = int(sys.argv[1])
rest = f"import os, time; os.sched_setaffinity(0, [{core}]); time.sleep(600)"
target = subprocess.Popen([sys.executable, "-c", rest])
meters, machine = Meters({"target": [target.pid]}), MachineMeter((core,), (), {})
ours = [os.getpid(), target.pid]
machine.open(ours)
meters.begin()
machine.begin()
time.sleep(2)
machine.end()
share = meters.end()["target"].cpu_share
around = machine.close(ours, {(core,): share})
target.kill()
target.wait()
print(json.dumps([around.foreign_share, around.unexplained.share, list(around.unexplained.cores)]))
"""


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux has namespaces")
def test_a_neighbour_that_is_not_shown_is_found_by_the_time_that_its_core_was_busy(start_child: StartChild) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no tool for a namespace")
    core = max(os.sched_getaffinity(0))
    neighbour = psutil.Process(start_child([sys.executable, "-c", "while True: pass"]).pid)
    neighbour.cpu_affinity([core])
    command = [unshare, "--pid", "--fork", "--mount-proc", sys.executable, "-c", LOOK, str(core)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=processes.child_environment()
    )
    if "unshare failed" in done.stderr or "unshare: " in done.stderr:
        pytest.skip("this user may not make a namespace")
    foreign_share, unexplained, cores = json.loads(done.stdout)
    assert cores == [core]
    assert foreign_share < 0.05  # nobody else is seen
    # However many others want that core, its share of it is more than what a level may have.
    assert unexplained > machine_checks.UNEXPLAINED_SHARE
