"""A project's settings, read by the Python that will run it, and what makes it unfit to be measured.

Settings are read before anything of the project is set up: a database that the harness did not make is refused before
any code could touch it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from stackmatrix.analysis import exceptions
from stackmatrix.application.discovery import SETTINGS, SETTINGS_FORCED, Found
from stackmatrix.application.failures import Failure, sentence
from stackmatrix.application.place import Arrangement, Runner
from stackmatrix.errors import AppError
from stackmatrix.matrix.app_file import AppFile

SQLITE = "sqlite3"
NO_DATABASE = "django.db.backends.dummy"


@dataclass(frozen=True, slots=True)
class Database:
    """One of DATABASES; ``engine`` is the last part of its module, empty where it has none.

    ``led_by`` are the options and variables that may lead a driver elsewhere than to ``name`` at ``host`` and ``port``.
    """

    alias: str
    engine: str
    name: str
    host: str
    port: str
    conn_max_age: float | None
    is_immediate: bool
    led_by: tuple[str, ...] = ()

    @classmethod
    def of(cls, alias: str, found: Mapping[str, Any]) -> "Database":
        engine = "" if found["engine"] == NO_DATABASE else found["engine"].rpartition(".")[2]
        return cls(alias, **{**found, "engine": engine, "led_by": tuple(found["led_by"])})

    @property
    def is_postgres(self) -> bool:
        return "postgres" in self.engine or "postgis" in self.engine


@dataclass(frozen=True, slots=True)
class Settings:
    """What the harness has to know of a project's settings. ``secret_key`` is a hash, which is written nowhere."""

    module: str
    debug: bool
    allowed_hosts: tuple[str, ...]
    https: bool
    databases: tuple[Database, ...]
    has_manifest: bool
    session_engine: str
    session_cache: str
    csrf_cookie: str
    csrf_header: str
    csrf_in_session: bool
    secret_key: str
    made_ssl_header: bool = False

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Settings":
        databases = [Database.of(alias, one) for alias, one in found["databases"].items()]
        taken = {name: found[name] for name in cls.__slots__ if name in found}
        given = {"allowed_hosts": tuple(found["allowed_hosts"]), "databases": tuple(databases)}
        return cls(**{**taken, **given, "has_manifest": found["static_manifest"]})


@dataclass(frozen=True, slots=True)
class Ours:
    """The databases that the harness made: SQLite files below a folder, and names at an address."""

    folder: Path
    host: str | None = None
    port: int | None = None
    names: tuple[str, ...] = ()


def need_fit(runner: Runner, at: Arrangement, app: AppFile, found: Found, ours: Ours) -> None:
    """Read the settings and nothing else of a project.

    Raises:
        AppError: in one sentence, when they do not load, or are none to be measured.

    """
    read = _ask(runner, at, "settings", app, f"{found.settings} does not load", {})
    _need_fit(Settings.of(read["settings"]), app, ours)


def _need_fit(settings: Settings, app: AppFile, ours: Ours) -> None:
    why = why_unfit(settings, ours, wants_debug=app.override.both.get("DEBUG") is True)
    if why is not None:
        raise AppError(why)


def probe(runner: Runner, at: Arrangement, app: AppFile, found: Found, interface: str, ours: Ours) -> Settings:
    """Set the project up as an interface's stacks do, and see whether its callable is there.

    Raises:
        AppError: in one sentence, when it is not, or when there is a database then that the settings did not name.

    """
    callable_ = found.callable_of(interface)
    assert callable_ is not None
    what = f'{interface.lower()} = "{callable_}" does not load'
    read = _ask(runner, at, "callable", app, what, {"callable": callable_})
    there, settings = read["callable"], Settings.of(read["settings"])
    if not there["is_there"]:
        module, _, name = callable_.partition(":")
        has = f"; it has {', '.join(there['others'])}" if there["others"] else ""
        raise AppError(f'{interface.lower()} = "{callable_}": {module} has no {name}{has}.')
    if settings.module != at.environment[SETTINGS]:
        raise AppError(SETTINGS_FORCED.format(file=callable_.partition(":")[0]))
    _need_fit(settings, app, ours)
    return settings


def _ask(runner: Runner, at: Arrangement, phase: str, app: AppFile, what: str, job: Mapping[str, Any]) -> Any:
    found = runner.inside("probe", {**job, "phase": phase}, at, dict)
    if (error := found.get("error")) is not None:
        failure = Failure.of(error)
        raise AppError(_misspelt(failure, job) or sentence(failure, app, at.cwd, what))
    return found


def _misspelt(failure: Failure, job: Mapping[str, Any]) -> str | None:
    """The sentence for a callable whose module is not there."""
    module = job.get("callable", "").partition(":")[0]
    if failure.type != "ModuleNotFoundError" or not failure.module or not module:
        return None
    if module != failure.module and not module.startswith(f"{failure.module}."):
        return None
    return f"The callable {job['callable']}: there is no module {failure.module}."


def why_unfit(settings: Settings, ours: Ours, *, wants_debug: bool = False) -> str | None:
    """Why a project with these settings is not measured; ``None`` where it can be.

    With ``wants_debug`` the file says that DEBUG is to be on, and it is measured like that.
    """
    if settings.debug and not wants_debug:
        hosts = ' (and override.ALLOWED_HOSTS = ["*"], since that is empty)' if not settings.allowed_hosts else ""
        return (
            f"DEBUG is on, and a site is not served like that: say override.DEBUG = false{hosts}, "
            "or name the settings that you deploy."
        )
    for one in settings.databases:
        if (why := _why_not_ours(one, ours)) is not None:
            return why
    if not settings.debug and not settings.allowed_hosts:
        return (
            "ALLOWED_HOSTS is empty, and without DEBUG every page answers 400 then: say "
            'override.ALLOWED_HOSTS = ["*"], or name the settings that you deploy.'
        )
    return None


RULE = "stackmatrix migrates and fills a database, so it takes only one that it made."


def _why_not_ours(database: Database, ours: Ours) -> str | None:
    name = f"DATABASES[{database.alias!r}]"
    where = f" at {database.host}" if database.host else ""
    if not database.engine:
        return None
    if database.led_by:
        return f"{database.led_by[0]} may lead {name} elsewhere than its NAME and HOST say: {RULE} Leave it out."
    if database.engine.endswith("sqlite3") or database.engine == "spatialite":
        return _why_not_in(name, database.name, ours.folder.resolve())
    if not database.is_postgres:
        return f"{name} is {database.engine} {database.name}{where}: {RULE} It makes SQLite and PostgreSQL."
    if (database.host, database.port) == (ours.host, str(ours.port)) and database.name in ours.names:
        return None
    return (
        f"{name} is postgresql {database.name}{where}: {RULE} "
        'Add services = ["postgres"] and give its address, as in env.DATABASE_URL = "{postgres.url}".'
    )


def _why_not_in(name: str, written: str, folder: Path) -> str | None:
    """Why a file of SQLite's is not one of the project's copy; its name may be an address, and a link may lead away."""
    path, query = written, ""
    if written.startswith("file:"):
        address, _, query = written.removeprefix("file:").partition("?")
        path = unquote(re.sub(r"^//[^/]*", "", address))
    if path in {"", ":memory:"} or "mode=memory" in query:
        return f"{name} is SQLite in memory, which every process has another one of: name a file in the project."
    place = (folder / path).resolve()
    if place.is_relative_to(folder):
        return None
    return f"{name} is the SQLite file {place}, which lies outside of the project: {RULE} Name one in the project."


def warnings(settings: Settings, interface: str, *, has_writes: bool) -> tuple[str, ...]:
    """What is likely to limit a run with these settings, each with its remedy."""
    said = [MADE_SSL_HEADER] if settings.made_ssl_header else []
    for one in settings.databases:
        if interface == "ASGI" and one.conn_max_age != 0:
            said.append(exceptions.keeps_connections(one.alias, one.conn_max_age))
        if has_writes and one.engine.endswith(SQLITE) and not one.is_immediate:
            remedy = exceptions.SQLITE_REMEDY.format(alias=one.alias)
            said.append(f"SQLite is likely to be locked by another writer. {remedy}")
    return tuple(said)


MADE_SSL_HEADER = (
    "requests claim https, which the project takes from no header: SECURE_PROXY_SSL_HEADER is set to one of the "
    "harness's, since not every server hands on X-Forwarded-Proto"
)
