"""What the set-up made, kept as it was: each place where a server runs gets its own copy of all of it.

A stack must not inherit what the one before it wrote, and those that run side by side must not share it. A place is a
folder with the whole copy of the project, its SQLite files and media in it, a database of its own for each of
PostgreSQL's, cloned from the snapshot, and a Redis of its own.
"""

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stackmatrix.application.place import PROJECT
from stackmatrix.application.postgres import LONGEST_NAME_BYTES, Postgres
from stackmatrix.application.probe import Ours
from stackmatrix.application.redis import Redis
from stackmatrix.application.services import Address
from stackmatrix.application.variables import PARTS

BASE, SNAPSHOT = "base", "snapshot"
"""The place of the set-up, and the databases that all others are cloned from."""


@dataclass(slots=True)
class State:
    """The places of one app. ``databases`` are the names that the file has for those of PostgreSQL."""

    folder: Path
    databases: tuple[str, ...] = ()
    postgres: Postgres | None = None
    with_redis: bool = False
    _redis: dict[str, Redis] = field(default_factory=dict)

    @property
    def base(self) -> Path:
        return self.folder / BASE

    def begin(self) -> None:
        """Make the empty databases and the empty Redis that the set-up fills."""
        for name in self.databases:
            assert self.postgres is not None
            self.postgres.create(database_name(BASE, name))
        if self.with_redis:
            self._redis[BASE] = Redis.start(self.folder)

    def snapshot(self) -> None:
        """Keep the databases as they are now; the base's folder must not be written to any more."""
        for name in self.databases:
            assert self.postgres is not None
            self.postgres.settle(database_name(BASE, name))
            self.postgres.create(database_name(SNAPSHOT, name), template=database_name(BASE, name))
        shutil.copytree(self.base / PROJECT, self.folder / SNAPSHOT, symlinks=True)
        if self.with_redis:
            self._redis[SNAPSHOT] = Redis.start(self.folder, content=self._redis[BASE].save())

    def put_back(self, place: str) -> Path:
        """Make a place anew as the set-up left it; nothing may run there. Returns its folder."""
        folder = self.folder / place
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder / SNAPSHOT, folder / PROJECT, symlinks=True)
        for name in self.databases:
            assert self.postgres is not None
            self.postgres.drop(database_name(place, name))
            self.postgres.create(database_name(place, name), template=database_name(SNAPSHOT, name))
        if self.with_redis:
            if place in self._redis:
                self._redis.pop(place).stop()
            self._redis[place] = Redis.start(self.folder, content=self._redis[SNAPSHOT].save())
        return folder

    def known(self, place: str) -> dict[str, str]:
        """The variables of a place's databases and Redis, such as ``postgres.url`` and ``postgres.trac.url``."""
        found: dict[str, str] = {}
        for name in self.databases:
            assert self.postgres is not None
            address = self.postgres.address(database_name(place, name))
            found |= _variables(f"postgres.{name}", address)
            if name == self.databases[0]:
                found |= _variables("postgres", address)
        if place in self._redis:
            found |= _variables("redis", self._redis[place].address)
        return found

    def ours(self, place: str) -> Ours:
        """What a project may have in DATABASES in a place."""
        folder = self.folder / place / PROJECT
        if self.postgres is None:
            return Ours(folder)
        address = self.postgres.address(database_name(place, self.databases[0]))
        names = tuple(database_name(place, name) for name in self.databases)
        return Ours(folder, address.host, address.port, names)

    def close(self) -> None:
        """Stop every Redis; PostgreSQL is stopped by whoever started it."""
        for redis in self._redis.values():
            redis.stop()
        self._redis.clear()


def database_name(place: str, name: str) -> str:
    """The database of a place; a name that would be too long is made unlike others by a hash."""
    full = re.sub(r"[^a-z0-9_]", "_", f"{place}_{name}".lower())
    if len(full) <= LONGEST_NAME_BYTES:
        return full
    digest = hashlib.sha256(full.encode()).hexdigest()[:8]
    return f"{full[: LONGEST_NAME_BYTES - 9]}_{digest}"


def _variables(prefix: str, address: Address) -> Mapping[str, Any]:
    return {f"{prefix}.{part}": str(getattr(address, part)) for part in PARTS}
