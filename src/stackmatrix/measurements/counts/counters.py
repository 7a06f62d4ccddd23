"""Programs that count the instructions of a server's processes: callgrind, or the processor's own counters by perf.

callgrind runs every instruction in a virtual machine, some fifty times slower, and so repeats almost exactly whatever
the machine around it does. perf reads the processor at full speed, where it lets itself be read: few virtual machines
allow it.
"""

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from stackmatrix.analysis import callgrind
from stackmatrix.analysis.callgrind import Costs, Function
from stackmatrix.errors import CounterMissingError, TrialError
from stackmatrix.outside.files import read_log
from stackmatrix.outside.text import one_line

ASK_TIMEOUT_S = 120.0
"""For a process under valgrind to answer: it does so between two of its slow instructions, and dumps some MB."""
PERF_EVENT = "instructions:u"
NOT_COUNTED = "perf counted no instructions: see perf_event_paranoid below /proc/sys/kernel."
MISSING = (
    "Instructions are counted with valgrind, which is not installed here (Debian, Ubuntu: apt install valgrind), "
    "or with perf, which can read no counters here: the processor has none, or the kernel or a container forbids it."
)


class InstructionCounter(Protocol):
    """Counts what some processes execute between two moments."""

    version: str

    def wrap(self, command: Sequence[str]) -> tuple[str, ...]:
        """The command line that runs a server so that it can be counted."""

    def begin(self, pids: Collection[int]) -> None:
        """Count from now on."""

    def end(self, pids: Collection[int]) -> Costs:
        """What was executed since."""


class Callgrind:
    """valgrind's callgrind, asked through its gdb server."""

    def __init__(self, version: str, folder: Path) -> None:
        self.version = version
        self._folder = folder
        self._vgdb = f"--vgdb-prefix={folder}/vgdb"

    def wrap(self, command: Sequence[str]) -> tuple[str, ...]:
        output = f"--callgrind-out-file={self._folder}/costs.%p"
        return ("valgrind", "--tool=callgrind", "--quiet", "--trace-children=yes", output, self._vgdb, *command)

    def begin(self, pids: Collection[int]) -> None:
        for pid in pids:
            self._ask(pid, "zero")

    def end(self, pids: Collection[int]) -> Costs:
        """Have every process write what it has, and add it up.

        Raises:
            TrialError: when one does not, or what it wrote is not understood.

        """
        for pid in pids:
            self._ask(pid, "dump")
        costs: Costs = Counter()
        for path in self._folder.glob("costs.*"):
            try:
                with path.open(encoding="utf-8", errors="replace") as lines:
                    costs += callgrind.parse(lines)
            except ValueError as error:
                raise TrialError(f"callgrind's figures were not understood: {error}.") from error
            path.unlink()
        return costs

    def _ask(self, pid: int, order: str) -> None:
        command = ["vgdb", self._vgdb, f"--pid={pid}", order]
        try:
            subprocess.run(
                command, capture_output=True, encoding="utf-8", errors="replace", timeout=ASK_TIMEOUT_S, check=True
            )
        except subprocess.CalledProcessError as error:
            words = error.stderr.strip().splitlines()
            raise TrialError(f"Process {pid} is not counted by callgrind: {' '.join(words[-1:])}.") from error
        except subprocess.TimeoutExpired as error:
            raise TrialError(f"Process {pid} gave no figures within {ASK_TIMEOUT_S:g} s.") from error


class Perf:
    """The processor's own counters. It cannot tell the parts."""

    def __init__(self, version: str, folder: Path) -> None:
        self.version = version
        self._output = folder / "perf.csv"
        self._child: subprocess.Popen[bytes] | None = None
        self._control: tuple[int, int] = (-1, -1)

    def wrap(self, command: Sequence[str]) -> tuple[str, ...]:
        return tuple(command)

    def begin(self, pids: Collection[int]) -> None:
        """Attach to all processes, and count once that is done.

        Raises:
            TrialError: when perf cannot.

        """
        (orders, to_perf), (from_perf, acks) = os.pipe(), os.pipe()
        # Attaching takes its time, so it begins disabled and is enabled when that is done.
        control = ["--delay=-1", f"--control=fd:{orders},{acks}", "--pid", ",".join(map(str, pids))]
        self._child = subprocess.Popen(_perf_stat(self._output, *control), env=_in_english(), pass_fds=(orders, acks))
        os.close(orders)
        os.close(acks)
        self._control = to_perf, from_perf
        self._tell("enable")

    def end(self, pids: Collection[int]) -> Costs:
        """Detach, and read what was counted.

        Raises:
            TrialError: when nothing was.

        """
        del pids
        self._tell("disable")
        self._detach()
        counted = _read_perf(self._output)
        if counted is None:
            raise TrialError(NOT_COUNTED)
        return Counter({Function("", ""): counted})

    def _tell(self, order: str) -> None:
        to_perf, from_perf = self._control
        try:
            os.write(to_perf, f"{order}\n".encode())
            answered = os.read(from_perf, 16)
        except BrokenPipeError:
            answered = b""
        if not answered:
            self._detach()
            raise TrialError(NOT_COUNTED)

    def _detach(self) -> None:
        assert self._child is not None
        self._child.send_signal(signal.SIGINT)
        self._child.wait(ASK_TIMEOUT_S)
        for end in self._control:
            os.close(end)


def _perf_stat(output: Path, *arguments: str) -> list[str]:
    return ["perf", "stat", "--field-separator=,", "--event", PERF_EVENT, "--output", str(output), *arguments]


def _read_perf(output: Path) -> int | None:
    """The count of a file that ``perf stat`` wrote, or ``None`` when it could not count."""
    for line in read_log(output).split("\n") if output.exists() else ():
        count, _, rest = line.partition(",")
        if PERF_EVENT in rest and re.fullmatch(r"\d{1,18}(\.\d*)?", count, re.ASCII):
            return round(float(count))
    return None


def choose(folder: Path) -> InstructionCounter:
    """The counter that this machine has, callgrind first; it keeps its files in ``folder``.

    Raises:
        CounterMissingError: when there is none.

    """
    if shutil.which("valgrind") and shutil.which("vgdb"):
        return Callgrind(_version("valgrind"), folder)
    if shutil.which("perf"):
        probe = folder / "probe.csv"
        subprocess.run(_perf_stat(probe, "--", "true"), env=_in_english(), capture_output=True, check=False)
        if _read_perf(probe) is not None:
            return Perf(_version("perf"), folder)
    raise CounterMissingError(MISSING)


def _version(program: str) -> str:
    """What a program calls itself, such as ``valgrind-3.19.0``."""
    done = subprocess.run([program, "--version"], capture_output=True, env=_in_english(), check=False)
    return one_line(done.stdout.decode(errors="replace"))


def _in_english() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}
