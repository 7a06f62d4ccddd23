"""Redis, or Valkey, of the harness's own: one server for each subject of a run, so that none sees another's keys.

It keeps nothing on disk by itself. It asks for no password, since most settings of a cache have no place for one; what
can be asked of it from elsewhere on this machine reaches no file and no program, and it does not run as root.
"""

import os
import shutil
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from stackmatrix.application.services import HOST, Address, Home, Service
from stackmatrix.errors import AppError

PROGRAMS = ("redis-server", "valkey-server")
MISSING = (
    "Redis is not installed, and the application asks for it in services: install the system's package "
    "(Debian, Ubuntu: apt install redis-server; macOS: brew install redis)."
)
USER = "nobody"
"""Whom it runs as when the harness is root."""

ANSWER_S = 10.0
"""For the answer to one command; emptying a server of millions of keys takes about a second."""

SAVED = "dump.rdb"
"""What Redis calls the file that it writes its keys to, and reads them from when it starts."""


def find_program() -> str:
    """The server's program.

    Raises:
        AppError: when there is none.

    """
    for program in PROGRAMS:
        found = shutil.which(program)
        if found:
            return found
    raise AppError(MISSING)


@dataclass(frozen=True, slots=True)
class Redis(Service):
    """A running server."""

    TITLE: ClassVar[str] = "Redis"
    ASK_TO_END: ClassVar[signal.Signals] = signal.SIGTERM

    @classmethod
    def start(cls, folder: Path, content: Path | None = None) -> Self:
        """Bring a server up; its log is ``redis-<port>.log`` in ``folder``.

        ``content``: what another server has saved, which this one begins with; empty without it.

        Raises:
            AppError: when Redis is not installed or does not start.

        """
        program = find_program()

        def make(home: Home, port: int) -> Sequence[str]:
            if content is not None:
                begun = shutil.copyfile(content, home.folder / SAVED)
                if (uid := home.uid) is not None:
                    os.chown(begun, uid, -1)
            command = [program, "--port", str(port), "--bind", HOST, "--dir", str(home.folder), "--daemonize", "no"]
            return [*command, "--save", "", "--appendonly", "no"]

        return cls.bring_up(folder, USER, "redis-{port}.log", make)

    def is_ready(self) -> bool:
        try:
            return self.ask("PING") == "PONG"
        except (OSError, AppError):
            return False

    def save(self) -> Path:
        """Write all keys of all its databases into a file of its folder, for another server to begin with."""
        self.ask("SAVE")
        return self.home.folder / SAVED

    @property
    def address(self) -> Address:
        """Where an application finds it; a database's number may be added to the URL, as in ``redis://…/0``."""
        return Address(HOST, self.port, url=f"redis://{HOST}:{self.port}")

    def ask(self, command: str) -> str:
        """Send a command that is answered in one line; returns that line.

        Raises:
            AppError: when the server answers with an error, or with more than a line.
            OSError: when it does not answer.

        """
        with socket.create_connection((HOST, self.port), ANSWER_S) as connection, connection.makefile("rb") as answers:
            connection.sendall(f"{command}\r\n".encode())
            answer = answers.readline().decode().strip()
        if answer[:1] not in {"+", ":"}:
            raise AppError(f"Redis refused {command}: {answer.lstrip('-') or 'it closed the connection'}")
        return answer[1:]
