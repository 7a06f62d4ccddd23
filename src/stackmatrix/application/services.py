"""Servers that an application needs, of the harness's own: what PostgreSQL and Redis have in common.

Each runs from the system's packages in a private folder, listens on 127.0.0.1 only, ends with the harness, and is gone
with its data when it is stopped. A harness that runs as root runs them as another user: PostgreSQL insists on it, and
what any process of the machine can connect to should not be root.
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stackmatrix.errors import AppError, TrialError
from stackmatrix.system import ports, processes

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


@contextmanager
def removed_on_failure(home: Home) -> Iterator[None]:
    """Take a server's folder away when it does not come up, Ctrl-C in the middle included."""
    try:
        yield
    except BaseException:
        remove(home)
        raise


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
    made = Path(tempfile.mkdtemp(prefix=f"stackmatrix-{name}-", dir=within if can_pass else None))
    entry = pwd.getpwnam(user)
    os.chown(made, entry.pw_uid, entry.pw_gid)
    return Home(made, user)


def find_port() -> int:
    """A free port, looked for from another place on in each process: two runs that begin together do not choose one."""
    (port,) = ports.find_free(FIRST_PORT + os.getpid() % SPREAD, 1)
    return port


def remove(home: Home) -> None:
    """Remove a server's folder with all that is in it."""
    shutil.rmtree(home.folder, ignore_errors=True)


def start(command: Sequence[str], home: Home, log: Path, death_signal: signal.Signals) -> subprocess.Popen[bytes]:
    """Start a server that gets the signal when the harness dies.

    That is when the thread that called this ends, so call it from one that stays.
    """
    launch = [sys.executable, "-m", "stackmatrix.system.launch", "--open-files=32768", f"--log={log}"]
    launch += [f"--death-signal={death_signal.name}", *([f"--user={home.user}"] if home.user else []), "--"]
    # Messages are read by people and by us: in English. Time zones are the application's business.
    environment = processes.child_environment(LC_ALL="C", TZ="UTC")
    return processes.start([*launch, *command], environment=environment, log=log)


def wait_until_ready(child: subprocess.Popen[bytes], is_ready: Callable[[], bool], name: str, log: Path) -> None:
    """Wait for a server.

    Raises:
        AppError: with the last words of its log when it ends or takes too long.

    """

    def why_over() -> str | None:
        return f"it ended with exit code {child.poll()}" if child.poll() is not None else None

    try:
        processes.wait_until(lambda: is_ready() or None, timeout_s=READY_S, alive=why_over)
    except TrialError as error:
        said = processes.last_words(log)
        raise AppError(f"{name} did not start: {error}{f', saying {said}' if said else ''}") from error


def stop(child: subprocess.Popen[bytes], home: Home, ask: signal.Signals) -> None:
    """Stop a server, all its processes, and remove its data."""
    family = processes.tree(child.pid)
    try:
        processes.stop(child, STOP_S, ask)
        processes.end_all(family, STOP_S)  # PostgreSQL's processes have groups of their own
    finally:
        remove(home)
