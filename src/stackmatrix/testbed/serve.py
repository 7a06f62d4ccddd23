"""Stacks served to be tried by hand: circus runs the external API and every chosen stack, locust shows its web page.

All come up or nothing stays: a server that is missing would look like one that is slow. Once all are up, one that ends
is reported, and the rest stays, because crashing a server is part of trying it. Figures to keep come from trials only.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType

from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.stacks import Stack
from stackmatrix.matrix.stacks.stack import FIRST_PORT
from stackmatrix.system import cores, host, http, logs, processes
from stackmatrix.system.ports import API_PORT
from stackmatrix.testbed import testbed
from stackmatrix.testbed.supervisor import API
from stackmatrix.testbed.testbed import Testbed
from stackmatrix.testbed.watch import SubjectError

LOCUSTFILE = processes.PROJECT / "locust" / "webui.py"
PAGE, PAGE_LOG = "locust", "locust.log"
PAGE_PORT = 8089
"""Where locust's web page is on 127.0.0.1, unless another port is chosen."""
PAGE_FORM = ("--users=100", "--spawn-rate=10", "--run-time=30s")
"""What the page's form is filled in with."""
PAGE_TIMEOUT_S = 30.0
"""For locust to import itself and show its page, which takes a second or two."""
PAGE_STOP_TIMEOUT_S = 10.0
"""For locust to end, whatever load it is in the middle of."""
WATCH_S = 0.2
"""Between looks at what is served: short enough to be reported at once."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a polite kill, and a terminal that was closed."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The ports of what is served: the table's first stack, which the others follow, the external API, and the page."""

    first: int = FIRST_PORT
    api: int = API_PORT
    page: int = PAGE_PORT

    def of(self, stack: Stack) -> Stack:
        """A stack at its port; its statistics move as far."""
        return replace(stack, port=stack.port - FIRST_PORT + self.first)


def ports_of(stacks: Sequence[Stack], at: "Addresses | None" = None) -> Iterator[tuple[int, str, str]]:
    """Every port that serving these stacks takes, what for, and the option that chooses another."""
    at = at or USUAL
    yield at.api, "the external API", "--api-port"
    for stack in map(at.of, stacks):
        yield stack.port, stack.name, "--port"
        if stack.stats_port is not None:
            yield stack.stats_port, f"the statistics of {stack.name}", "--port"
    yield at.page, "locust's web page", "--page-port"


USUAL = Addresses()


@dataclass(frozen=True, slots=True)
class Served:
    """What was started: it answers after :meth:`wait_ready`."""

    bed: Testbed
    page: "subprocess.Popen[bytes]"
    page_port: int

    def wait_ready(self) -> None:
        """Wait until everything answers.

        Raises:
            SupervisorError: naming the first that does not, with the end of its log.

        """
        try:
            self.bed.verify(pages=False)
        except TrialError as error:
            name = error.subject.stack.name if isinstance(error, SubjectError) else "external API"
            raise not_served(str(error) if name in str(error) else f"{name}: {error}") from error
        try:
            look = partial(http.try_get, self.page_port, "/")
            processes.wait_until(look, timeout_s=PAGE_TIMEOUT_S, alive=partial(self.why_gone, PAGE))
        except TrialError as error:
            raise not_served(f"locust's web page: {error}") from error

    def watch(self, tell: Callable[[str], None]) -> None:
        """Tell of everything that ends, once, for as long as a stack is left.

        Raises:
            SupervisorError: when none is.

        """
        stacks = {place.subject.name for place in self.bed.places}
        left = [API, PAGE, *stacks]
        while stacks & {*left}:
            for name in tuple(left):
                reason = self.why_gone(name)
                if reason is not None:
                    left.remove(name)
                    tell(f"{reason[0].upper()}{reason[1:]}")
            time.sleep(WATCH_S)
        raise SupervisorError("No stack is left, each has ended as said above: run again to start them afresh.")

    def why_gone(self, name: str) -> str | None:
        if name != PAGE:
            return self.bed.circus.why_gone(name)
        if self.page.poll() is None:
            return None
        return f"locust's web page ended by itself: {logs.last_words(self.bed.circus.folder / PAGE_LOG)}"


@contextlib.contextmanager
def start(
    subjects: Sequence[Subject], pages: Mapping[str, Sequence[Page]] | None = None, addresses: Addresses = USUAL
) -> Iterator[Served]:
    """Start subjects on their stacks' own ports, the external API and locust's page; stop all of them at the end.

    ``pages`` are those of an application that is not the built-in site, by workload.

    Raises:
        SupervisorError: when circus cannot start one of them, or one would not end.

    """
    layout = cores.divide_cores()
    subjects = [replace(subject, stack=addresses.of(subject.stack)) for subject in subjects]
    at = {API: addresses.api, **{subject.name: subject.stack.port for subject in subjects}}
    try:
        with (
            testbed.start(subjects, layout, None, at=at, added=lambda one: one.stack.watch) as bed,
            _page(subjects, pages, bed.circus.folder, layout.harness, addresses.page) as page,
        ):
            yield Served(bed, page, addresses.page)
    except TrialError as error:
        raise not_served(str(error)) from error


@contextlib.contextmanager
def _page(
    subjects: Sequence[Subject],
    pages: Mapping[str, Sequence[Page]] | None,
    folder: Path,
    cores: Sequence[int],
    port: int,
) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "stackmatrix.system.launch", f"--cores={','.join(map(str, cores))}"]
    command += [f"--open-files={host.WANTED_OPEN_FILES}", "--", sys.executable, "-m", "locust"]
    # From the project's folder: locust takes a comma in a path for the beginning of another file.
    command += [
        f"--locustfile={os.path.relpath(LOCUSTFILE, processes.PROJECT)}",
        "--web-host=127.0.0.1",
        f"--web-port={port}",
        *PAGE_FORM,
    ]
    # Without a home of its own, locust would read the user's ~/.locust.conf.
    served = ",".join(f"{one.stack.name}={one.stack.port}" for one in subjects)
    environment = processes.child_environment(HOME=str(folder), STACKMATRIX_SERVED=served)
    if pages is not None:
        asked = folder / "pages.json"
        asked.touch(0o600)  # their headers have sessions
        asked.write_text(
            json.dumps({name: [asdict(one) for one in some] for name, some in pages.items()}), encoding="utf-8"
        )
        environment["STACKMATRIX_PAGES"] = str(asked)
    child = processes.start(command, environment=environment, log=folder / PAGE_LOG)
    try:
        yield child
    finally:
        processes.stop(child, timeout_s=PAGE_STOP_TIMEOUT_S)


def not_served(reason: str) -> SupervisorError:
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
