"""``python -m stackmatrix.system.launch [--cores 0,1] [--open-files N] [--log FILE] ... -- COMMAND``: become that.

The process keeps its id, so whoever started it supervises the command itself. It writes to its log without anybody in
between, so that its last words are there as soon as it has ended. On Linux it also asks the kernel to end it with its
parent: a harness that is killed outright leaves nothing running. Variables come in a file that only this user can read:
those of a command line are seen by everybody.
"""

import argparse
import contextlib
import ctypes
import json
import os
import pwd
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Setting:
    """What a command is given beside its arguments: more variables, the folder that it is started in, and its cores.

    No cores are those of ``--cores``. ``secrets`` are the names of those variables whose values are not to be seen
    anywhere.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    folder: str | None = None
    cores: Sequence[int] = ()
    secrets: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Keep it in a new file for :func:`main`; values may be secret."""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)

    def take(self) -> None:
        """Give it to this process, and so to what it becomes."""
        os.environ.update(self.variables)
        if self.cores:
            pin(self.cores)
        if self.folder is not None:
            os.chdir(self.folder)


def pin(cores: Sequence[int]) -> None:
    """Run on these cores from now on, or end with a sentence where none of them may be used."""
    try:
        os.sched_setaffinity(0, cores)
    except OSError as error:
        why = "was it taken offline, or has a container's cpuset changed?"
        sys.exit(f"Core {', '.join(map(str, cores))} may not be used here ({error.strerror}): {why}")


def raise_open_files(wanted: int) -> int:
    """Raise the soft limit on open files to ``wanted``, or as far as that goes; returns what holds now.

    The hard limit is not all: macOS has none, and yet refuses more than ``kern.maxfilesperproc``, as Linux does with
    ``fs.nr_open`` and some containers with less. How far it goes is then found by trying.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    # Without a limit there is one all the same, which nothing tells: so a number is set in its place.
    has_limit = soft != resource.RLIM_INFINITY
    if has_limit and soft >= wanted:
        return soft
    allowed, refused = soft if has_limit else 0, wanted + 1
    tried = wanted
    while refused - allowed > 1:
        if _allow_open_files(tried, hard):
            allowed = tried
        else:
            refused = tried
        tried = (allowed + refused) // 2
    return allowed


def _allow_open_files(count: int, hard: int) -> bool:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    except (ValueError, OSError):  # the former for what is not allowed, the latter for all else
        return False
    return True


def leave_no_dumps() -> None:
    """Have this process leave no dump of its memory behind when it crashes: it may hold secrets."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def end_with_parent(sent: signal.Signals) -> None:
    """Have the kernel send a signal to this process when its parent dies; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, sent)


def become(user: str) -> None:
    """Go on as another user, with that user's groups; only root may."""
    entry = pwd.getpwnam(user)
    os.initgroups(entry.pw_name, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def write_to(log: str) -> None:
    """Add all further output of this process to a file."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def main() -> None:
    parser = argparse.ArgumentParser(prog="stackmatrix.system.launch")
    parser.add_argument("--cores", default="", help="comma-separated; empty: wherever the kernel likes")
    parser.add_argument("--open-files", type=int, default=0)
    parser.add_argument("--log", help="file that its output is added to; without it, wherever this one's goes")
    parser.add_argument("--setting", type=Path, help="file of a Setting")
    parser.add_argument("--user", help="whom it runs as, when this is root")
    parser.add_argument("--death-signal", default="SIGTERM", help="what it gets when its parent dies")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.log:
        write_to(options.log)
    if options.cores:
        pin([int(core) for core in options.cores.split(",")])
    if options.open_files:
        raise_open_files(options.open_files)
    if options.setting:
        Setting(**json.loads(options.setting.read_text(encoding="utf-8"))).take()
    if options.user:
        become(options.user)
    leave_no_dumps()
    end_with_parent(signal.Signals[options.death_signal])  # after the user: the kernel forgets it with a change of that
    try:
        os.execvp(options.command[0], options.command)
    except OSError as error:
        sys.exit(f"{options.command[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
