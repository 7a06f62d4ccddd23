"""PostgreSQL of the harness's own: a cluster that is made for a run and thrown away with it.

An application gets a role that is no superuser, as it has in production, and databases that are its own. Everything is
asked with psql, which comes with the server, so the harness needs no driver.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import quote

from stackmatrix.application.services import HOST, Address, Home, Service
from stackmatrix.errors import AppError

MOST_CONNECTIONS = 300
"""What one database allows: more than any stack has threads, so that who reaches it keeps connections needlessly."""

RESERVED = 3
"""Connections kept for the harness, which must be able to ask when an application has used up its own."""

ADMIN, ROLE = "harness", "app"
"""The superuser, and the role that applications connect as."""

LONGEST_NAME_BYTES = 63
"""PostgreSQL cuts longer names off, so that two of them could become one."""

STATEMENT_S = 60.0
"""For one statement of ours; the longest copies a database, in some seconds."""
MAKE_S = 120.0
"""For making a cluster; a second where the machine is not busy."""

DEBIAN = Path("/usr/lib/postgresql")
PROGRAMS = ("initdb", "postgres", "psql")
MISSING = (
    "PostgreSQL is not installed, and the application asks for it in services: install the system's package "
    "(Debian, Ubuntu: apt install postgresql; macOS: brew install postgresql)."
)

SETTINGS = (
    # Nothing outlives the run, and the disk is not what is measured: docs/decisions/0024.
    "fsync=off", "synchronous_commit=off", "full_page_writes=off",
    # Cleaning in the background would fall on one stack and not on another; see Postgres.settle.
    "autovacuum=off",
    f"listen_addresses={HOST}", "unix_socket_directories=", "timezone=UTC", "log_timezone=UTC",
    f"superuser_reserved_connections={RESERVED}",
)  # fmt: skip


def find_programs(debian: Path = DEBIAN) -> Path:
    """The folder of PostgreSQL's programs: Debian's newest, which it keeps off the path, else that of ``initdb``.

    Raises:
        AppError: when there is none.

    """
    debians = [path for path in debian.glob("*/bin") if re.fullmatch(r"\d+", path.parent.name)]
    for folder in sorted(debians, key=lambda path: -int(path.parent.name)):
        if all((folder / program).exists() for program in PROGRAMS):
            return folder
    found = shutil.which("initdb")
    if found and all((Path(found).parent / program).exists() for program in PROGRAMS):
        return Path(found).parent
    raise AppError(MISSING)


def need_user() -> str:
    """Whom the server runs as when the harness is root.

    Raises:
        AppError: when there is no such user.

    """
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError as error:
        raise AppError(
            "PostgreSQL does not run as root, and this system has no user postgres: run as an ordinary user, "
            "or add that user (useradd --system postgres)."
        ) from error


@dataclass(frozen=True, slots=True)
class Postgres(Service):
    """A running cluster. ``max_connections`` is what each database allows."""

    TITLE: ClassVar[str] = "PostgreSQL"
    # At once: an orderly shutdown waits for sessions, and saves what is thrown away.
    ASK_TO_END: ClassVar[signal.Signals] = signal.SIGQUIT

    programs: Path
    admin_password: str = field(repr=False)
    password: str = field(repr=False)
    max_connections: int = field(default_factory=lambda: MOST_CONNECTIONS)

    @classmethod
    def start(cls, folder: Path, databases: int = 1) -> Self:
        """Make a cluster and bring it up; its log is ``postgres.log`` in ``folder``.

        ``databases``: in how many of them applications are at work at the same time. Each has its connections to
        itself, so a stack that takes all of them does not take them from the stack beside it.

        Raises:
            AppError: when PostgreSQL is not installed or does not start.

        """
        programs, user = find_programs(), need_user() if os.geteuid() == 0 else ""
        admin_password, password = secrets.token_hex(16), secrets.token_hex(16)

        def make(home: Home, port: int) -> Sequence[str]:
            _make_cluster(programs, home, admin_password)
            most = MOST_CONNECTIONS * databases + RESERVED
            settings = [f"--{each}" for each in (*SETTINGS, f"max_connections={most}", f"port={port}")]
            return [str(programs / "postgres"), "-D", str(home.folder / "data"), *settings]

        more = {"programs": programs, "admin_password": admin_password, "password": password}
        return cls.bring_up(folder, user, "postgres.log", make, **more)

    def is_ready(self) -> bool:
        """The last line of the server's own file says so, which costs no process and no connection."""
        try:
            lines = (self.home.folder / "data" / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def begin(self) -> None:
        self.ask(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{self.password}'")

    def ask(self, statement: str, database: str = "postgres", **values: str) -> list[list[str]]:
        """Run a statement as the superuser; returns the rows of its answer.

        ``:'name'`` and ``:"name"`` in the statement stand for a value, quoted as a text and as a name.

        Raises:
            AppError: with PostgreSQL's own words.

        """
        command = [str(self.programs / "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
        command += ["--field-separator=\t", f"--host={HOST}", f"--port={self.port}", f"--username={ADMIN}"]
        command += [f"--dbname={database}", "--no-password", "--set=ON_ERROR_STOP=1"]
        command += [f"--set={name}={value}" for name, value in values.items()]
        environment = {"PATH": os.defpath, "LC_ALL": "C", "PGPASSWORD": self.admin_password, "PGCONNECT_TIMEOUT": "10"}
        environment["PGCLIENTENCODING"] = "UTF8"
        try:
            # Not as an argument, which every user of the machine can read: a statement may hold a password.
            done = _run(command, environment, STATEMENT_S, says=statement)
        except subprocess.TimeoutExpired as error:
            raise AppError(f"PostgreSQL did not answer within {STATEMENT_S:g} s.") from error
        if done.returncode:
            said = " ".join(done.stderr.split()).replace(self.password, "…")
            raise AppError(f"PostgreSQL refused what the harness asked: {said}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def create(self, name: str, template: str | None = None) -> Address:
        """Make a database that belongs to the applications' role, empty or as a copy of another.

        Sessions in the template are ended: PostgreSQL copies only what nobody is in.
        """
        copied = ""
        if template is not None:
            self.end_sessions(template)
            copied = 'TEMPLATE :"template"'
        self.ask(
            f'CREATE DATABASE :"name" OWNER {ROLE} {copied} CONNECTION LIMIT {self.max_connections}',
            name=_checked(name),
            template=template or "",
        )
        return self.address(name)

    def settle(self, name: str) -> None:
        """Clean a database up and count its rows for the query planner, once it is filled and before it is copied.

        PostgreSQL would do so by itself some time later, and change its plans while one of the stacks is measured.
        """
        self.ask("VACUUM (ANALYZE)", name)

    def drop(self, name: str) -> None:
        """Remove a database, ending the sessions that are in it; one that is not there is no error."""
        self.ask('DROP DATABASE IF EXISTS :"name" WITH (FORCE)', name=_checked(name))

    def end_sessions(self, name: str) -> None:
        """Tell all sessions in a database to end; what needs it empty waits for them."""
        self.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :'name'", name=name)

    def address(self, name: str) -> Address:
        """Where an application finds a database."""
        url = f"postgresql://{ROLE}:{self.password}@{HOST}:{self.port}/{quote(name, safe='')}"
        return Address(HOST, self.port, name, ROLE, self.password, url)


def _make_cluster(programs: Path, home: Home, password: str) -> None:
    """Make the files of an empty cluster, with a password for the superuser.

    Not without one: every user of this machine can connect to 127.0.0.1, and a superuser can start programs.
    """
    secret = home.folder / "password"
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    uid = home.uid
    if uid is not None:
        os.chown(secret, uid, -1)
    command = [str(programs / "initdb"), "--pgdata", str(home.folder / "data"), "--no-sync", "--encoding=UTF8"]
    command += ["--locale=C.UTF-8" if os.uname().sysname == "Linux" else "--locale=en_US.UTF-8"]
    command += ["--auth=scram-sha-256", f"--username={ADMIN}", f"--pwfile={secret}"]
    environment = {"PATH": f"{programs}:{os.defpath}", "LANG": "C", "HOME": str(home.folder)}
    try:
        done = _run(command, environment, MAKE_S, home)
    except subprocess.TimeoutExpired as error:
        raise AppError(f"PostgreSQL did not make its files within {MAKE_S:g} s: is the disk full or busy?") from error
    finally:
        secret.unlink()
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split("\n")[-3:]).strip()
        raise AppError(f"PostgreSQL could not make its files in {home.folder}: {said}")


def _run(
    command: list[str], environment: dict[str, str], timeout_s: float, home: Home | None = None, says: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs to its end, as the user whom the folder belongs to."""
    entry = pwd.getpwnam(home.user) if home is not None and home.user else None
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout_s,
        env=environment,
        input=says,
        cwd=home.folder if home is not None else None,
        user=entry.pw_uid if entry else None,
        group=entry.pw_gid if entry else None,
        extra_groups=[] if entry else None,
    )


def _checked(name: str) -> str:
    """A database's name, as it is.

    Raises:
        AppError: when PostgreSQL would cut it off.

    """
    if not 0 < len(name.encode()) <= LONGEST_NAME_BYTES:
        raise AppError(f"{name!r} cannot name a database: PostgreSQL takes 1 to {LONGEST_NAME_BYTES} bytes.")
    return name
