"""Servers that an application needs, of the harness's own: what PostgreSQL and Redis have in common.

Each runs from the system's packages in a private folder, listens on 127.0.0.1 only, ends with the harness, and is gone
with its data when it is stopped. A harness that runs as root runs them as another user: PostgreSQL insists on it, and
what any process of the machine can connect to should not be root.
"""

import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from stackmatrix.errors import AppError, TrialError
from stackmatrix.system import interrupts, logs, ports, private_folders, processes

FIRST_PORT, SPREAD = 20_000, 8_000
"""Far from the ports of targets and from those that Linux gives to clients."""

READY_S = 30.0
"""From its start until it answers; a second or less where nothing is wrong."""
STOP_S = 10.0
"""From being asked until it is killed; both end at once, as there is nothing to save."""

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service is, in the parts that settings ask for; empty where it has no such part."""

    host: str
    port: int
    name: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Home:
    """A folder for a server's data, and the user that it runs as; ``None`` is the harness's own."""

    folder: Path
    user: str | None

    @property
    def uid(self) -> int | None:
        """The user's number, for children that are not started by the launcher."""
        return pwd.getpwnam(self.user).pw_uid if self.user else None


def make_home(folder: Path, name: str, user: str) -> Home:
    """Make an empty folder for a server below ``folder``, which nobody else may enter.

    For root it belongs to ``user``, and stands in the system's folder for temporary files where that user would not get
    through to ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return Home(Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder)), None)
    within = folder.resolve()
    can_pass = all(each.stat().st_mode & stat.S_IXOTH for each in (within, *within.parents))
    made = private_folders.make(name, within if can_pass else Path(tempfile.gettempdir()))
    entry = pwd.getpwnam(user)
    os.chown(made, entry.pw_uid, entry.pw_gid)
    return Home(made, user)


def find_port() -> int:
    """A free port, looked for from another place on in each process: two runs that begin together do not choose one."""
    (port,) = ports.find_free(FIRST_PORT + os.getpid() % SPREAD, 1)
    return port


@dataclass(frozen=True, slots=True)
class Service:
    """A running server; as a context manager it is stopped at the end.

    ``TITLE`` is what people call it, ``ASK_TO_END`` the signal that it gets in the end, and when the harness dies.
    """

    TITLE: ClassVar[str]
    ASK_TO_END: ClassVar[signal.Signals]

    child: subprocess.Popen[bytes] = field(repr=False)
    home: Home
    port: int

    @classmethod
    def bring_up(
        cls, folder: Path, user: str, log: str, make: Callable[[Home, int], Sequence[str]], **more: object
    ) -> Self:
        """Start a server in a folder of its own below ``folder``, and wait until it is ready.

        ``make`` fills that folder and returns the command that serves on a port. In ``log``, the name of a file in
        ``folder``, ``{port}`` stands for that. ``more`` are the fields that this service has beside those of all.

        Raises:
            AppError: with the last words of its log when it ends or takes too long.

        """
        home = make_home(folder, cls.TITLE.lower(), user)
        clean_up: Callable[[], None] = partial(private_folders.remove, home.folder)
        try:
            port = find_port()
            path = folder.resolve() / log.format(port=port)
            child = start(make(home, port), path, cls.ASK_TO_END, home.user)
            service = cls(child, home, port, **more)
            clean_up = service.stop
            service._wait(path)
            service.begin()
        except BaseException:  # Ctrl-C in the middle included
            clean_up()
            raise
        return service

    def _wait(self, log: Path) -> None:
        wait_until_up(self.child, self.TITLE, log, self.is_ready)

    def is_ready(self) -> bool:
        """Whether it can be asked."""
        raise NotImplementedError

    def begin(self) -> None:
        """Do what has to be done once, as soon as it is ready."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it with all its processes, and remove its data; stopping twice does nothing."""
        with interrupts.held():
            family = processes.tree(self.child.pid)
            try:
                processes.stop(self.child, STOP_S, self.ASK_TO_END)
                processes.end_all(family, STOP_S)  # PostgreSQL's processes have groups of their own
            finally:
                private_folders.remove(self.home.folder)


def start(
    command: Sequence[str], log: Path, death_signal: signal.Signals = signal.SIGTERM, user: str | None = None
) -> subprocess.Popen[bytes]:
    """Start a server that gets the signal when the harness dies.

    That is when the thread that called this ends, so call it from one that stays.
    """
    launch = [sys.executable, "-m", "stackmatrix.system.launch", "--open-files=32768", f"--log={log}"]
    launch += [f"--death-signal={death_signal.name}", *([f"--user={user}"] if user else []), "--"]
    # Messages are read by people and by us: in English. Time zones are the application's business.
    environment = processes.child_environment(LC_ALL="C", TZ="UTC")
    return processes.start([*launch, *command], environment=environment, log=log)


def wait_until_up(
    child: subprocess.Popen[bytes], title: str, log: Path, is_up: Callable[[], bool], within_s: float = READY_S
) -> None:
    """Wait for a server.

    Raises:
        AppError: with the last words of its log when it ends or takes too long.

    """

    def why_over() -> str | None:
        return f"it ended with exit code {child.poll()}" if child.poll() is not None else None

    try:
        processes.wait_until(lambda: is_up() or None, timeout_s=within_s, alive=why_over)
    except TrialError as error:
        said = logs.last_words(log)
        raise AppError(f"{title} did not start: {error}{f', saying {said}' if said else ''}") from error
