"""Nothing reaches out, and nothing private is anybody else's: a real small measurement, watched by the kernel."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from stackmatrix.errors import TrialError
from stackmatrix.system import logs, processes
from stackmatrix.system.cores import divide_cores
from stackmatrix.testbed import testbed
from tests.process import network_of_its_own, small_run
from tests.process.network_of_its_own import Used

pytestmark = pytest.mark.alone

SECRET = "s3cr3t of the shop"  # noqa: S105 - a made-up one
GIVEN = {**os.environ, "PYTHONPATH": os.pathsep.join([str(processes.SOURCE), str(processes.PROJECT)])}
SMALL_RUN = [sys.executable, "-m", "tests.process.small_run", SECRET]
REACHES_OUT = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
    asks.sendto(b"who is there?", ("127.0.0.1", 53))
with socket.socket() as calls:
    print(calls.connect_ex(("192.0.2.1", 80)))
"""


def in_a_network_of_its_own(folder: Path, command: list[str], umask: int = -1) -> tuple[Used, str]:
    file = folder / "used.json"
    whole = network_of_its_own.command_for(file, command)
    if whole is None:
        pytest.skip("there are no tools for a network of the test's own")
    done = subprocess.run(
        whole, cwd=processes.PROJECT, env=GIVEN, capture_output=True, text=True, check=False, umask=umask
    )
    if "unshare" in done.stderr and not file.exists():
        pytest.skip("this user may not make a network")
    used = Used.read(file)
    assert used.code == 0, done.stdout + done.stderr
    return used, done.stdout


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux has networks of one's own")
def test_only_loopback_is_listened_on_and_talked_to_and_nothing_is_looked_up(tmp_path: Path) -> None:
    used, said = in_a_network_of_its_own(tmp_path, SMALL_RUN, umask=0o000)
    assert len(used.listened) == 2, used  # the external API and the target
    assert {address.rpartition(":")[0] for address in used.listened} == {"127.0.0.1"}
    assert {*used.talked} <= {"127.0.0.1", "0.0.0.0"}  # noqa: S104 - the other end of a socket without one
    assert used.others == []
    assert used.sent
    assert not any(used.sent.values()), used.sent
    assert {Path(path).name for path in used.paths if not path.startswith("@")} == {"circus", "events"}
    assert {mode for path, mode in used.paths.items() if not path.startswith("@")} <= {"0o700", "gone"}
    need_private(said)


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux has networks of one's own")
def test_what_reaches_out_would_be_seen(tmp_path: Path) -> None:
    used, _ = in_a_network_of_its_own(tmp_path, [sys.executable, "-c", REACHES_OUT])
    assert used.sent["Udp OutDatagrams"] == 1
    assert used.sent["Ip OutNoRoutes"] >= 1


def test_all_that_a_testbed_has_on_disk_is_its_users_own_and_no_command_line_has_a_secret() -> None:
    done = subprocess.run(
        SMALL_RUN, cwd=processes.PROJECT, env=GIVEN, capture_output=True, text=True, check=False, umask=0o777
    )
    assert done.returncode == 0, done.stderr
    need_private(done.stdout)


def need_private(said: str) -> None:
    """Make sure that a small run's files and command lines are as they should be."""
    told = json.loads(said.splitlines()[-1])
    modes: dict[str, str] = told["modes"]
    assert modes.pop(".") == "0o700"
    assert {"circus", "events", "circus.ini", "api.log", "load-0.json", "planted"} <= modes.keys()
    assert {name: mode for name, mode in modes.items() if int(mode, 8) & 0o077} == {}
    lines = [" ".join(command) for command in told["commands"][1:]]  # the first is this test's own
    assert len(lines) > 3
    assert not [line for line in lines if SECRET in line]


BREAKS = """
import os, sys
try:
    raise ValueError("it does not fit: " + "x" * 470 + os.environ["TOKEN"])
except ValueError:
    sys.excepthook(*sys.exc_info())
print(repr(os.environ["TOKEN"]), flush=True)
sys.exit(1)
"""


def test_a_secret_in_a_traceback_is_in_no_sentence_and_no_log_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "KEPT_LOGS", tmp_path / "kept")
    one = small_run.subject(SECRET)
    broken = replace(one, stack=replace(one.stack, command=("{bin}/python", "-c", BREAKS)))
    with pytest.raises(TrialError) as failed, testbed.start([broken], divide_cores(), None) as bed:
        bed.verify()
    told = [str(failed.value), failed.value.log, *capfd.readouterr()]
    told += [path.read_text() for path in (tmp_path / "kept").iterdir()]
    assert "ValueError: it does not fit" in told[0]
    assert len(told) > 4
    assert not [text for text in told if "s3cr3t" in text]


CRASHES_WHEN_TOLD = """
import os, resource, signal
signal.signal(signal.SIGUSR1, lambda *_: os.abort())
print(resource.getrlimit(resource.RLIMIT_CORE)[0], flush=True)
signal.pause()
"""


def test_a_target_that_crashes_is_told_with_its_signal_and_leaves_no_core_with_its_secrets(
    wait_for: Callable[[Callable[[], object]], None],
) -> None:
    one = small_run.subject(SECRET)
    crashing = replace(one, stack=replace(one.stack, command=("{bin}/python", "-c", CRASHES_WHEN_TOLD)))
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        with testbed.start([crashing], divide_cores(), None) as bed:
            wait_for(lambda: bed.circus.log_of(crashing.name))
            os.kill(bed.circus.pid(crashing.name), signal.SIGUSR1)
            wait_for(lambda: bed.circus.why_gone(crashing.name))
            told = bed.circus.why_gone(crashing.name)
            assert re.search(r"^0$", bed.circus.log_of(crashing.name), re.MULTILINE)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    assert told is not None
    assert re.search(r"ended by itself( \(killed by SIGABRT\))?: 0 ", told), told
