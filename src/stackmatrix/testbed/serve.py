"""Stacks served to be tried by hand: circus runs the external API and every chosen stack, locust shows its web page.

All come up or nothing stays: a server that is missing would look like one that is slow. Once all are up, one that ends
is told, and the rest stays, because crashing a server is part of trying it. Figures to keep come from trials only.
"""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.matrix.stacks import Stack
from stackmatrix.matrix.workloads import API_PORT
from stackmatrix.system import cores, host, http, processes
from stackmatrix.testbed import environments, supervisor, verification
from stackmatrix.testbed.supervisor import Supervisor, Target

LOCUSTFILE = processes.PROJECT / "locust" / "webui.py"
PAGE_PORT = 8089
"""Where locust's web page is, on 127.0.0.1."""
PAGE_FORM = ("--users=100", "--spawn-rate=10", "--run-time=30s")
"""What the page's form is filled in with."""
PAGE_TIMEOUT_S = 30.0
"""For locust to import itself and show its page, which takes a second or two."""
PAGE_STOP_TIMEOUT_S = 10.0
"""For locust to end, whatever load it is in the middle of."""
WATCH_S = 0.2
"""Between looks at what is served: short enough to be told at once."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a polite kill, and a terminal that was closed."""


def ports(stacks: Sequence[Stack]) -> Iterator[tuple[int, str]]:
    """Every port that serving these stacks takes, and what for."""
    yield API_PORT, "the external API"
    for stack in stacks:
        yield stack.port, stack.name
        if stack.stats_port is not None:
            yield stack.stats_port, f"the statistics of {stack.name}"
    yield PAGE_PORT, "locust's web page"


@dataclass(frozen=True, slots=True)
class Served:
    """What was started: it answers after :meth:`wait_ready`."""

    stacks: tuple[Stack, ...]
    circus: Supervisor
    page: "subprocess.Popen[bytes]"
    folder: Path

    def wait_ready(self) -> None:
        """Wait until everything answers.

        Raises:
            SupervisorError: naming the first that does not, with the end of its log.

        """
        with self._blaming("api"):
            verification.wait_for_api(API_PORT, lambda: self._why_gone("api"))
        for stack in self.stacks:
            with self._blaming(stack.name):
                verification.wait_for_target(stack.port, lambda name=stack.name: self._why_gone(name))  # type: ignore[misc]
        with self._blaming("locust"):
            processes.wait_until(
                lambda: http.try_get(PAGE_PORT, "/"),
                timeout_s=PAGE_TIMEOUT_S,
                alive=lambda: self._why_gone("locust"),
            )
        self.circus.note_tree()

    def watch(self, tell: Callable[[str], None]) -> None:
        """Tell of everything that ends, once, for as long as a stack is left.

        Raises:
            SupervisorError: when none is.

        """
        left = ["api", "locust", *(stack.name for stack in self.stacks)]
        while any(stack.name in left for stack in self.stacks):
            for name in tuple(left):
                reason = self._why_gone(name)
                if reason is not None:
                    left.remove(name)
                    tell(f"{reason[0].upper()}{reason[1:]}")
            time.sleep(WATCH_S)
        raise SupervisorError("No stack is left, each has ended as told above: run again to start them afresh.")

    def _why_gone(self, name: str) -> str | None:
        if name != "locust":
            return self.circus.why_gone(name)
        if self.page.poll() is None:
            return None
        return f"locust's web page ended by itself: {processes.last_words(self.folder / 'locust.log')}"

    @contextlib.contextmanager
    def _blaming(self, name: str) -> Iterator[None]:
        try:
            yield
        except TrialError as error:
            told, end = str(error), processes.last_words(self.folder / f"{name}.log")
            # One that ended is named with the end of its log already, one that is only silent is not.
            raise not_served(told if name in told else f"{name}: {told} Its log ends: {end or '(empty)'}") from error


@contextlib.contextmanager
def start(stacks: Sequence[Stack], python: str) -> Iterator[Served]:
    """Start stacks on one Python, the external API and locust's page, and stop all of them at the end.

    Raises:
        EnvironmentMissingError: when a stack is not installed on this Python.
        SupervisorError: when circus cannot start one of them, or one would not end.

    """
    targets = [
        Target(stack.name, environments.need(stack.name, python).command(stack, *stack.watch), stack.port)
        for stack in stacks
    ]
    names = [target.name for target in targets]
    layout = cores.divide_cores()
    folder = supervisor.private_folder()
    ini = folder / "circus.ini"
    ini.write_text(supervisor.ini_for_many(supervisor.CIRCUS_INI.read_text(encoding="utf-8"), names), encoding="utf-8")
    circus = Supervisor(
        ini=ini,
        environment=supervisor.variables_for_many(targets, API_PORT, layout, folder),
        folder=folder,
        watchers=("api", *names),
        cores=layout.harness,
    )
    try:
        with circus, _page(names, folder, layout.harness) as page:
            yield Served(tuple(stacks), circus, page, folder)
    except TrialError as error:
        raise not_served(str(error)) from error
    finally:
        supervisor.remove(folder)


@contextlib.contextmanager
def _page(names: Sequence[str], folder: Path, cores: Sequence[int]) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "stackmatrix.system.launch", f"--cores={','.join(map(str, cores))}"]
    command += [f"--open-files={host.WANTED_OPEN_FILES}", "--", sys.executable, "-m", "locust"]
    command += [f"--locustfile={LOCUSTFILE}", "--web-host=127.0.0.1", f"--web-port={PAGE_PORT}", *PAGE_FORM]
    # Without a home of its own, locust would read the user's ~/.locust.conf.
    environment = processes.child_environment(HOME=str(folder), STACKMATRIX_SERVED=",".join(names))
    child = processes.start(command, environment=environment, log=folder / "locust.log")
    try:
        yield child
    finally:
        processes.stop(child, timeout_s=PAGE_STOP_TIMEOUT_S)


def not_served(reason: str) -> SupervisorError:
    """The error for a server that does not come up."""
    return SupervisorError(
        f"Not everything came up, so everything was stopped: {reason.rstrip('. ')}. "
        "Mend it, or name the stacks that work: nox -s serve -- A B"
    )


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let the first of several signals raise ``KeyboardInterrupt``, and the others do nothing.

    So a second Ctrl-C cannot break off the stopping; :func:`uninterrupted` keeps a first one from it.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Take no more signals once the body has ended, for whatever is cleaned up around it."""
    try:
        yield
    finally:
        _ignore()


def _ignore() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
