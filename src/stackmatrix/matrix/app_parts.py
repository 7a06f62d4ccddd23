"""The parts of an app's file that are tables of their own, and how each is read.

Only the standard library is imported, since the noxfile reads this.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from stackmatrix.errors import AppFileError
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.stacks.stack import PLACES


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


def texts_of(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


def read_by_interface(given: Mapping[str, Any], *, as_texts: bool = False) -> ByInterface:
    both = {key: value for key, value in given.items() if key not in {"wsgi", "asgi"}}
    parts = (both, given.get("wsgi", {}), given.get("asgi", {}))
    return ByInterface(*(map(texts_of, parts) if as_texts else parts))


def command_of(given: str | list[str]) -> tuple[str, ...]:
    return tuple(shlex.split(given) if isinstance(given, str) else given)


def read_process(given: Mapping[str, Any]) -> Process:
    return Process(given["name"], command_of(given["command"]), given.get("port"), texts_of(given.get("env", {})))


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
    if name in STACKS:
        raise AppFileError(f"stack {name}: there is such a stack already; call yours another name.")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise AppFileError(f"stack {name}: a stack's name has small letters, digits and underscores.")
    command, requirements = command_of(given["command"]), given["requirements"]
    if reason := _why_no_command(command):
        raise AppFileError(f"stack {name}: {reason}")
    if not requirements and "server" not in given:
        raise AppFileError(f'stack {name}: requirements is empty: say what is installed, or server = "NAME".')
    return Stack(
        name=name,
        summary=given.get("summary", name),
        port=max(row.port for row in STACKS.values()) + 1,
        server=given.get("server") or re.split(r"[\[<>=!~ ;]", requirements[0], maxsplit=1)[0],
        requirements=tuple(requirements),
        interface=given["interface"],
        waits_with=given["waits_with"],
        slots=given.get("slots"),
        workers=given.get("workers", 1),
        command=command,
        flags_from=given.get("flags_from", ""),
        monkey_patched=given["waits_with"] == "greenlets",
    )


def _why_no_command(command: Sequence[str]) -> str | None:
    """What is wrong with the command of a stack of one's own, as a sentence."""
    try:
        parsed = [name for part in command for _, name, *_ in Formatter().parse(part) if name is not None]
    except ValueError:
        return "its command has a brace that stands alone: write a brace that is meant as it is twice, {{ and }}."
    if unknown := [name for name in parsed if name not in PLACES]:
        known = ", ".join(f"{{{name}}}" for name in PLACES)
        return f"its command has {{{unknown[0]}}}, which nothing fills in; there are {known}."
    return None if "port" in parsed else "its command does not say where {port} goes."
