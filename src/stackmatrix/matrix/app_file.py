"""The file that describes an application under test: ``stackmatrix.toml``, or ``[tool.stackmatrix]`` of a pyproject.

Everything in it is optional but one page. What it leaves out is found in the project later, when the project is looked
at. Only the standard library is imported, since the noxfile reads this.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from stackmatrix.errors import AppFileError
from stackmatrix.matrix.app_keys import APP, SERVICES
from stackmatrix.matrix.app_parts import (
    ByInterface,
    Login,
    Process,
    Upstream,
    Waiver,
    read_by_interface,
    read_process,
    read_stack,
    read_upstream,
    read_waiver,
    texts_of,
    words_of,
)
from stackmatrix.matrix.app_requests import Request, path_of, requests_of
from stackmatrix.matrix.shapes import shown
from stackmatrix.matrix.stacks import Stack
from stackmatrix.outside.documents import read_toml
from stackmatrix.outside.files import MOST_SETTINGS_BYTES, read_text

FILE_NAME = "stackmatrix.toml"
LONGEST_NAME = 60
READY_WITHIN_S = 120.0
"""How long an app may take until it answers: one that imports much, on a slow disk, takes a minute."""


@dataclass(frozen=True, slots=True)
class AppFile:
    """All that the file says; ``None`` is what it does not say. Paths are absolute.

    ``wsgi`` and ``asgi`` are ``False`` where stacks of that interface are left out. ``databases`` are those of
    PostgreSQL. ``copied`` are the files put into the copy from beside this one, by their place in it.
    """

    file: Path
    name: str
    project: Path
    requests: tuple[Request, ...]
    env: ByInterface
    override: ByInterface
    settings: str | None = None
    wsgi: str | Literal[False] | None = None
    asgi: str | Literal[False] | None = None
    manage: str | None = None
    install: tuple[str, ...] | None = None
    pythons: tuple[str, ...] | None = None
    env_file: Path | None = None
    secrets: tuple[str, ...] = ()
    written: Mapping[str, str] | None = None
    copied: Mapping[str, Path] | None = None
    databases: tuple[str, ...] = ()
    has_redis: bool = False
    has_slow_api: bool = False
    processes: tuple[Process, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    setup: tuple[str, ...] | None = None
    state: tuple[str, ...] = ()
    host: str | None = None
    https: bool | None = None
    ready_path: str | None = None
    ready_within_s: float = READY_WITHIN_S
    logins: Mapping[str, Login] | None = None
    stacks: tuple[Stack, ...] = ()
    rate: float | None = None
    unloaded_ms: float | None = None
    waivers: tuple[Waiver, ...] = ()
    budgets: Mapping[str, float] | None = None
    side: str = ""
    """That of a comparison for which it is installed and served: each has environments of its own."""

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Those whose stacks take part."""
        return tuple(name for name, callable_ in (("WSGI", self.wsgi), ("ASGI", self.asgi)) if callable_ is not False)


def read(place: Path) -> AppFile:
    """What an app's file says. ``place`` is the file, or the folder that has it.

    Raises:
        AppFileError: when there is none, or it says what cannot be; it names the file.

    """
    return of(*_load(place))


def of(file: Path, content: Mapping[str, Any]) -> AppFile:
    """What a file with this content says.

    Raises:
        AppFileError: when it says what cannot be; it names the file.

    """
    try:
        APP.check(content, "")
        return _app(file, content)
    except AppFileError as error:
        raise AppFileError(f"{file.name}: {error}") from None


def _load(place: Path) -> tuple[Path, dict[str, Any]]:
    file = place.expanduser().resolve()
    if not file.exists():
        raise AppFileError(f"{place} is not there; --app names a {FILE_NAME}, a pyproject.toml or their folder.")
    if not file.is_dir():
        content = _parse(file)
        if file.name != "pyproject.toml":
            return file, content
        table = _tool(content).get("stackmatrix")
        if table is None:
            raise AppFileError(f'{place} has no [tool.stackmatrix]; write it with one line: paths = ["/"]')
        return file, cast("dict[str, Any]", table)
    if (file / FILE_NAME).exists():
        return _load(file / FILE_NAME)
    project = file / "pyproject.toml"
    if project.exists() and "stackmatrix" in _tool(_parse(project)):
        return _load(project)
    raise AppFileError(
        f"{file.name} has neither a {FILE_NAME} nor a [tool.stackmatrix] in its pyproject.toml; "
        'write one line: paths = ["/"]'
    )


def _tool(content: Mapping[str, Any]) -> Mapping[str, Any]:
    table = content.get("tool")
    return table if isinstance(table, dict) else {}


def _parse(file: Path) -> dict[str, Any]:
    try:
        text = read_text(file, MOST_SETTINGS_BYTES)
    except OSError as error:
        raise AppFileError(f"{file.name} cannot be read: {error.strerror}.") from None
    try:
        return read_toml(text)
    except tomllib.TOMLDecodeError as error:
        for number, line in enumerate(text.splitlines(), 1):
            braces = re.match(r"\s*(\w+)\s*=\s*\{", line)
            if braces and re.search(r"twice|mutate|immutable|overwrite", str(error)) and f"'{braces[1]}'" in str(error):
                raise AppFileError(
                    f"{file.name}: {braces[1]} is written in braces in line {number}, and braces cannot be continued: "
                    f"write [{braces[1]}] in a line of its own, and its keys below."
                ) from None
        raise AppFileError(f"{file.name} is not TOML: {error}.") from None
    except ValueError as error:  # a number of thousands of digits, a hundred lists in each other
        raise AppFileError(f"{file.name} cannot be read: {error}.") from None


def _app(file: Path, content: Mapping[str, Any]) -> AppFile:
    folder = file.parent
    project = (folder / content.get("project", ".")).resolve()
    if not project.is_dir():
        raise AppFileError(f"project = {shown(content['project'])}: there is no such folder.")
    files, services = content.get("files", {}), content.get("services", ())
    ready = content.get("ready", {})
    if "manage" in content:
        words_of(content["manage"], "manage")
    _need_names_of_their_own(content)
    return AppFile(
        file=file,
        name=_name(content.get("name", project.name)),
        project=project,
        requests=requests_of(content),
        env=read_by_interface(content.get("env", {}), as_texts=True),
        override=read_by_interface(content.get("override", {})),
        pythons=_maybe(content.get("python")),
        install=_maybe(content.get("install")),
        setup=_steps(content.get("setup")),
        env_file=(folder / content["env_file"]).resolve() if "env_file" in content else None,
        secrets=tuple(content.get("secrets", ())),
        written={place: text for place, text in files.items() if isinstance(text, str)},
        copied={place: _beside(folder, one["copy"]) for place, one in files.items() if not isinstance(one, str)},
        databases=_databases(services),
        has_redis="redis" in services,
        has_slow_api="slow-api" in services,
        processes=tuple(map(read_process, content.get("process", ()))),
        upstreams=tuple(read_upstream(name, one) for name, one in content.get("upstream", {}).items()),
        state=tuple(content.get("state", ())),
        ready_path=path_of(ready["path"], "ready") if "path" in ready else None,
        ready_within_s=float(ready.get("within", READY_WITHIN_S)),
        logins={
            user: Login(path_of(one["path"], f"login {user}"), texts_of(one["form"]))
            for user, one in content.get("login", {}).items()
        },
        stacks=tuple(read_stack(name, one) for name, one in content.get("stack", {}).items()),
        waivers=tuple(map(read_waiver, content.get("waive", ()))),
        budgets=content.get("budget"),
        **{
            key: content[key]
            for key in ("settings", "wsgi", "asgi", "manage", "host", "https", "rate", "unloaded_ms")
            if key in content
        },
    )


def _name(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug:
        raise AppFileError(f"name = {shown(name)} has no letter that a folder can be called by.")
    if len(slug) > LONGEST_NAME:
        raise AppFileError(f"name = {shown(name)} is too long for a folder: {LONGEST_NAME} characters are taken.")
    return slug


def _need_names_of_their_own(content: Mapping[str, Any]) -> None:
    """Make sure that each address in braces is that of one thing."""
    taken = set(SERVICES)
    for name in (*(one["name"] for one in content.get("process", ())), *content.get("upstream", {})):
        if name in taken:
            raise AppFileError(f"two of services, process and upstream are called {name}; call one another name.")
        taken.add(name)


def _maybe(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


_SHELL_WORDS = re.compile(r"^(make|npm|npx|yarn|pnpm|bash|sh|cp|mv|rm|mkdir|curl|wget|python[\d.]*|uv|pip|\./\S+)\s")


def _steps(steps: list[str] | None) -> tuple[str, ...] | None:
    for step in steps or ():
        if not step.strip():
            raise AppFileError("setup has an empty step.")
        if _SHELL_WORDS.match(f"{step} ") and not step.split()[0].endswith(".py"):
            raise AppFileError(f"setup: a set-up step for the shell begins with '$ ', as in \"$ {step}\".")
        if not step.startswith("$ "):
            words_of(step, "setup")
    return _maybe(steps)


def _beside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_file():
        raise AppFileError(f"files: copy = {shown(name)}: there is no such file beside this one.")
    return path


def _databases(services: list[Any]) -> tuple[str, ...]:
    found: list[str] = []
    for service in services:
        found += service["postgres"] if isinstance(service, dict) else ["default"] if service == "postgres" else []
    return tuple(found)
