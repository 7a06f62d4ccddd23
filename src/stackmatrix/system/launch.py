"""``python -m stackmatrix.system.launch [--cores 0,1] [--open-files N] [--log FILE] ... -- COMMAND``: become that.

The process keeps its id, so whoever started it supervises the command itself. It writes to its log without anybody in
between, so that its last words are there as soon as it has ended. On Linux it also asks the kernel to end it with its
parent: a harness that is killed outright leaves nothing running. Variables come in a file that only this user can read:
those of a command line are seen by everybody.
"""

import argparse
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
            os.sched_setaffinity(0, self.cores)
        if self.folder is not None:
            os.chdir(self.folder)


def raise_open_files(wanted: int) -> int:
    """Raise the soft limit on open files to ``wanted`` or as far as the hard limit allows; returns what holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft if soft != resource.RLIM_INFINITY else wanted


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
        os.sched_setaffinity(0, {int(core) for core in options.cores.split(",")})
    if options.open_files:
        raise_open_files(options.open_files)
    if options.setting:
        Setting(**json.loads(options.setting.read_text(encoding="utf-8"))).take()
    if options.user:
        become(options.user)
    end_with_parent(signal.Signals[options.death_signal])  # after the user: the kernel forgets it with a change of that
    try:
        os.execvp(options.command[0], options.command)
    except OSError as error:
        sys.exit(f"{options.command[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
