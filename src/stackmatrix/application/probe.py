"""A project's settings, read by the Python that will run it, and what makes it unfit to be measured.

Settings are read before anything of the project is set up: a database that the harness did not make is refused before
any code could touch it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackmatrix.analysis import exceptions
from stackmatrix.application.discovery import Found
from stackmatrix.application.failures import Failure, sentence
from stackmatrix.application.place import Arrangement, Runner
from stackmatrix.errors import AppError
from stackmatrix.matrix.app_file import AppFile

SQLITE = "sqlite3"


@dataclass(frozen=True, slots=True)
class Database:
    """One of DATABASES; ``engine`` is the last part of its module."""

    alias: str
    engine: str
    name: str
    host: str
    port: str
    user: str
    conn_max_age: float | None
    is_immediate: bool

    @property
    def is_postgres(self) -> bool:
        return "postgres" in self.engine or "postgis" in self.engine


@dataclass(frozen=True, slots=True)
class Settings:
    """What the harness has to know of a project's settings. ``secret_key`` is a hash, which is written nowhere."""

    django: str
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

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Settings":
        databases = [
            Database(alias, **{**one, "engine": one["engine"].rpartition(".")[2]})
            for alias, one in found["databases"].items()
        ]
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
    why = why_unfit(Settings.of(read["settings"]), ours, wants_debug=app.override.both.get("DEBUG") is True)
    if why is not None:
        raise AppError(why)


def probe(runner: Runner, at: Arrangement, app: AppFile, found: Found, interface: str) -> Settings:
    """Set the project up as an interface's stacks do, and see whether its callable is there.

    Raises:
        AppError: in one sentence, when it is not.

    """
    callable_ = found.callable_of(interface)
    assert callable_ is not None
    what = f'{interface.lower()} = "{callable_}" does not load'
    read = _ask(runner, at, "callable", app, what, {"callable": callable_})
    there = read["callable"]
    if not there["is_there"]:
        module, _, name = callable_.partition(":")
        has = f"; it has {', '.join(there['others'])}" if there["others"] else ""
        raise AppError(f'{interface.lower()} = "{callable_}": {module} has no {name}{has}.')
    if read["settings"]["module"] != at.environment["DJANGO_SETTINGS_MODULE"]:
        raise AppError(
            f"{callable_.partition(':')[0]} sets DJANGO_SETTINGS_MODULE to {read['settings']['module']} whatever it "
            "was: nothing can be overridden then. Use os.environ.setdefault there, as Django's template does."
        )
    return Settings.of(read["settings"])


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
    return next((why for one in settings.databases if (why := _why_not_ours(one, ours)) is not None), None)


def _why_not_ours(database: Database, ours: Ours) -> str | None:
    name = f"DATABASES[{database.alias!r}]"
    rule = "stackmatrix migrates and fills a database, so it takes only one that it made."
    if database.engine in {"", "dummy"}:
        return None
    if database.engine.endswith("sqlite3") or database.engine == "spatialite":
        if database.name in {"", ":memory:"} or "mode=memory" in database.name:
            return f"{name} is SQLite in memory, which every process has another one of: name a file in the project."
        place = (ours.folder / database.name.removeprefix("file:").partition("?")[0]).resolve()
        if place.is_relative_to(ours.folder.resolve()):
            return None
        return f"{name} is the SQLite file {place}, which lies outside of the project: {rule} Name one in the project."
    if database.is_postgres:
        is_ours = (database.host, database.port) == (ours.host, str(ours.port)) and database.name in ours.names
        return None if is_ours else _foreign(name, database, rule)
    where = f" at {database.host}" if database.host else ""
    return f"{name} is {database.engine} {database.name}{where}: {rule} It makes SQLite and PostgreSQL."


def _foreign(name: str, database: Database, rule: str) -> str:
    where = f" at {database.host}" if database.host else ""
    return (
        f"{name} is postgresql {database.name}{where}: {rule} "
        'Add services = ["postgres"] and give its address, as in env.DATABASE_URL = "{postgres.url}".'
    )


def warnings(settings: Settings, interface: str, *, has_writes: bool) -> tuple[str, ...]:
    """What is likely to limit a run with these settings, each with its remedy."""
    said = []
    for one in settings.databases:
        if interface == "ASGI" and one.conn_max_age != 0:
            said.append(exceptions.keeps_connections(one.alias, one.conn_max_age))
        if has_writes and one.engine == SQLITE and not one.is_immediate:
            remedy = exceptions.SQLITE_REMEDY.format(alias=one.alias)
            said.append(f"SQLite is likely to be locked by another writer. {remedy}")
    return tuple(said)
