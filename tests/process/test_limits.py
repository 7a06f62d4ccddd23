"""Limits that would stop a measurement in the middle, each made for real where this system lets it be made.

A child gets the limit, and is asked what it says of it; nothing is measured.
"""

import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from stackmatrix.errors import MachineLimitError
from stackmatrix.system import limits, linux, private_folders, processes
from stackmatrix.system.limits import Needs

ASK = "from stackmatrix.system import limits\nprint(*limits.stopping(), sep='\\n')"
UNSHARE = shutil.which("unshare")


def answer(command: Sequence[str]) -> str:
    done = subprocess.run(
        command, env=processes.child_environment(), check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def under(limit: str, program: str) -> str:
    """What a program prints under a limit of the shell."""
    return answer(["sh", "-c", f'ulimit {limit} && exec "$@"', "sh", sys.executable, "-c", program])


def in_own_namespaces(*options: str, first: str = "true", program: str) -> str:
    """What a program prints in namespaces of its own, once a line of the shell has changed them."""
    if UNSHARE is None or os.geteuid() != 0:
        pytest.skip("only root makes these namespaces")
    command = [UNSHARE, *options, "sh", "-c", f'{first} && exec "$@"', "sh", sys.executable, "-c", program]
    if subprocess.run([UNSHARE, *options, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system lets no namespace be made")
    return answer(command)


def test_this_machine_as_it_is_stops_nothing() -> None:
    assert list(limits.stopping(Needs(tasks=10, memory_bytes=10_000_000))) == []


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("-t 60", "A process may use 60 s of CPU time here and is then ended, and a run may need 600 s: "),
        ("-f 2000", "A file may have 1 MB here, and logs grow: raise the limit (ulimit -f unlimited)."),
        (
            "-s 512",
            "A thread has a stack of 512 kB here, which Django's calls use up: raise the limit (ulimit -s 512).",
        ),
        (
            "-Ss 512",
            "A thread has a stack of 512 kB here, which Django's calls use up: raise the limit (ulimit -s 8192).",
        ),
        ("-v 2000000", "A process may reserve 2,048 MB of memory here, and a hundred threads reserve up to 2,147 MB: "),
        ("-d 1000000", "A process may reserve 1,024 MB of memory here, and a hundred threads reserve up to 2,147 MB: "),
    ],
)
def test_a_limit_of_the_shell_is_said_with_its_remedy(limit: str, said: str) -> None:
    if sys.platform != "linux":
        pytest.skip("macOS ignores some of them")
    assert under(limit, ASK).startswith(said)


@pytest.mark.parametrize("limit", ["-St 60", "-Sf 2000", "-Sv 2000000", "-l 0", "-c unlimited", "-s unlimited"])
def test_what_can_be_raised_or_needs_nothing_is_not_in_the_way(limit: str) -> None:
    if sys.platform != "linux":
        pytest.skip("macOS ignores some of them")
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if limit == "-s unlimited" and hard != resource.RLIM_INFINITY:
        pytest.skip("the stack is limited here")
    assert under(limit, ASK) == ""


# Root may start as many as it likes: the child only looks as if it were somebody else, and the limit is a real one.
FEW = """
import os, resource
from stackmatrix.system import limits
os.geteuid = lambda: 1000
resource.setrlimit(resource.RLIMIT_NPROC, ({most}, {most}))
print(limits.why_few_tasks(200))
"""


def test_processes_and_threads_that_do_not_fit_beside_those_of_the_user_are_said() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux counts threads")
    now = sum(each.num_threads() for each in psutil.process_iter() if each.uids().real == os.getuid())
    said = answer([sys.executable, "-c", FEW.format(most=now + 60)])
    assert said.startswith("This user may start ")
    assert said.endswith(" more processes and threads, and what is measured needs 200: "
                         "raise its limit (ulimit -u), or choose stacks with fewer threads.")  # fmt: skip
    assert answer([sys.executable, "-c", FEW.format(most=now + 600)]) == "None"


def test_a_loopback_that_is_not_up_is_said() -> None:
    said = in_own_namespaces("--net", program=ASK)
    assert said.startswith("127.0.0.1, over which everything here talks, cannot be reached (")
    assert said.endswith("bring the loopback interface up (ip link set lo up).")
    start = "from stackmatrix.errors import StackmatrixError\nfrom stackmatrix.testbed import places\n"
    start += "try:\n    places.free_ports([])\nexcept StackmatrixError as error:\n    print(error.exit_code, error)"
    assert in_own_namespaces("--net", program=start) == f"14 {said}"


def test_a_temporary_folder_without_room_is_said(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=1m none {tmp_path} && export TMPDIR={tmp_path}"
    said = in_own_namespaces("--mount", first=mount, program=ASK)
    assert said == f"The temporary folder {tmp_path} has 1 MB left: make room, or set TMPDIR to another."


def test_a_file_that_something_has_put_in_place_of_the_kernels_tells_of_no_core(tmp_path: Path) -> None:
    """As lxcfs does in a container; here it is a copy, whose numbers are even right."""
    (tmp_path / "stat").write_text(Path(linux.STAT).read_text())
    ask = "from stackmatrix.system import linux\nprint(linux.core_times())"
    assert in_own_namespaces("--mount", first=f"mount --bind {tmp_path}/stat {linux.STAT}", program=ask) == "None"


def test_shared_memory_that_cannot_be_written_is_said() -> None:
    mount = f"mount -t tmpfs -o ro none {limits.SHARED}"
    ask = "from stackmatrix.system import limits\nprint(limits.why_no_shared_memory())"
    assert in_own_namespaces("--mount", first=mount, program=ask).startswith(f"{limits.SHARED} cannot be written")


def test_where_there_is_no_temporary_folder_at_all_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def get() -> str:
        # As Python has it where neither /tmp nor any other place can be written, which root can everywhere.
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", get)
    why = limits.why_no_temporary_folder()
    assert why == (
        "There is no temporary folder to write to (No usable temporary directory found): "
        "set TMPDIR to one that can be written."
    )
    with pytest.raises(MachineLimitError, match="No temporary folder can be made"):
        private_folders.make()


CALLS = {"x86_64": 203, "aarch64": 122}
"""The number of sched_setaffinity(2)."""
FORBID = """
import ctypes, struct
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
code = bytes.fromhex({code!r})
libc = ctypes.CDLL(None, use_errno=True)
program = Program(len(code) // 8, code)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges, without which only root may go on
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0, ctypes.get_errno()
from stackmatrix.system import cores
print(cores.can_pin(), cores.divide_cores() == cores.Layout(), cores.why_not_pinned(cores.divide_cores()))
"""


def forbidding(call: int) -> str:
    """A seccomp filter that answers one system call with EPERM, as containers' filters do, and allows all others."""
    load, equals, give = 0x20, 0x15, 0x06
    steps = ((load, 0, 0, 0), (equals, 0, 1, call), (give, 0, 0, 0x0005_0001), (give, 0, 0, 0x7FFF_0000))
    return b"".join(struct.pack("HBBI", *step) for step in steps).hex()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux filters system calls")
def test_where_a_container_forbids_pinning_nothing_is_pinned_and_it_is_said() -> None:
    call = CALLS.get(os.uname().machine)
    if call is None:
        pytest.skip("the number of the call is not known for this processor")
    said = answer([sys.executable, "-c", FORBID.format(code=forbidding(call))])
    assert said.startswith("False True This system cannot pin processes to cores: ")


def test_a_run_ends_before_it_measures_with_the_code_of_a_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stackmatrix", "calibrate", "--results", str(tmp_path)]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -t 60 && exec "$@"', "sh", *command],
        env=processes.child_environment(), check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (14, "")
    assert done.stderr.startswith("stackmatrix: A process may use 60 s of CPU time here and is ")
    assert done.stderr.count("\n") == 1
