"""The parts of an app's file that are tables of their own, and how each is read.

Only the standard library is imported, since the noxfile reads this.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from string import Formatter
from typing import Any

from stackmatrix.errors import AppFileError
from stackmatrix.matrix.shapes import shown
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.stacks.stack import COMMAND_PLACES


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
class Waiver:
    """What a gate lets pass: a figure that is worse by less than ``at_most``, a share, until a day, which counts.

    Without a stack, workload or figure it is of any.
    """

    at_most: float
    until: date
    reason: str
    stack: str | None = None
    workload: str | None = None
    figure: str | None = None


def read_waiver(given: Mapping[str, Any]) -> Waiver:
    return Waiver(**{**given, "at_most": share_of(given["at_most"])})


def share_of(percentage: str) -> float:
    """``8.5%`` as a share of one."""
    return float(percentage.removesuffix("%")) / 100


def texts_of(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


def read_by_interface(given: Mapping[str, Any], *, as_texts: bool = False) -> ByInterface:
    both = {key: value for key, value in given.items() if key not in {"wsgi", "asgi"}}
    parts = (both, given.get("wsgi", {}), given.get("asgi", {}))
    return ByInterface(*(map(texts_of, parts) if as_texts else parts))


def words_of(text: str, where: str) -> tuple[str, ...]:
    """The words of a command line.

    Raises:
        AppFileError: where a quotation mark stands alone, or there is no word.

    """
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise AppFileError(f"{where}: {shown(text)} cannot be split into words: {str(error).lower()}.") from None
    if not words or not words[0]:
        raise AppFileError(f"{where}: {shown(text)} names no program.")
    return words


def command_of(given: str | list[str], where: str) -> tuple[str, ...]:
    return words_of(given, where) if isinstance(given, str) else tuple(given)


def read_process(given: Mapping[str, Any]) -> Process:
    command = command_of(given["command"], f"process {given['name']}")
    return Process(given["name"], command, given.get("port"), texts_of(given.get("env", {})))


def read_upstream(name: str, given: Mapping[str, Any]) -> Upstream:
    tail = given["delay_ms"]
    delay = Delay(tail["median"], tail["p99"], tail.get("seed", 1)) if isinstance(tail, dict) else Delay(tail)
    if delay.p99_ms is not None and not 0 < delay.median_ms < delay.p99_ms:
        raise AppFileError(f"upstream {name}: delay_ms: the median lies above 0 and below p99.")
    if given.get("fail_share", 0) + given.get("hang_share", 0) > 1:
        raise AppFileError(f"upstream {name}: fail_share and hang_share are more than all calls.")
    if "json" in given and "body" in given:
        raise AppFileError(f"upstream {name}: it has json and body, and an answer has one body.")
    return Upstream(name, delay, **{key: value for key, value in given.items() if key != "delay_ms"})


def read_stack(name: str, given: Mapping[str, Any]) -> Stack:
    if name in {tag for row in STACKS.values() for tag in row.tags}:
        raise AppFileError(f"stack {name}: {name} chooses a group of stacks already; call yours another name.")
    if name in STACKS:
        raise AppFileError(f"stack {name}: there is such a stack already; call yours another name.")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise AppFileError(f"stack {name}: a stack's name has small letters, digits and underscores.")
    command, requirements = command_of(given["command"], f"stack {name}"), given["requirements"]
    _need_known_places(name, command)
    if not any("{port}" in part for part in command):
        raise AppFileError(f"stack {name}: its command does not say where {{port}} goes.")
    if not requirements and "server" not in given:
        raise AppFileError(f'stack {name}: requirements is empty: say what is installed, or server = "NAME".')
    return Stack(
        name=name,
        summary=given.get("summary", name),
        port=max(row.port for row in STACKS.values()) + 1,
        server=given.get("server") or _module_of(name, requirements[0]),
        requirements=tuple(requirements),
        interface=given["interface"],
        waits_with=given["waits_with"],
        slots=given.get("slots"),
        workers=given.get("workers", 1),
        command=command,
        flags_from=given.get("flags_from", ""),
        monkey_patched=given["waits_with"] == "greenlets",
    )


def _need_known_places(name: str, command: tuple[str, ...]) -> None:
    """Make sure that everything in braces in a stack's command can be filled in."""
    for part in command:
        try:
            found = [(field, more, how) for _, field, more, how in Formatter().parse(part) if field is not None]
        except ValueError:
            raise AppFileError(
                f"stack {name}: a brace stands alone in {shown(part)}; one that is meant is written twice."
            ) from None
        for field, more, how in found:
            if field not in COMMAND_PLACES or more or how:
                there = ", ".join(f"{{{one}}}" for one in COMMAND_PLACES)
                raise AppFileError(
                    f"stack {name}: its command has {shown(part)}, and what can be filled in is {there}; a brace that "
                    "is meant is written twice."
                )


def _module_of(name: str, requirement: str) -> str:
    """What the module of a package is called, for most packages."""
    package = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    if package is None or "://" in requirement.partition(" ")[0]:
        raise AppFileError(f'stack {name}: say the module of its server: server = "NAME".')
    return package[0].replace("-", "_")
