"""The file that describes an application under test: ``stackmatrix.toml``, or ``[tool.stackmatrix]`` of a pyproject.

Everything in it is optional but one page. What it leaves out is found in the project later, when the project is looked
at. Only the standard library is imported, since the noxfile reads this.
"""

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from stackmatrix.errors import AppFileError
from stackmatrix.matrix.app_keys import APP
from stackmatrix.matrix.app_requests import Request, requests_of
from stackmatrix.matrix.stacks import STACKS, Stack

FILE_NAME = "stackmatrix.toml"
READY_WITHIN_S = 120.0
"""How long an app may take until it answers: one that imports much, on a slow disk, takes a minute."""


@dataclass(frozen=True, slots=True)
class ByInterface:
    """Values for all stacks, and those for stacks of one interface, which win."""

    both: Mapping[str, Any]
    wsgi: Mapping[str, Any]
    asgi: Mapping[str, Any]

    def of(self, interface: str) -> dict[str, Any]:
        """The values for an interface, merged table by table."""
        return merge(self.both, self.wsgi if interface == "WSGI" else self.asgi)


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables made one: the second wins, and tables in both are merged."""
    merged = dict(under)
    for key, value in over.items():
        first = merged.get(key)
        merged[key] = merge(first, value) if isinstance(first, Mapping) and isinstance(value, Mapping) else value
    return merged


@dataclass(frozen=True, slots=True)
class Delay:
    """How long an upstream service takes, in ms: ``median_ms`` always, or drawn from a long tail with that p99."""

    median_ms: float
    p99_ms: float | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Upstream:
    """A slow service that the app calls, stood in for. The shares are of its calls, from 0 to 1."""

    name: str
    delay: Delay
    status: int = 200
    json: Any = None
    body: str | None = None
    content_type: str | None = None
    fail_share: float = 0.0
    hang_share: float = 0.0
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """Another process that must listen before a stack starts; without a port it gets a free one."""

    name: str
    command: tuple[str, ...]
    port: int | None
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Login:
    """How a user is logged in by form."""

    path: str
    form: Mapping[str, str]


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

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Those whose stacks take part."""
        return tuple(
            name for name, callable_ in (("WSGI", self.wsgi), ("ASGI", self.asgi)) if callable_ is not False
        )


def read(place: Path) -> AppFile:
    """What an app's file says. ``place`` is the file, or the folder that has it.

    Raises:
        AppFileError: when there is none, or it says what cannot be; it names the file.

    """
    file, content = _load(place)
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
        table = content.get("tool", {}).get("stackmatrix")
        if table is None:
            raise AppFileError(f'{place} has no [tool.stackmatrix]; write it with one line: paths = ["/"]')
        return file, cast("dict[str, Any]", table)
    if (file / FILE_NAME).exists():
        return _load(file / FILE_NAME)
    project = file / "pyproject.toml"
    if project.exists() and "stackmatrix" in _parse(project).get("tool", {}):
        return _load(project)
    raise AppFileError(
        f"{file.name} has neither a {FILE_NAME} nor a [tool.stackmatrix] in its pyproject.toml; "
        'write one line: paths = ["/"]'
    )


_TWICE = re.compile(r"Cannot (?:declare|mutate|overwrite).*?\('?(\w+)'?")


def _parse(file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        for number, line in enumerate(text.splitlines(), 1):
            braces = re.match(r"\s*(\w+)\s*=\s*\{", line)
            if braces and re.search(r"twice|mutate|immutable|overwrite", str(error)) and f"'{braces[1]}'" in str(error):
                raise AppFileError(
                    f"{file.name}: {braces[1]} is written in braces in line {number}, and braces cannot be continued: "
                    f"write [{braces[1]}] in a line of its own, and its keys below."
                ) from None
        raise AppFileError(f"{file.name} is not TOML: {error}.") from None


def _app(file: Path, content: Mapping[str, Any]) -> AppFile:
    folder = file.parent
    project = (folder / content.get("project", ".")).resolve()
    if not project.is_dir():
        raise AppFileError(f"project = {content['project']!r}: there is no such folder.")
    files, services = content.get("files", {}), content.get("services", ())
    ready = content.get("ready", {})
    return AppFile(
        file=file,
        name=_name(content.get("name", project.name)),
        project=project,
        requests=requests_of(content),
        env=_by_interface(content.get("env", {}), as_texts=True),
        override=_by_interface(content.get("override", {})),
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
        processes=tuple(map(_process, content.get("process", ()))),
        upstreams=tuple(_upstream(name, one) for name, one in content.get("upstream", {}).items()),
        state=tuple(content.get("state", ())),
        ready_path=ready.get("path"),
        ready_within_s=float(ready.get("within", READY_WITHIN_S)),
        logins={user: Login(one["path"], _texts(one["form"])) for user, one in content.get("login", {}).items()},
        stacks=tuple(_stack(name, one) for name, one in content.get("stack", {}).items()),
        **{
            key: content[key]
            for key in ("settings", "wsgi", "asgi", "manage", "host", "https", "rate", "unloaded_ms")
            if key in content
        },
    )


def _name(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug:
        raise AppFileError(f"name = {name!r} has no letter that a folder can be called by.")
    return slug


def _maybe(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


def _by_interface(given: Mapping[str, Any], *, as_texts: bool = False) -> ByInterface:
    both = {key: value for key, value in given.items() if key not in {"wsgi", "asgi"}}
    parts = (both, given.get("wsgi", {}), given.get("asgi", {}))
    return ByInterface(*(map(_texts, parts) if as_texts else parts))


_SHELL_WORDS = re.compile(r"^(make|npm|npx|yarn|pnpm|bash|sh|cp|mv|rm|mkdir|curl|wget|python[\d.]*|uv|pip|\./\S+)\s")


def _steps(steps: list[str] | None) -> tuple[str, ...] | None:
    for step in steps or ():
        if not step.strip():
            raise AppFileError("setup has an empty step.")
        if _SHELL_WORDS.match(f"{step} ") and not step.split()[0].endswith(".py"):
            raise AppFileError(f'setup: a set-up step for the shell begins with \'$ \', as in "$ {step}".')
    return _maybe(steps)


def _beside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_file():
        raise AppFileError(f"files: copy = {name!r}: there is no such file beside this one.")
    return path


def _databases(services: list[Any]) -> tuple[str, ...]:
    found: list[str] = []
    for service in services:
        found += service["postgres"] if isinstance(service, dict) else ["default"] if service == "postgres" else []
    return tuple(found)


def _command(given: str | list[str]) -> tuple[str, ...]:
    return tuple(shlex.split(given) if isinstance(given, str) else given)


def _process(given: Mapping[str, Any]) -> Process:
    return Process(given["name"], _command(given["command"]), given.get("port"), _texts(given.get("env", {})))


def _upstream(name: str, given: Mapping[str, Any]) -> Upstream:
    tail = given["delay_ms"]
    delay = Delay(tail["median"], tail["p99"], tail.get("seed", 1)) if isinstance(tail, dict) else Delay(tail)
    if delay.p99_ms is not None and not 0 < delay.median_ms < delay.p99_ms:
        raise AppFileError(f"upstream {name}: delay_ms: the median lies above 0 and below p99.")
    if given.get("fail_share", 0) + given.get("hang_share", 0) > 1:
        raise AppFileError(f"upstream {name}: fail_share and hang_share are more than all calls.")
    if "json" in given and "body" in given:
        raise AppFileError(f"upstream {name}: it has json and body, and an answer has one body.")
    return Upstream(name, delay, **{key: value for key, value in given.items() if key != "delay_ms"})


def _stack(name: str, given: Mapping[str, Any]) -> Stack:
    if name in STACKS:
        raise AppFileError(f"stack {name}: there is such a stack already; call yours another name.")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise AppFileError(f"stack {name}: a stack's name has small letters, digits and underscores.")
    command = _command(given["command"])
    if not any("{port}" in part for part in command):
        raise AppFileError(f"stack {name}: its command does not say where {{port}} goes.")
    return Stack(
        name=name,
        summary=given.get("summary", name),
        port=max(row.port for row in STACKS.values()) + 1,
        server=given.get("server") or re.split(r"[\[<>=!~ ;]", given["requirements"][0], maxsplit=1)[0],
        requirements=tuple(given["requirements"]),
        interface=given["interface"],
        waits_with=given["waits_with"],
        slots=given.get("slots"),
        command=command,
        flags_from=given.get("flags_from", ""),
        monkey_patched=given["waits_with"] == "greenlets",
    )
